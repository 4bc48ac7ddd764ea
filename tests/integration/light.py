# SPDX-License-Identifier: LGPL-2.1-or-later
"""Light: guests that boot in seconds, for what happens between a load and the crash kernel. They have one of Debian's kernels,
a busybox, and armtool (armtool.c), which loads a crash kernel by the daemon's own loader. What is loaded is the static
kdump-capture that the fallback image has, twice: once as the image, once as its fallback. It saves to a disk. The guest's memory
is a file, in which the host can change what it likes."""

import contextlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import bed
import guestimage
import machine
import rawcore
from machine import BedError, quiet

SUITES = {"6.1": "bookworm", "6.12": "trixie"}
MEMORY_MIB = 512
CRASHKERNEL = "160M"
LOW_END = {"q35": 2 << 30, "pc": 3 << 30}  # of memory below 4 GiB, if there is more than that
FOUR_GIB = 4 << 30
MODULES = "virtio_pci virtio_blk crc32c_generic ext4 i6300esb".split()
DISK_MIB = 192
BOOT = "console=ttyS0,115200 panic=10 rdinit=/init net.ifnames=0 loglevel=4"
CRASH = "console=ttyS0,115200 reset_devices nr_cpus=1 irqpoll panic=10 nokaslr acpi_no_memhotplug cgroup_disable=memory"
ROLES = ("kernel", "initramfs", "fallback initramfs", "boot_params", "command line", "fallback boot_params",
         "fallback command line", "setup_data", "EFI table", "ELF headers", "status node")
INIT = """#!/bin/sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for m in $(cat /modules); do insmod $m; done
echo 1 > /proc/sys/kernel/sysrq
stty -F /dev/ttyS1 raw -echo 115200
exec < /dev/ttyS1 > /dev/ttyS1 2>&1
cat /proc/iomem | grep -i 'crash kernel'
armtool /kernel /image "$(cat /cmdline)" /fallback "$(cat /cmdline) kdumpd.fallback=1"
echo armtool ended with $?
while :; do sleep 1000; done
"""
PLAN = {"version": 2, "generation": 1, "host": "127.0.0.1", "hostname": "light", "machine_id": "0" * 32,
        "failure_action": "reboot", "final_action": "reboot",
        "collector": {"dump_level": 31, "compression": "zlib", "format": "kdump"},
        "targets": [{"type": "fs", "what": "/dev/vda", "fstype": "ext4", "path": "/", "timeout_usec": 60000000,
                     "connect_usec": 30000000}]}


# --- what is in the guest ---

def module_paths(root, release):
    quiet("depmod", "-b", root, release)
    top = root / "lib/modules" / release
    needs = {}
    for line in (top / "modules.dep").read_text().splitlines():
        path, words = line.split(":")
        needs[path] = words.split()
    names = {re.sub(r"\.ko.*", "", Path(p).name).replace("-", "_"): p for p in needs}
    paths = []
    for name in MODULES:
        if name in names:
            paths += list(reversed(needs[names[name]])) + [names[name]]
    return [top / p for p in dict.fromkeys(paths)]


def pack(stage, path):
    names = "\n".join(str(p.relative_to(stage)) for p in sorted(stage.rglob("*")))
    archive = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=stage, input=names.encode(),
                             stdout=subprocess.PIPE, check=True).stdout
    path.write_bytes(subprocess.run(["gzip", "-6nc"], input=archive, stdout=subprocess.PIPE, check=True).stdout)


def put_modules(stage, folder, paths):
    (stage / folder).mkdir(parents=True, exist_ok=True)
    names = []
    for path in paths:
        name = path.name.split(".ko")[0] + ".ko"
        (stage / folder / name).write_bytes(rawcore.plain_module(path))
        names.append("/%s/%s" % (folder, name))
    return "".join(n + "\n" for n in names)


def put_program(stage, program):
    """With the libraries that it needs."""
    target = stage / "bin" / Path(program).name
    shutil.copy(program, target)
    for path in re.findall(r"(/\S+) \(0x", quiet("ldd", program)):
        copy = stage / path.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)


def build_capture(folder, program, modules, kind):
    """The image of a crash kernel that is one static program."""
    stage = folder / kind
    for name in ("dev", "proc", "sys", "run", "etc/kdump", "usr/lib/kdumpd"):
        (stage / name).mkdir(parents=True)
    shutil.copy(program, stage / "init")
    (stage / "usr/lib/kdumpd/fallback.modules").write_text(put_modules(stage, "usr/lib/kdumpd/modules", modules))
    plan = dict(PLAN, **({"image": "fallback"} if kind == "fallback" else {}))
    (stage / "etc/kdump/plan.json").write_text(json.dumps(plan))
    pack(stage, folder / (kind + ".img"))


