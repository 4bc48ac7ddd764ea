# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machine: one qemu process, its monitor (QMP), its guest agent and its console."""

import base64
import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import madt

PR_SET_PDEATHSIG = 1
MEMORY_MIB = 2048
CPUS = 2
# What can be plugged into each guest while it runs.
SPARE_CPUS = 4
SPARE_SLOTS = 8
SPARE_MIB = 6144
# Linux 6.12.y (and from v6.19 on) takes CPUs that come later only as the guest of a hypervisor that it knows, and software
# emulation is none. This passes for one (vmware_platform() in arch/x86/kernel/cpu/vmware.c) and changes little else.
KNOWN_GUEST = ["-cpu", "max,-hypervisor", "-smbios", "type=1,serial=VMware-0"]


class BedError(Exception):
    """Something did not happen as it should; the text says what was expected."""


def die_with_parent(sig=signal.SIGKILL):
    """Also as preexec_fn: a killed driver leaves no machine behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sig)


def quiet(*argv, **kwargs):
    """Run a program; its output is shown only if it fails."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **kwargs)
    if done.returncode != 0:
        raise BedError("'%s' failed with %d:\n%s" %
                       (" ".join(str(a) for a in argv), done.returncode, done.stdout[-4000:]))
    return done.stdout


class LineSocket:
    """A stream socket that speaks JSON, one object per line."""

    def __init__(self, path, alive, seconds):
        self.buffer = b""
        deadline = time.monotonic() + seconds
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.socket.connect(str(path))
                return
            except OSError:
                self.socket.close()
                if not alive() or time.monotonic() > deadline:
                    raise BedError("qemu did not open '%s'" % path) from None
                time.sleep(0.05)

    def send(self, message):
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, deadline):
        """The next object; None when the deadline has passed; EOFError when qemu is gone."""
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as e:
                raise EOFError from e
            if not data:
                raise EOFError
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        # The agent answers guest-sync-delimited with 0xff in front; what is before it is stale.
        return json.loads(line.rsplit(b"\xff", 1)[-1] or b"null")

    def close(self):
        self.socket.close()


class Monitor:
    """QMP: commands with their answers, and the events that came in between."""

    def __init__(self, path, alive):
        self.line = LineSocket(path, alive, 30)
        self.events = []
        self.line.receive(time.monotonic() + 30)
        self.execute("qmp_capabilities")

    def execute(self, command, seconds=120, **arguments):
        self.line.send({"execute": command, "arguments": arguments})
        deadline = time.monotonic() + seconds
        while True:
            message = self.line.receive(deadline)
            if message is None:
                raise BedError("qemu did not answer '%s' within %d s" % (command, seconds))
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise BedError("qemu refused '%s': %s" % (command, message["error"]["desc"]))
            else:
                return message["return"]

    def poll(self, seconds):
        """Waits this long for one more event; returns it or None."""
        message = self.line.receive(time.monotonic() + seconds)
        if message is not None and "event" in message:
            self.events.append(message)
            return message
        return None

    def saw(self, name):
        return [e for e in self.events if e["event"] == name]


