# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real sshd with keys, settings and a port of its own, in a network namespace where there is nobody else, and a
forwarder in front of it that counts and breaks connections. For depot-ssh.py and tools/bench-ssh."""

import fcntl
import getpass
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:%s" % os.environ.get("PATH", ""))
USER = getpass.getuser()
READY_SECONDS = 30


def alone(arguments):
    """Runs this script again as root of namespaces of its own: an empty /run, which sshd wants, and a loopback device
    with all its ports. Exits with 77 where that cannot be."""
    if not SSHD or not shutil.which("ssh-keygen") or os.geteuid() != 0:
        sys.exit(77)
    unshare = ["unshare", "--mount", "--net", "sh", "-c",
               'mount -t tmpfs -o mode=0755 none /run && mkdir -m 0755 /run/sshd && exec "$@"', "sh"]
    if subprocess.run([*unshare, "true"], check=False).returncode != 0:
        sys.exit(77)
    sys.exit(subprocess.run([*unshare, sys.executable, *arguments, "inside"], check=False).returncode)


def loopback_up():
    get, put, up = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        name, flags = struct.unpack("16sh", fcntl.ioctl(s, get, struct.pack("16sh14x", b"lo", 0))[:18])
        fcntl.ioctl(s, put, struct.pack("16sh14x", name, flags | up))


def make_key(path, kind="ed25519"):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)


def children(pid):
    """All processes below @pid, the youngest first."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return found[:0:-1]


class Server:
    """An sshd. @lines: of its settings."""

    def __init__(self, folder, lines=("Subsystem sftp internal-sftp",), port=22, kind="ed25519"):
        self.folder, self.port, self.process = folder, port, None
        folder.mkdir(parents=True, exist_ok=True)
        self.key, self.log, self.known = folder / "key", folder / "log", folder / "known_hosts"
        self.host_key, self.config = folder / "host_key", folder / "sshd_config"
        if not self.key.exists():
            make_key(self.key, kind)
            make_key(self.host_key)
        public = self.host_key.with_suffix(".pub").read_text(encoding="utf-8")
        names = ["server", "server.test", "127.0.0.1", "::1"]
        self.known.write_text("%s %s" % (",".join(names + ["[%s]:*" % n for n in names]), public), encoding="utf-8")
        self.config.write_text("\n".join([
            "Port %d" % port, "HostKey %s" % self.host_key, "AuthorizedKeysFile %s.pub" % self.key, "StrictModes no",
            "PidFile none", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password", "UsePAM no", "LogLevel VERBOSE", *lines, ""]), encoding="utf-8")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([SSHD, "-D", "-f", self.config, "-E", self.log])
        end = time.monotonic() + READY_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError("sshd does not listen:\n%s" % self.told()) from None
                time.sleep(0.02)

    def kill(self):
        """The daemon, and all of its connections with it."""
        if not self.process:
            return
        pids = children(self.process.pid)
        self.process.kill()
        self.process.wait()
        self.process = None
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def restart(self):
        self.kill()
        self.start()

    def told(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def target(self, path):
        """What the depot is told of it."""
        return {"what": "%s@server" % USER, "address": "127.0.0.1", "port": self.port, "path": path,
                "sshkey": self.key, "known_hosts": self.known}


class Forwarder:
    """Listens on a port and hands on to another, until it is told to break."""

    def __init__(self, port, to_port):
        self.to_port, self.sent_bytes, self.n_connections, self.break_at = to_port, 0, 0, []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # shutdown() wakes the thread that accepts; close() would not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to_port))
            except OSError:
                client.close()
                continue
            self.n_connections += 1
            self.sockets += [client, server]
            for one, other, counts in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.copy, args=(one, other, counts), daemon=True).start()

    def copy(self, one, other, counts):
        try:
            while data := one.recv(65536):
                if counts:
                    self.sent_bytes += len(data)
                    if self.break_at and self.sent_bytes >= self.break_at[0]:
                        self.break_at.pop(0)
                        break
                other.sendall(data)
        except OSError:
            pass
        self.reset(one)
        self.reset(other)

    @staticmethod
    def reset(end):
        """A reset on both sides, not an orderly end."""
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR)
            end.close()
        except OSError:
            pass

    def cut(self):
        sockets, self.sockets = self.sockets, []
        for end in sockets:
            self.reset(end)


class Save:
    """One run of depot-bed."""

    def __init__(self, bed, module, target, **options):
        words = ["%s=%s" % item for item in {"module": module, **target, **options}.items()]
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([bed, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, encoding="utf-8")
        self.said, self.errors = {}, []
        self.reader = threading.Thread(target=self.read_errors, daemon=True)
        self.reader.start()

    def read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line)

    def log(self):
        self.reader.join(10)
        return "".join(self.errors)

    def until(self, word):
        """Reads what it says up to a line with this first word; None: it has ended."""
        for line in self.process.stdout:
            key, _, value = line.strip().partition(" ")
            self.said[key] = value
            if key == word:
                return value
        return None

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        """Its exit status."""
        self.until("")
        status = self.process.wait()
        self.reader.join(10)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return status

    def result(self, step):
        return int(self.said[step])