def build(folder, build_dir, kernel):
    """All files of a guest with @kernel, in @folder."""
    root = folder / "root"
    archive = rawcore.Archive(guestimage.Cache().root, SUITES[kernel])
    archive.unpack(archive.kernel(), root)
    if (root / "usr/lib/modules").exists() and not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    (release,) = os.listdir(root / "lib/modules")
    shutil.copy(root / ("boot/vmlinuz-" + release), folder / "kernel")
    modules = module_paths(root, release)
    program = build_dir / "src/kdump-capture/kdump-fallback"
    for kind in ("image", "fallback"):
        build_capture(folder, program, [m for m in modules if "i6300esb" not in m.name], kind)

    stage = folder / "stage"
    for name in ("dev", "proc", "sys", "tmp", "run", "bin", "usr/lib/kdumpd"):
        (stage / name).mkdir(parents=True)
    put_program(stage, shutil.which("busybox"))
    put_program(stage, build_dir / "tests/integration/armtool")
    for name in ("sh", "mount", "insmod", "cat", "stty", "grep", "sleep", "echo"):
        (stage / "bin" / name).symlink_to("busybox")
    shutil.copy(build_dir / "src/purgatory/purgatory.bin", stage / "usr/lib/kdumpd")
    for name in ("kernel", "image.img", "fallback.img"):
        shutil.copy(folder / name, stage / name.split(".")[0])
    (stage / "modules").write_text(put_modules(stage, "lib/light", modules))
    (stage / "cmdline").write_text(CRASH)
    (stage / "init").write_text(INIT)
    (stage / "init").chmod(0o755)
    pack(stage, folder / "initrd")
    shutil.rmtree(root)
    shutil.rmtree(stage)


# --- one guest ---

class Extent:
    def __init__(self, paddr, size, mirror, targets, flags, role):
        self.paddr, self.size, self.mirror, self.targets, self.flags, self.role = paddr, size, mirror, targets, flags, role

    @property
    def name(self):
        return ROLES[self.role]