class Agent:
    """qemu-guest-agent: runs commands inside the guest."""

    def __init__(self, path, alive):
        self.path = path
        self.alive = alive
        self.line = None

    def connect(self, deadline):
        """Until the agent answers. It is asked again and again: before the guest opens its end, all is lost."""
        serial = 0
        while time.monotonic() < deadline and self.alive():
            if self.line is None:
                self.line = LineSocket(self.path, self.alive, 30)
            serial += 1
            self.line.socket.settimeout(5)
            try:
                self.line.socket.sendall(b"\xff")
                self.line.send({"execute": "guest-sync-delimited", "arguments": {"id": serial}})
            except OSError:  # what a slow guest has not read yet has filled the socket
                self.line.close()
                self.line = None
                continue
            until = min(deadline, time.monotonic() + 2)
            try:
                while True:
                    answer = self.line.receive(until)
                    if answer is None:
                        break
                    if isinstance(answer, dict) and answer.get("return") == serial:
                        return
            except ValueError:
                continue
        raise BedError("the guest agent did not answer in time")

    def execute(self, command, seconds=60, **arguments):
        self.line.send({"execute": command, "arguments": arguments})
        answer = self.line.receive(time.monotonic() + seconds)
        while isinstance(answer, dict) and isinstance(answer.get("return"), int):
            answer = self.line.receive(time.monotonic() + seconds)  # a late answer to a sync
        if answer is None:
            raise BedError("the guest agent did not answer '%s' within %d s" % (command, seconds))
        if "error" in answer:
            raise BedError("the guest agent refused '%s': %s" % (command, answer["error"]["desc"]))
        return answer["return"]

    def spawn(self, command, stdin=None):
        arguments = {"path": "/bin/sh", "arg": ["-c", command], "capture-output": True}
        if stdin is not None:
            arguments["input-data"] = base64.b64encode(stdin).decode()
        return self.execute("guest-exec", **arguments)["pid"]

    def run(self, command, seconds, stdin=None):
        """Returns (exit status, stdout, stderr) of a shell command."""
        pid = self.spawn(command, stdin)
        deadline = time.monotonic() + seconds
        pause = 0.02
        while True:
            status = self.execute("guest-exec-status", pid=pid)
            if status["exited"]:
                break
            if time.monotonic() > deadline:
                raise BedError("'%s' did not end within %d s in the guest" % (command, seconds))
            time.sleep(pause)
            pause = min(pause * 1.5, 0.3)
        out, err = (base64.b64decode(status.get(k, "")).decode(errors="replace")
                    for k in ("out-data", "err-data"))
        return status.get("exitcode", 128 + status.get("signal", 0)), out, err

    def wait_booted(self, deadline):
        """Until systemd has nothing left to start. `is-system-running --wait` may wait for ever if it is
        called in the moment in which the boot ends (systemd 252), so it is asked again."""
        while True:
            _, out, err = self.run("systemctl is-system-running", 60)
            if out.strip() in ("running", "degraded"):
                return
            if time.monotonic() > deadline:
                raise BedError("the boot did not end in time: %s%s" % (out, err))
            time.sleep(0.5)


