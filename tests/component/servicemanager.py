# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service manager for one daemon: the bus that it asks, its notifications, the files that it stores, its builds."""

import contextlib
import fcntl
import os
import re
import selectors
import signal
import socket
import time

import bus

PATH = "/org/freedesktop/systemd1"
BUILD = "kdump-build.service"
RESOLVE = "kdump-resolve.service"  # nobody answers: it is only counted
STORE_MAX = 16  # FileDescriptorStoreMax= of kdump.service
FIRST_LISTEN_FD = 3
HIGH_FD = 200


class Failure(Exception):
    pass


def check(condition, text, *values):
    if not condition:
        raise Failure(text % values)


class Unit:
    """A oneshot service."""

    def __init__(self, name):
        self.name, self.job, self.pid, self.state, self.n_started = name, 0, 0, "inactive", 0


class ServiceManager:
    def __init__(self, program, root, environment):
        self.program, self.root = str(program), str(root)
        self.folder = root.parent
        self.log = open(self.folder / "log", "ab")  # pylint: disable=consider-using-with
        self.selector = selectors.DefaultSelector()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.folder / "notify"))
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.folder / "pid1"))
        self.listener.listen(16)
        self.selector.register(self.notify, selectors.EVENT_READ, self.on_notify)
        self.selector.register(self.listener, selectors.EVENT_READ, self.on_connect)
        self.environment = dict(
            os.environ, NOTIFY_SOCKET=str(self.folder / "notify"), BED_PID1="unix:path=%s/pid1" % self.folder,
            DBUS_SYSTEM_BUS_ADDRESS="unix:path=%s/no-bus" % self.folder, WATCHDOG_USEC="180000000",
            PATH="%s/test-bin:%s" % (root, os.environ["PATH"]), TMPDIR=str(self.folder), **environment)
        for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
            self.environment.pop(name, None)
        self.connections, self.units, self.store = [], {}, []
        self.pid, self.exit_status, self.ready, self.status, self.n_watchdog = 0, None, False, "", 0
        self.n_jobs, self.store_worst, self.system_state = 0, 0, "running"

    # The daemon

    def spawn(self, arguments, environment, fds=()):
        """@fds become 3, 4 …"""
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_FD) for fd in fds]
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, self.log.fileno(), 1),
                   (os.POSIX_SPAWN_DUP2, self.log.fileno(), 2)]
        actions += [(os.POSIX_SPAWN_DUP2, fd, FIRST_LISTEN_FD + i) for i, fd in enumerate(high)]
        try:
            return os.posix_spawn(self.program, [self.program, self.root, *arguments], environment, file_actions=actions,
                                  setpgroup=0)
        finally:
            for fd in [null, *high]:
                os.close(fd)

    def start(self):
        check(self.pid == 0, "the daemon runs already")
        self.drain()
        environment = dict(self.environment)
        if self.store:
            environment.update(LISTEN_FDS=str(len(self.store)), LISTEN_FDNAMES=":".join(name for name, _ in self.store))
        self.ready, self.exit_status = False, None
        self.say("--- the daemon is started, with %s ---" % ", ".join(name for name, _ in self.store))
        self.pid = self.spawn(["run"], environment, [fd for _, fd in self.store])

    def say(self, text):
        self.log.write(b"%.3f %s\n" % (time.monotonic(), text.encode()))
        self.log.flush()

    def kill(self, number=signal.SIGTERM):
        """Ends the daemon and waits for that."""
        if self.pid:
            self.say("--- the daemon gets signal %d ---" % number)
            os.kill(self.pid, number)
        self.wait(lambda: self.pid == 0, "the daemon to end")
        self.drain()

    def run_stop(self):
        """ExecStopPost=, once the daemon has ended."""
        pid, ended = self.spawn(["stop"], self.environment), []

        def is_over():
            number, status = os.waitpid(pid, os.WNOHANG)
            if number:
                ended.append(os.waitstatus_to_exitcode(status))
            return ended

        self.wait(is_over, "the end of 'stop'")
        check(ended == [0], "'stop' has ended with %s", ended)

    def forget_files(self):
        """As on a boot."""
        for _, fd in self.store:
            os.close(fd)
        self.store = []

    def close(self):
        with contextlib.suppress(Failure):
            self.kill(signal.SIGKILL)
        for unit in self.units.values():
            if unit.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(unit.pid, signal.SIGKILL)
                os.waitpid(unit.pid, 0)
        self.forget_files()
        for connection in self.connections:
            connection.sock.close()
        self.notify.close()
        self.listener.close()
        self.selector.close()
        self.log.close()

    # The loop

    def poll(self, seconds):
        for key, _ in self.selector.select(seconds):
            key.data()
        self.reap()

    def drain(self):
        """What a process has said before it ended is heard before it is started again."""
        while self.selector.select(0):
            self.poll(0)

    def wait(self, condition, what, seconds=120):
        until = time.monotonic() + seconds
        while not condition():
            check(time.monotonic() < until, "waited too long for %s", what)
            self.poll(0.005)

    def run_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.poll(min(0.005, max(until - time.monotonic(), 0)))

    def reap(self):
        for unit in self.units.values():
            pid, status = os.waitpid(unit.pid, os.WNOHANG) if unit.pid else (0, 0)
            if pid:
                self.on_unit_end(unit, os.waitstatus_to_exitcode(status))
        if self.pid:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_status = os.waitstatus_to_exitcode(status)
                self.pid, self.ready = 0, False
                self.say("--- the daemon has ended with %d ---" % self.exit_status)

    # Notifications

    def on_notify(self):
        data, fds, _, _ = socket.recv_fds(self.notify, 65536, 16, socket.MSG_DONTWAIT)
        words = dict(line.split("=", 1) for line in data.decode(errors="replace").splitlines() if "=" in line)
        name = words.get("FDNAME", "stored")
        if "FDSTORE" in words:
            for fd in fds:
                self.store_file(name, fd)
            fds = []
        for fd in fds:
            os.close(fd)
        if "FDSTOREREMOVE" in words:
            for item in [item for item in self.store if item[0] == name]:
                os.close(item[1])
                self.store.remove(item)
        self.ready = self.ready or "READY" in words
        self.status = words.get("STATUS", self.status)
        self.n_watchdog += "WATCHDOG" in words

    def store_file(self, name, fd):
        """As service_add_fd_store() of systemd 252: a file that is there already is not kept twice."""
        same = [other for _, other in self.store if os.path.sameopenfile(other, fd)]
        if same or len(self.store) >= STORE_MAX:
            os.close(fd)
            check(same, "the store is full: '%s' is refused", name)
            return
        self.store.append((name, fd))
        self.store_worst = max(self.store_worst, len(self.store))

    # The bus

    def on_connect(self):
        sock, _ = self.listener.accept()
        connection = bus.Connection(sock, self.answer)
        self.connections.append(connection)
        self.selector.register(sock, selectors.EVENT_READ, lambda: self.on_connection(connection))

    def on_connection(self, connection):
        connection.on_readable()
        if connection.closed:
            self.selector.unregister(connection.sock)
            connection.sock.close()
            self.connections.remove(connection)

    def unit(self, name):
        return self.units.setdefault(name, Unit(name))

    def answer(self, call):
        if call.member == "Subscribe":
            return "", ()
        if call.member == "StartUnit":
            return "o", ("%s/job/%d" % (PATH, self.start_unit(call.values[0])),)
        if call.member != "Get":
            return None
        if call.values[1] == "SystemState":
            return "v", (("s", (self.system_state,)),)
        if call.values[1] == "JobType":
            return "v", (("s", ("start",)),)
        name = re.sub("_([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), call.path.rsplit("/", 1)[1])
        unit = self.unit(name)
        if call.values[1] == "ActiveState":
            return "v", (("s", (unit.state,)),)
        if call.values[1] == "Job":
            return "v", (("(uo)", (unit.job, "%s/job/%d" % (PATH, unit.job) if unit.job else "/")),)
        return None

    def start_unit(self, name, *options):
        """Returns the number of the job: that of the start which goes on, if one does. @options are for `kdumpd build`."""
        unit = self.unit(name)
        if unit.pid:
            return unit.job
        self.n_jobs += 1
        unit.job, unit.state = self.n_jobs, "activating"
        unit.n_started += 1
        arguments = ["build", *options]
        instance = re.fullmatch(r"kdump-build@(.+)\.service", name)
        if instance:
            arguments.append("--for=" + re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), instance[1]))
        else:
            check(name in (BUILD, RESOLVE), "unit '%s' is started", name)
        self.say("--- %s is started ---" % name)
        if name == RESOLVE:
            unit.job = 0
            return self.n_jobs
        unit.pid = self.spawn(arguments, dict(self.environment, NOTIFY_SOCKET=""))
        return unit.job

    def on_unit_end(self, unit, status):
        job, unit.job, unit.pid = unit.job, 0, 0
        unit.state = "inactive" if status == 0 else "failed"
        self.say("--- %s has ended with %d ---" % (unit.name, status))
        for connection in self.connections:
            connection.signal(PATH, "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss",
                              (job, "%s/job/%d" % (PATH, job), unit.name, "done" if status == 0 else "failed"))