class Light(machine.Machine):
    """A guest of the files in @files (build())."""

    def __init__(self, files, folder, kind="q35", cpus=1, cpu="max", memory_mib=MEMORY_MIB, crashkernel=CRASHKERNEL,
                 append="", options=(), watchdog=True):
        self.kind, self.memory_mib = kind, memory_mib
        self.ram = Path(folder) / "ram"
        self.disk = Path(folder) / "disk.raw"
        self.buffer = b""
        self.line = None
        super().__init__(folder, Path(folder) / "console.log", files / "kernel", files / "initrd",
                         " ".join((BOOT, "crashkernel=" + crashkernel, append)), {}, cpus=cpus, memory_mib=memory_mib)
        self.argv = self._light_argv(files, crashkernel, append, cpus, cpu, watchdog) + [str(o) for o in options]

    def _light_argv(self, files, crashkernel, append, cpus, cpu, watchdog):
        argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-object", "memory-backend-file,id=memory,share=on,size=%dM,mem-path=%s" % (self.memory_mib, self.ram),
                "-machine", "%s,memory-backend=memory" % self.kind, "-accel", "tcg,thread=multi", "-cpu", cpu,
                "-m", "%dM" % self.memory_mib, "-smp", str(cpus),
                "-action", "reboot=shutdown,shutdown=pause,watchdog=reset",
                "-kernel", files / "kernel", "-initrd", files / "initrd",
                "-append", " ".join((BOOT, "crashkernel=" + crashkernel, append)),
                "-serial", "file:%s" % self.console,
                "-chardev", "socket,id=line,server=on,wait=off,path=%s" % (self.folder / "line"), "-serial", "chardev:line",
                "-qmp", "unix:%s,server=on,wait=off" % (self.folder / "qmp"),
                "-drive", "if=none,id=disk,format=raw,cache=unsafe,file=%s" % self.disk,
                "-device", "virtio-blk-pci,drive=disk"]
        return [str(a) for a in argv + (["-device", "i6300esb"] if watchdog else [])]

    def boot(self, seconds):
        """Until the crash kernel is loaded."""
        quiet("truncate", "-s", "%dM" % DISK_MIB, self.disk)
        quiet("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", self.disk)
        (self.folder / "line").unlink(missing_ok=True)
        self.start()
        self.agent = None
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.line.connect(str(self.folder / "line"))
        loaded = self.expect("loaded", seconds)
        place = self.expect("place", 60)
        m = re.match(r"place block (\w+) (\w+) purgatory (\w+) (\w+)", place)
        if not m:
            raise BedError("nothing of ours was loaded: %s; %s" % (loaded, place))
        self.blocks, self.purgatory = [int(m[1], 16), int(m[2], 16)], (int(m[3], 16), int(m[4], 16))
        return loaded

    def expect(self, word, seconds):
        """The next line that begins with @word."""
        deadline = time.monotonic() + seconds
        seen = []
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                text = line.decode(errors="replace").strip()
                seen.append(text)
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
        self.line.sendall(line.encode() + b"\n")
        return self.expect(word, seconds) if word else None

    # What is in its memory.

    def offset(self, paddr):
        low = LOW_END[self.kind] if self.memory_mib << 20 > LOW_END[self.kind] else FOUR_GIB
        return paddr if paddr < low else paddr - FOUR_GIB + low

    def peek(self, paddr, size):
        with open(self.ram, "rb") as f:
            f.seek(self.offset(paddr))
            return f.read(size)

    def poke(self, paddr, data):
        with open(self.ram, "r+b") as f:
            f.seek(self.offset(paddr))
            f.write(data)

    def flip(self, paddr, bit=0):
        self.poke(paddr, bytes([self.peek(paddr, 1)[0] ^ 1 << bit]))

    def block(self):
        return self.peek(self.blocks[0], 1536)

    def extents(self):
        """By their names."""
        block = self.block()
        (n,) = struct.unpack_from("<I", block, 20)
        found = {}
        for i in range(n):
            e = Extent(*struct.unpack_from("<QQQ", block, 160 + 40 * i), 0, 0, 0)
            e.targets, _, e.flags, e.role = struct.unpack_from("<IIII", block, 160 + 40 * i + 24)
            found[e.name] = e
        return found

    def leaves(self):
        """[address of each copy], bytes"""
        block = self.block()
        (n,) = struct.unpack_from("<I", block, 24)
        return struct.unpack_from("<QQ", block, 32), n * 32

    # How it ends.

    def panic(self):
        self.tell("panic")

    def outcome(self, seconds):
        """Waits for the end. Returns (what became of it, the console)."""
        begin = time.monotonic()
        try:
            reason = self.wait_end(seconds)
        except BedError:
            reason = "hang"
            self.kill()
        console = machine.read_console(self.console)
        started = re.search(r"kdumpd: starting target (\d): chunks (\d+), repaired (\d+), lost (\d+)", console)
        if reason == "hang":
            return Outcome("hang", None, console, time.monotonic() - begin)
        if started is None:
            kind = "reset" if "kdumpd: " in console or "Kernel panic" in console else reason
        elif started[1] == "1":
            kind = "fallback"
        else:
            kind = "repaired" if int(started[3]) else "primary"
        return Outcome(kind, reason, console, time.monotonic() - begin)

    @contextlib.contextmanager
    def dumps(self):
        with guestimage.mounted(self.disk, options="rw") as where:
            yield where

    def dump(self):
        """(meta.json, size of the vmcore, does crash open it) of the one dump; None if there is none."""
        with self.dumps() as where:
            found = sorted(p for p in where.iterdir() if (p / "meta.json").exists())
            if not found:
                return None
            meta = json.loads((found[-1] / "meta.json").read_text())
            core = found[-1] / "vmcore"
            log = found[-1] / "vmcore-dmesg.txt"
            return Dump(meta, core.stat().st_size if core.exists() else 0,
                        core.exists() and opens(core), log.stat().st_size if log.exists() else 0)

    def _close(self):
        super()._close()
        if self.line:
            self.line.close()


def opens(core):
    """Does crash read it?"""
    done = subprocess.run(["crash", "--osrelease", core], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0 and re.match(r"\d+\.\d+", done.stdout.strip()) is not None


class Outcome:
    def __init__(self, kind, reason, console, seconds):
        self.kind, self.reason, self.console, self.seconds = kind, reason, console, seconds


class Dump:
    def __init__(self, meta, size, opens, log_size):
        self.meta, self.size, self.opens, self.log_size = meta, size, opens, log_size


FILES = {}


def files(kernel):
    """What guests with @kernel are made of, made once a run."""
    if kernel not in FILES:
        folder = Path(tempfile.mkdtemp(prefix="kdumpd-light-", dir=machine.scratch_folder()))
        build(folder, Path(bed.context.build_dir), kernel)
        FILES[kernel] = folder
    return FILES[kernel]


@contextlib.contextmanager
def guest(kernel="6.1", seconds=120, **arguments):
    """A guest that is armed. Its folder goes away with it."""
    with tempfile.TemporaryDirectory(prefix="kdumpd-l-", dir="/dev/shm") as folder:
        light = Light(files(kernel), folder, **arguments)
        try:
            light.loaded = light.boot(seconds)
            yield light
        finally:
            light.kill()
