# SPDX-License-Identifier: LGPL-2.1-or-later
"""Light: guests that boot in seconds, for what happens between a load and the crash kernel. They have one of Debian's
kernels, a busybox, and armtool (armtool.c), which loads a crash kernel by the daemon's own loader. What is loaded is the
static kdump-capture that the fallback image has, twice: once as the image, once as its fallback. It saves to a disk. The
guest's memory is a file, in which the host can change what it likes; and once armed it can be saved, and restored for each
of many panics."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import bed
import guestimage
import lightfiles
import machine
from lightmemory import Memory
from machine import BedError, quiet

MEMORY_MIB = 512
CRASHKERNEL = "160M"
DISK_MIB = 192
BOOT = "console=ttyS0,115200 panic=10 rdinit=/init loglevel=4 no_timer_check"
END_SECONDS = 150  # from a panic to the end of whatever follows
MARKS = {"panic": "Kernel panic - not syncing", "purgatory": "kdumpd: checking the crash kernel",
         "decision": "kdumpd: (starting target|resetting the machine)", "kernel": r"\[ +0\.0+\] Linux version"}
STARTED = r"kdumpd: starting target (\d): chunks (\d+), repaired (\d+), lost (\d+)"


def rounds(n):
    """How often a case does what it does: LIGHT_RUNS says so, else @n."""
    return int(os.environ.get("LIGHT_RUNS") or n)


class Light(machine.Machine):
    """A guest of the files in @files (lightfiles.prepare())."""

    def __init__(self, files, folder, kind="q35", cpus=1, cpu="max", memory_mib=MEMORY_MIB, crashkernel=CRASHKERNEL,
                 append="", options=()):
        self.memory = Memory(Path(folder) / "ram", kind, memory_mib)
        self.disk = Path(folder) / "disk.raw"
        self.buffer = b""
        self.said = []  # all lines of the guest's
        self.line = None
        self.loaded = self.place = ""
        cmdline = " ".join((BOOT, "crashkernel=" + crashkernel, append))
        super().__init__(folder, Path(folder) / "console.log", files / "kernel", files / "initrd", cmdline, {})
        self.argv = [str(a) for a in [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
            "-object", "memory-backend-file,id=memory,share=on,size=%dM,mem-path=%s" % (memory_mib, self.memory.path),
            "-machine", "%s,memory-backend=memory" % kind, "-accel", "tcg,thread=multi", "-cpu", cpu,
            "-m", "%dM" % memory_mib, "-smp", str(cpus), "-action", "reboot=shutdown,shutdown=pause,watchdog=reset",
            "-kernel", files / "kernel", "-initrd", files / "initrd", "-append", cmdline,
            "-serial", "file:%s" % self.console,
            "-chardev", "socket,id=line,server=on,wait=off,path=%s" % (self.folder / "line"), "-serial", "chardev:line",
            "-qmp", "unix:%s,server=on,wait=off" % (self.folder / "qmp"),
            "-drive", "if=none,id=disk,format=raw,cache=unsafe,file=%s" % self.disk,
            "-device", "virtio-blk-pci,drive=disk", "-device", "i6300esb", *options]]

    # --- life ---

    def boot(self, ours=True):
        """Until the crash kernel is loaded; with @ours, by our own segments."""
        quiet("truncate", "-s", "%dM" % DISK_MIB, self.disk)
        quiet("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", self.disk)
        self.power_on()
        self.loaded = self.expect("loaded", 120)
        self.place = self.expect("place", 60)
        found = self.memory.know(self.place)
        bed.check(found or not ours, "nothing of ours was loaded: %s; %s" % (self.loaded, self.place))

    def power_on(self):
        super().start()
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.line.connect(str(self.folder / "line"))

    def keep(self, folder):
        """Ends it; what it is made of is moved to @folder, for revive()."""
        self.monitor.execute("stop")
        self._ignore_shared()
        self.save(folder / "state")
        for path in (self.memory.path, self.disk):
            shutil.move(path, folder)

    def revive(self, folder):
        """Goes on as what was kept there."""
        for path in (self.memory.path, self.disk):
            quiet("cp", "--sparse=always", folder / path.name, path)
        self.argv += ["-incoming", "defer"]
        self.power_on()
        self._ignore_shared()
        self.monitor.execute("migrate-incoming", uri="exec:cat '%s'" % (folder / "state"))
        self._wait_restored(60)

    def _ignore_shared(self):
        """The memory is a file already."""
        self.monitor.execute("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])

    # --- armtool ---

    def expect(self, word, seconds):
        """The next line that begins with @word."""
        deadline = time.monotonic() + bed.seconds(seconds)
        seen = []
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                text = line.decode(errors="replace").strip()
                seen.append(text)
                self.said.append(text)
                if text.startswith(word):
                    return text
                if text.startswith(("failed", "armtool ended")):
                    raise BedError("armtool: %s" % seen)
            left = deadline - time.monotonic()
            if left <= 0:
                raise BedError("no '%s' within %d s, but: %s; console: %s" %
                               (word, seconds, seen, machine.read_console(self.console)[-1500:]))
            self.line.settimeout(left)
            with contextlib.suppress(TimeoutError):
                data = self.line.recv(65536)
                if not data:
                    raise BedError("the guest is gone; it said %s" % seen)
                self.buffer += data

    def tell(self, line, word=None, seconds=120):
        """One of armtool's commands; returns its answer, which begins with @word."""
        self.line.sendall(line.encode() + b"\n")
        return self.expect(word, seconds) if word else None

    # --- how it ends ---

    def panic(self):
        self.tell("panic")

    def nmi(self):
        self.monitor.execute("inject-nmi")

    def console_text(self):
        return machine.read_console(self.console)

    def outcome(self, seconds=END_SECONDS):
        """Waits for the end."""
        end = Outcome()
        deadline = time.monotonic() + bed.seconds(seconds)
        while not self.monitor.saw("SHUTDOWN") and time.monotonic() < deadline:
            end.look(self.console_text(), time.monotonic())
            self.monitor.poll(0.02)
        end.look(self.console_text(), time.monotonic())
        ended = bool(self.monitor.saw("SHUTDOWN"))
        if ended:
            end.reason = self.wait_end(1)
        else:
            self.kill()
        end.judge(ended)
        bed.step(end.text())
        return end

    @contextlib.contextmanager
    def dumps(self):
        with guestimage.mounted(self.disk) as where:
            yield where

    def dump(self):
        """The newest dump; None if there is none."""
        with self.dumps() as where:
            found = sorted(p for p in where.iterdir() if (p / "meta.json").exists())
            return Dump(found[-1]) if found else None

    def _close(self):
        super()._close()
        if self.line:
            self.line.close()


