# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sshd: OpenSSH with keys, users and configuration of its own. The one user is `crash`, in by key only; what that user
sees as /srv is the folder `data` here."""

import signal
import subprocess

from machine import BedError, quiet
from servers.server import Server, children

USER, UID = "crash", 64000
SFTP = {  # how it is offered, by what there may be in its configuration
    "program": "Subsystem sftp /usr/lib/openssh/sftp-server -f AUTH -l ERROR",
    "internal": "Subsystem sftp internal-sftp",
    "chroot": "Subsystem sftp internal-sftp\nForceCommand internal-sftp\nChrootDirectory /srv",
    "none": "",  # only a shell
    "nothing": "ForceCommand /bin/false",
}
CONFIG = """Port %(port)d
AddressFamily any
HostKey %(folder)s/host_key
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
AllowTcpForwarding no
LogLevel VERBOSE
MaxStartups 100
%(more)s
"""


def make_key(path, kind="ed25519"):
    """Returns (private, public) text."""
    quiet("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "kdump", "-f", path)
    return path.read_text(), path.with_name(path.name + ".pub").read_text()


class Sshd(Server):
    """@sftp: of SFTP. @size_mib: of a file system of its own for what it stores; else it is a plain folder."""

    name = "sshd"

    def __init__(self, scratch, net=None, port=22, sftp="program", size_mib=0, more=""):
        super().__init__(scratch, net)
        self.port = self.port_or_free(port)
        self.sftp, self.size_mib, self.more = sftp, size_mib, more
        self.data = self.folder / "data"
        self.key = self.public_key = self.host_key = None

    def prepare(self):
        _, self.host_key = make_key(self.folder / "host_key")
        self.key, self.public_key = make_key(self.folder / "id_ed25519")
        for name, line in (("passwd", "%s:x:%d:%d::/srv/home:/bin/sh" % (USER, UID, UID)),
                           ("shadow", "%s:*:19000:0:99999:7:::" % USER), ("group", "%s:x:%d:" % (USER, UID))):
            with open("/etc/" + name, encoding="utf-8") as f:
                (self.folder / name).write_text(f.read() + line + "\n")
        (self.folder / "run/sshd").mkdir(parents=True, mode=0o755)
        if self.size_mib:
            self.mount("data", self.size_mib)
        else:
            self.data.mkdir()
        self.data.chmod(0o755)
        for name in ("dumps", "home"):
            (self.data / name).mkdir(mode=0o700)
        (self.data / "home/.ssh").mkdir(mode=0o700)
        (self.data / "home/.ssh/authorized_keys").write_text(self.public_key)
        quiet("chown", "-R", "%d:%d" % (UID, UID), self.data / "dumps", self.data / "home")

    def launch(self):
        config = self.folder / "sshd_config"
        listen = "" if self.net else "ListenAddress 127.0.0.1\nListenAddress ::1\n"
        # A Match block ends with the file.
        config.write_text(listen + CONFIG % {"port": self.port, "folder": self.folder,
                                             "more": self.more + "\n" + SFTP[self.sftp]})
        binds = [(self.folder / name, "/etc/" + name) for name in ("passwd", "shadow", "group")]
        self.process = self.spawn("/usr/sbin/sshd", "-D", "-e", "-f", config, binds=binds + [(self.data, "/srv")])
        self.wait_bound(self.port)

    def sessions(self):
        """The processes of those who are connected."""
        program = self.program()
        return children(program) if program else []

    def kill_sessions(self):
        """Connections break; new ones are accepted. Returns how many processes that were."""
        pids = self.sessions()
        self.signal(signal.SIGKILL, pids)
        return len(pids)

    @property
    def path(self):
        """Where a client may write."""
        return "/dumps" if self.sftp == "chroot" else "/srv/dumps"

    @property
    def dumps(self):
        """The same, from outside."""
        return self.data / "dumps"

    def known_hosts(self, host=None, host_key=None):
        """A line for known_hosts; @host_key: of another one."""
        host = host or self.address
        name = host if self.port == 22 else "[%s]:%d" % (host, self.port)
        return "%s %s\n" % (name, " ".join((host_key or self.host_key).split()[:2]))

    def client_argv(self, program, host=None):
        """OpenSSH's own client at the far end, up to the name of the host. (known_hosts and key are ours.)"""
        known = self.folder / "known_hosts"
        known.write_text(self.known_hosts(host))
        return [program, "-F", "none", "-i", self.folder / "id_ed25519", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
                "-o", "UserKnownHostsFile=%s" % known, "-o", "GlobalKnownHostsFile=none", "-o", "IdentitiesOnly=yes",
                "-P" if program == "sftp" else "-p", self.port]

    def sftp_batch(self, net, commands, host=None):
        """Runs commands of sftp(1) in a network; returns its output."""
        host = host or self.address
        argv = self.client_argv("sftp", host) + ["-b", "-", "%s@%s" % (USER, "[%s]" % host if ":" in host else host)]
        argv = net.argv(*argv) if net else [str(a) for a in argv]
        done = subprocess.run(argv, input=commands, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, timeout=300)
        if done.returncode != 0:
            raise BedError("sftp ended with %d:\n%s" % (done.returncode, done.stdout))
        return done.stdout
