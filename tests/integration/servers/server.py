# SPDX-License-Identifier: LGPL-2.1-or-later
"""Server: a program that guests send dumps to, for as long as a `with` lasts. It has a folder of its own, a log and
mounts of its own, and is either in a Network (network.py), at the usual ports, or on this machine's loopback, at
free ones."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from machine import BedError, die_with_parent, quiet

HERE = Path(__file__).resolve().parent
LISTENING, UNCONNECTED = "0A", "07"  # in /proc/net/tcp and udp
READY_SECONDS = 120
LOOPBACK = "127.0.0.1"


def free_port():
    with socket.socket() as s:
        s.bind((LOOPBACK, 0))
        return s.getsockname()[1]


def parents():
    """Of each process of this machine."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            found[int(path.parent.name)] = int(path.read_text(errors="replace").rsplit(")", 1)[1].split()[1])
    return found


def children(pid):
    """All processes below one, the nearest first."""
    parent_of, found = parents(), [pid]
    for above in found:
        found += [p for p, parent in parent_of.items() if parent == above]
    return found[1:]


class Server:
    """@scratch: a folder on a disk; the server makes its own in it. @net: a Network, or None."""

    name = "server"

    def __init__(self, scratch, net=None):
        self.net = net
        self.folder = Path(scratch) / self.name
        count = 1
        while self.folder.exists():
            count += 1
            self.folder = Path(scratch) / ("%s-%d" % (self.name, count))
        self.folder.mkdir(mode=0o755)
        self.log_path = self.folder / "log"
        self.address = net.address if net else LOOPBACK
        self.process = None
        self.stack = contextlib.ExitStack()

    # --- for those who make one ---

    def prepare(self):
        """What is to be there before it starts for the first time."""

    def launch(self):
        """Starts it, until it is ready."""
        raise NotImplementedError

    def port_or_free(self, port):
        return port if self.net else free_port()

    def spawn(self, *argv, binds=(), env=None):
        """A program in the server's network, with /run of its own and @binds, pairs of (what, where). Returns its
        process."""
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        inside = [sys.executable, HERE / "inside.py", "--run", run]
        for what, where in binds:
            inside += ["--bind", what, where]
        if self.net:
            inside += ["--net", self.net.namespace]
        with open(self.log_path, "ab") as log:
            return subprocess.Popen([str(a) for a in inside + ["--", *argv]], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, preexec_fn=die_with_parent, env=env)

    def wait_until(self, ready, what, process=None):
        process = process or self.process
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BedError("%s: %s; the end of its log:\n%s" % (self.name, what, self.log()[-3000:]))
            time.sleep(0.02)

    def is_bound(self, port, kind="tcp", process=None):
        """As its own network sees it; nothing connects to it."""
        pid = (process or self.process).pid
        state = LISTENING if kind == "tcp" else UNCONNECTED
        for family in ("", "6"):
            with contextlib.suppress(OSError):
                for line in Path("/proc/%d/net/%s%s" % (pid, kind, family)).read_text().splitlines()[1:]:
                    words = line.split()
                    if words[3] == state and int(words[1].rsplit(":", 1)[1], 16) == port:
                        return True
        return False

    def wait_bound(self, port, kind="tcp", process=None):
        self.wait_until(lambda: self.is_bound(port, kind, process), "does not listen on port %d" % port, process)

    def mount(self, name, size_mib=4096):
        """A folder with an ext4 of its own."""
        image, where = self.folder / (name + ".ext4"), self.folder / name
        where.mkdir()
        quiet("truncate", "-s", "%dM" % size_mib, image)
        quiet("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,nodiscard", image)
        quiet("mount", "-o", "loop", image, where)
        self.stack.callback(quiet, "umount", "-l", where)
        (where / "lost+found").rmdir()
        return where

    # --- for those who use one ---

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.callback(self.__exit__)
            self.prepare()
            self.launch()
            undo.pop_all()
        return self

    def __exit__(self, *_):
        self.kill()
        self.stack.close()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def pids(self):
        """Of the program and all that it has started."""
        return children(self.process.pid) if self.process else []

    def program(self):
        """Its own process: what is above it is inside.py."""
        found = self.pids()
        return found[1] if len(found) > 1 else None

    def signal(self, number, pids=None):
        for pid in self.pids() if pids is None else pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pause(self):
        """It neither answers nor ends: its machine still acknowledges what is sent to it."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """All of it, at once."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        """As it was before, with what it has stored."""
        self.kill()
        self.launch()
