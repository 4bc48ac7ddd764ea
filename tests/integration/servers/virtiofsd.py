# SPDX-License-Identifier: LGPL-2.1-or-later
"""Virtiofsd: a folder of this machine as a file system of one guest, which has to be started with qemu_options(). It
serves one boot: restart() it before the next."""

from servers.server import Server

PROGRAM = "/usr/lib/qemu/virtiofsd"
TAG = "crashes"


class Virtiofsd(Server):
    name = "virtiofsd"

    def __init__(self, scratch):
        super().__init__(scratch)
        self.data = self.folder / "data"
        self.socket = self.folder / "socket"

    def prepare(self):
        self.data.mkdir()

    def launch(self):
        self.socket.unlink(missing_ok=True)
        self.process = self.spawn(PROGRAM, "--socket-path=%s" % self.socket, "-o", "source=%s" % self.data,
                                  "-o", "sandbox=chroot", "-o", "cache=auto")
        self.wait_until(self.socket.exists, "made no socket")

    def qemu_options(self, memory_mib):
        """Its memory is shared with the server."""
        return ["-object", "memory-backend-memfd,id=shared,size=%dM,share=on" % memory_mib, "-machine", "memory-backend=shared",
                "-chardev", "socket,id=virtiofs,path=%s" % self.socket, "-device",
                "vhost-user-fs-pci,chardev=virtiofs,tag=%s" % TAG]