class Machine:
    """@disks: name -> qcow2 file, in the order in which the guest sees them.
    @folder: for sockets (a short path). @console: file that the serial line is appended to.
    @incoming: file with a saved state; without one the kernel is booted.
    @virtio_mem_mib: of a virtio-mem device, which gives nothing until it is asked to. @options: more of them."""

    def __init__(self, folder, console, kernel, initrd, cmdline, disks, incoming=None, cpus=CPUS,
                 memory_mib=MEMORY_MIB, virtio_mem_mib=0, options=()):
        self.folder = Path(folder)
        self.console = Path(console)
        self.incoming = incoming
        self.argv = self._argv(kernel, initrd, cmdline, disks, cpus, memory_mib) + list(options)
        if virtio_mem_mib:
            self.argv += ["-object", backend("virtio-mem", virtio_mem_mib),
                          "-device", "virtio-mem-pci,id=vmem,memdev=virtio-mem,requested-size=0"]
        self.process = self.monitor = self.agent = None

    def _argv(self, kernel, initrd, cmdline, disks, cpus, memory_mib):
        argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-object", backend("memory", memory_mib),
                "-machine", "q35,memory-backend=memory", "-accel", "tcg,thread=multi", "-cpu", "max",
                "-m", "%dM,slots=%d,maxmem=%dM" % (memory_mib, SPARE_SLOTS, memory_mib + SPARE_MIB),
                # Newer kernels take no CPU into a package with others (since v6.9).
                "-smp", "%d,sockets=%d,cores=1,threads=1,maxcpus=%d" % (cpus, cpus + SPARE_CPUS, cpus + SPARE_CPUS),
                # A reset ends the machine, but qemu stays until it was told to quit: no event is lost.
                "-action", "reboot=shutdown,shutdown=pause,watchdog=reset",
                "-kernel", kernel, "-initrd", initrd, "-append", cmdline,
                "-chardev", "socket,id=console,server=on,wait=off,path=%s,logfile=%s,logappend=on" %
                (self.folder / "console", self.console),
                "-serial", "chardev:console",
                "-qmp", "unix:%s,server=on,wait=off" % (self.folder / "qmp"),
                "-device", "virtio-serial-pci",
                "-chardev", "socket,id=agent,server=on,wait=off,path=%s" % (self.folder / "agent"),
                "-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
                "-device", "i6300esb"]
        argv += madt.options(self.folder, cpus + SPARE_CPUS)
        for name, path in disks.items():
            argv += ["-drive", "if=none,id=%s,format=qcow2,cache=unsafe,discard=unmap,file=%s" %
                     (name, path), "-device", "virtio-blk-pci,drive=%s,serial=%s" % (name, name)]
        if self.incoming:
            argv += ["-incoming", "exec:cat '%s'" % self.incoming]
        return [str(a) for a in argv]

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def type(self, text, seconds=60):
        """Sends a line over the serial line, to a terminal that echoes it: what the guest has not read when
        we hang up is lost."""
        echo = b""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(seconds)
            line.connect(str(self.folder / "console"))
            line.sendall(text.encode() + b"\n")
            while text.encode() + b"\r\n" not in echo:
                try:
                    more = line.recv(4096)
                except TimeoutError:
                    more = b""
                if not more:
                    raise BedError("the guest did not echo '%s'" % text)
                echo += more

    def start(self):
        for name in ("qmp", "agent", "console"):
            (self.folder / name).unlink(missing_ok=True)
        with open(self.folder / "qemu.log", "ab") as log:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=die_with_parent)
        try:
            self.monitor = Monitor(self.folder / "qmp", self.alive)
        except (BedError, EOFError):
            raise BedError("qemu did not start: %s" %
                           (self.folder / "qemu.log").read_text()[-2000:]) from None
        self.agent = Agent(self.folder / "agent", self.alive)
        if self.incoming:
            self._wait_restored(60)

    def _wait_restored(self, seconds):
        deadline = time.monotonic() + seconds
        while self.monitor.execute("query-status")["status"] == "inmigrate":
            if time.monotonic() > deadline:
                raise BedError("the saved state was not restored within %d s" % seconds)
            time.sleep(0.05)
        self.monitor.execute("cont")

    def save(self, state):
        """Stops the guest and writes its state to a file; ends qemu."""
        self.monitor.execute("stop")
        self.monitor.execute("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        self.monitor.execute("migrate", uri="exec:cat > '%s'" % state)
        while True:
            status = self.monitor.execute("query-migrate")
            if status["status"] == "completed":
                break
            if status["status"] in ("failed", "cancelled"):
                raise BedError("qemu could not save the guest: %s" % status.get("error-desc", ""))
            time.sleep(0.05)
        self.quit()

    def wait_end(self, seconds):
        """Waits for the reset or power off that ends the guest; then qemu quits. Returns the reason:
        'guest-reset', 'guest-shutdown', 'watchdog' …"""
        deadline = time.monotonic() + seconds
        while not self.monitor.saw("SHUTDOWN"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise BedError("the guest neither reset nor powered off within %d s" % seconds)
            try:
                self.monitor.poll(min(left, 5))
            except EOFError:
                raise BedError("qemu ended: %s" %
                               (self.folder / "qemu.log").read_text()[-2000:]) from None
        reason = self.monitor.saw("SHUTDOWN")[-1]["data"]["reason"]
        if self.monitor.saw("WATCHDOG"):
            reason = "watchdog"
        self.quit()
        return reason

    def quit(self):
        """Ends qemu so that all that the guest wrote is in the image files."""
        try:
            self.monitor.execute("quit", seconds=30)
        except (BedError, EOFError, OSError):
            pass
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
        self._close()

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self):
        for line in (self.monitor and self.monitor.line, self.agent and self.agent.line):
            if line:
                line.close()


def backend(name, mebibytes):
    """Memory that the guest does not touch costs nothing: it may have more than this machine."""
    return "memory-backend-ram,id=%s,size=%dM,reserve=off" % (name, mebibytes)


def create_overlay(path, backing, backing_format):
    quiet("qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", backing_format, path)


def create_empty(path, size):
    quiet("qemu-img", "create", "-q", "-f", "qcow2", path, size)


def read_console(path):
    try:
        return Path(path).read_text(errors="replace").replace("\r", "")
    except FileNotFoundError:
        return ""


def scratch_folder():
    """Where guests' disks and sockets live: TMPDIR, else /var/tmp, which is not a tmpfs."""
    return os.environ.get("TMPDIR") or "/var/tmp"
