# SPDX-License-Identifier: LGPL-2.1-or-later
"""LightFiles: what light guests (light.py) are made of: a kernel, an initrd, and in it what armtool is to load. Cached below
$XDG_CACHE_HOME/kdumpd, keyed by the kernel's packages and by what is put in."""

import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import bed
import guestimage
import rawcore
from guestimage import digest
from machine import quiet

SUITES = {"6.1": "bookworm", "6.12": "trixie"}
MODULES = "virtio_pci virtio_blk crc32c_generic ext4 i6300esb".split()
NOT_IN_CAPTURE = ("i6300esb",)
# no_timer_check, as guests of hypervisors that are known set it themselves: emulated on a busy host, an interrupt can come
# too late for check_timer() of arch/x86/kernel/apic/io_apic.c, which then panics.
CRASH = ("console=ttyS0,115200 reset_devices nr_cpus=1 irqpoll panic=10 nokaslr acpi_no_memhotplug cgroup_disable=memory "
         "no_timer_check")
APPLETS = "sh mount insmod cat stty grep sleep echo".split()
INIT = """#!/bin/sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
mount -t securityfs security /sys/kernel/security
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


class Programs:
    """What of the build, and of this machine, is put into a guest."""

    def __init__(self, build_dir):
        self.armtool = build_dir / "tests/integration/armtool"
        self.capture = build_dir / "src/kdump-capture/kdump-fallback"
        self.purgatory = build_dir / "src/purgatory/purgatory.bin"
        self.busybox = Path(shutil.which("busybox"))

    def key(self):
        return digest(*(p.read_bytes() for p in (self.armtool, self.capture, self.purgatory, self.busybox)))


def module_paths(root, release):
    """Of MODULES, and of what they need, in the order in which they are loaded. Others are in the kernel itself."""
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
    """Returns the list of them, a line each."""
    (stage / folder).mkdir(parents=True, exist_ok=True)
    names = []
    for path in paths:
        name = path.name.split(".ko")[0] + ".ko"
        (stage / folder / name).write_bytes(rawcore.plain_module(path))
        names.append("/%s/%s" % (folder, name))
    return "".join(n + "\n" for n in names)


def put_program(stage, program):
    """With the libraries that it needs."""
    shutil.copy(program, stage / "bin" / program.name)
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
    shutil.rmtree(stage)


def build_initrd(folder, programs, modules):
    stage = folder / "stage"
    for name in ("dev", "proc", "sys", "tmp", "run", "bin", "usr/lib/kdumpd"):
        (stage / name).mkdir(parents=True)
    put_program(stage, programs.busybox)
    put_program(stage, programs.armtool)
    for name in APPLETS:
        (stage / "bin" / name).symlink_to("busybox")
    shutil.copy(programs.purgatory, stage / "usr/lib/kdumpd")
    for name in ("kernel", "image.img", "fallback.img"):
        shutil.copy(folder / name, stage / name.split(".")[0])
    (stage / "modules").write_text(put_modules(stage, "lib/light", modules))
    (stage / "cmdline").write_text(CRASH)
    (stage / "init").write_text(INIT)
    (stage / "init").chmod(0o755)
    pack(stage, folder / "initrd")
    shutil.rmtree(stage)


def build(folder, programs, archive):
    """All files of a guest, in @folder."""
    root = folder / "root"
    archive.unpack(archive.kernel(), root)
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    release = next((root / "lib/modules").iterdir()).name
    shutil.copy(rawcore.kernel_file(root, release), folder / "kernel")
    modules = module_paths(root, release)
    for kind in ("image", "fallback"):
        build_capture(folder, programs.capture, [m for m in modules if m.name.split(".")[0] not in NOT_IN_CAPTURE], kind)
    build_initrd(folder, programs, modules)
    shutil.rmtree(root)


def prepare(kernel):
    """The folder of the files of guests with @kernel; held until this process ends."""
    programs = Programs(bed.context.build_dir)
    cache = guestimage.Cache()
    with cache.locked():
        archive = rawcore.Archive(cache.root, SUITES[kernel])
        key = digest(programs.key(), [(p, archive.version(p)) for p in archive.kernel()],
                     inspect.getsource(sys.modules[__name__]))
        return cache.get(cache.root, "light" + kernel, key, lambda t: build(t, programs, archive))