class Outcome:
    """What became of a guest that was made to panic."""

    def __init__(self):
        self.kind = self.reason = self.console = ""
        self.begin = time.monotonic()
        self.seen = {}
        self.chunks = self.repaired = self.lost = 0

    def look(self, console, now):
        self.console = console
        self.end = now
        for name, pattern in MARKS.items():
            # The kernel that starts is the one behind the panic; its first lines come when it has a console.
            begin = 0 if name != "kernel" else console.find(MARKS["panic"]) if "panic" in self.seen else len(console)
            if name not in self.seen and re.search(pattern, console[begin:]):
                self.seen[name] = now

    def judge(self, ended):
        """primary, repaired, fallback: what was started. unsaid: something was. reset: nothing was. watchdog: it ended what
        hung. hang: nothing did."""
        started = re.findall(STARTED, self.console)
        if not ended:
            self.kind = "hang"
        elif self.reason == "watchdog":
            self.kind = "watchdog"
        elif not started:
            self.kind = "unsaid" if "kernel" in self.seen else "reset"
        else:
            target, self.chunks, self.repaired, self.lost = (int(n) for n in started[-1])
            self.kind = "fallback" if target == 1 else "repaired" if self.repaired else "primary"

    def since_panic(self, name):
        """Seconds, None if it did not happen. @name: of MARKS, or end."""
        begin = self.seen.get("panic", self.begin)
        if name == "end":
            return self.end - begin
        return self.seen[name] - begin if name in self.seen else None

    def text(self):
        times = ["%s %.1f s" % (n, self.since_panic(n)) for n in ("decision", "end") if self.since_panic(n) is not None]
        return "%s: %s" % (self.kind, ", ".join(times))


class Dump:
    """What is known of a dump, after its file system is gone."""

    def __init__(self, folder):
        self.meta = json.loads((folder / "meta.json").read_text())
        core, log = folder / "vmcore", folder / "vmcore-dmesg.txt"
        self.size = core.stat().st_size if core.exists() else 0
        self.opens = core.exists() and opens(core)
        self.cpus = cpus_of(core) if self.opens else 0
        self.log = log.read_text(errors="replace") if log.exists() else ""

    def complete(self):
        return self.opens and self.meta.get("status") == "complete" and "Kernel panic" in self.log

    def text(self):
        return "dump %s, purgatory %s, image %s, %d MiB%s" % (
            self.meta.get("status"), self.meta.get("purgatory"), self.meta.get("image"), self.size >> 20,
            "" if self.opens else ", which crash does not open")


def opens(core):
    """Does crash read it?"""
    done = subprocess.run(["crash", "--osrelease", core], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0 and re.match(r"\d+\.\d+", done.stdout.strip()) is not None


CPUS = "import kdumpfile, sys; print(kdumpfile.kdumpfile(sys.argv[1]).attr['cpu.number'])"


def cpus_of(core):
    """Of how many CPUs libkdumpfile finds the registers."""
    return int(quiet("/usr/bin/python3", "-c", CPUS, core))


# --- guests for cases ---

@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="kdumpd-l-", dir="/dev/shm") as path:
        yield Path(path)


@contextlib.contextmanager
def guest(kernel="6.1", ours=True, **arguments):
    """A guest that is armed. Its files go away with it."""
    files = lightfiles.prepare(kernel)
    with folder() as own, ending(Light(files, own, **arguments)) as light:
        light.boot(ours)
        yield light


@contextlib.contextmanager
def ending(light):
    try:
        yield light
    finally:
        light.kill()
        if light.console.exists():
            with open(bed.context.results / "console.log", "a", encoding="utf-8") as log:
                log.write(light.console_text() + "\n--- end ---\n")


class Armed:
    """A guest that was armed and then saved: each run() is one like it."""

    def __init__(self, kernel, own, arguments):
        self.files = lightfiles.prepare(kernel)
        self.arguments = arguments
        self.kept = own / "kept"
        self.kept.mkdir()
        with folder() as first, ending(Light(self.files, first, **arguments)) as light:
            begin = time.monotonic()
            light.boot()
            bed.step("booted and armed: %.1f s; %s" % (time.monotonic() - begin, light.loaded))
            self.place, self.loaded, self.said = light.place, light.loaded, light.said
            light.keep(self.kept)

    @contextlib.contextmanager
    def run(self):
        with folder() as own, ending(Light(self.files, own, **self.arguments)) as light:
            light.revive(self.kept)
            light.memory.know(self.place)
            yield light


@contextlib.contextmanager
def armed(kernel="6.1", **arguments):
    with folder() as own:
        yield Armed(kernel, own, arguments)
