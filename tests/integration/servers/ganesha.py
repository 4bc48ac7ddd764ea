# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ganesha: an NFS server, of versions 3 and 4 at once, with the port mapper that version 3 asks. The export is a file
system of its own, so it can be filled."""

from servers.server import Server

PORT, MOUNT_PORT, PORTMAP_PORT = 2049, 20048, 111
EXPORT = "/export"
CONFIG = """
NFS_CORE_PARAM {
        Protocols = %(protocols)s;
        NFS_Port = %(port)d;
        MNT_Port = %(mount_port)d;
        Rquota_Port = %(quota_port)d;
        Bind_addr = %(bind)s;
        Enable_NLM = false;
        Enable_RQUOTA = false;
        Mount_Path_Pseudo = true;
}
NFSv4 {
        Graceless = true;
        RecoveryBackend = fs;
        RecoveryRoot = %(folder)s/recovery;
        Only_Numeric_Owners = true;
}
EXPORT {
        Export_Id = 1;
        Path = %(data)s;
        Pseudo = %(export)s;
        Access_Type = RW;
        Squash = %(squash)s;
        SecType = sys;
        Protocols = %(protocols)s;
        Transports = TCP;
        FSAL { Name = VFS; }
}
LOG { Default_Log_Level = EVENT; }
"""


class Ganesha(Server):
    """@squash: as of exports(5), in ganesha's words. At the loopback of this machine it is of version 4 only."""

    name = "ganesha"

    def __init__(self, scratch, net=None, port=PORT, protocols="3,4", size_mib=4096, squash="No_Root_Squash"):
        super().__init__(scratch, net)
        self.port = self.port_or_free(port)
        self.protocols = protocols if net else "4"
        self.size_mib, self.squash = size_mib, squash
        self.data = self.portmap = None

    def prepare(self):
        self.data = self.mount("data", self.size_mib)
        for name in ("recovery", "run/ganesha", "run/rpcbind"):
            (self.folder / name).mkdir(parents=True)

    def launch(self):
        ports = (MOUNT_PORT, 875) if self.net else (self.port_or_free(0), self.port_or_free(0))
        config = self.folder / "ganesha.conf"
        config.write_text(CONFIG % {
            "protocols": self.protocols, "port": self.port, "mount_port": ports[0], "quota_port": ports[1],
            "bind": "::" if self.net else self.address, "folder": self.folder, "data": self.data, "export": EXPORT,
            "squash": self.squash})
        if "3" in self.protocols:
            self.portmap = self.spawn("rpcbind", "-f", "-r", "-s")
            self.wait_bound(PORTMAP_PORT, process=self.portmap)
        self.process = self.spawn("ganesha.nfsd", "-F", "-f", config, "-L", self.log_path, "-p", "/run/ganesha/pid")
        self.wait_bound(self.port)
        self.wait_until(lambda: "NFS SERVER INITIALIZED" in self.log(), "is not initialized")

    def kill(self):
        super().kill()
        if self.portmap:
            self.portmap.kill()
            self.portmap.wait()
            self.portmap = None

    def what(self, host=None):
        """For kdump.conf."""
        host = host or self.address
        return "%s:%s" % ("[%s]" % host if ":" in host else host, EXPORT)
