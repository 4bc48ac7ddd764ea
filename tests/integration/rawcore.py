#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""RawCore: makes and caches raw ELF cores of guests with Debian's kernels, as inputs for the dump engine.

A core is what qemu saves of a running guest: all of its memory and the kernel's vmcoreinfo, laid out as in the guest's own
/proc/vmcore, and no program of ours has chosen what is in it. The guest runs rawcore-workload.c, which fills the memory. Cores
are kept below $XDG_CACHE_HOME/kdumpd, keyed by the kernel's package and by the code that makes them.

Run as a program it prints NAME, release and path of each core it was asked for: rawcore.py [--link FOLDER] [NAME…]
"""

import argparse
import contextlib
import inspect
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent

import guestimage  # noqa: E402
import machine  # noqa: E402
import vmcorefile  # noqa: E402
from guestimage import Cache, digest, say  # noqa: E402
from machine import BedError, Monitor, quiet  # noqa: E402

MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
INDEX_SECONDS = 24 * 3600
CPUS = 2
BOOT_SECONDS = 900
BALLOON_MIB = 16

PROGRAM = [HERE / name for name in ("rawcore-init.c", "rawcore-workload.c")]
MODULES = "qemu_fw_cfg virtio_pci virtio_blk virtio_balloon crc32c_generic ext4".split()
OPTIONAL = ("crc32c_generic",)  # in the kernel itself since v6.15

SMALL = {"hugetlb_mib": 16, "thp_mib": 32, "anon_mib": 128, "cache_mib": 64, "tmpfs_mib": 48, "inodes": 40000,
         "sockets": 1000, "files_mib": 128, "heap_mib": 128, "past_mib": 128, "pieces_mib": 32, "poison_pages": 4}
BIG = {"hugetlb_mib": 64, "thp_mib": 128, "anon_mib": 64, "cache_mib": 64, "tmpfs_mib": 128, "inodes": 200000,
       "sockets": 8000, "files_mib": 700, "heap_mib": 800, "past_mib": 400, "pieces_mib": 64, "poison_pages": 4}
PROGRAMS = "postgresql-15 libllvm14 cpp-12 python3.11-minimal libpython3.11-stdlib perl-modules-5.36 iso-codes git".split()


class Recipe:
    """What one core is made of."""

    def __init__(self, suite, memory_mib=1024, level5=False, amounts=None, packages=()):
        self.suite = suite
        self.memory_mib = memory_mib
        self.level5 = level5
        self.amounts = amounts or SMALL
        self.packages = packages  # whose files are read and are the words on the heaps, beside the kernel's modules

    def key(self):
        return json.dumps([self.suite, self.memory_mib, self.level5, self.amounts, self.packages])


RECIPES = {
    "5.10": Recipe("bullseye"),
    "6.1": Recipe("bookworm"),
    "6.12": Recipe("trixie", level5=True),
    "newest": Recipe("sid"),
    "big": Recipe("bookworm", memory_mib=3072, amounts=BIG, packages=PROGRAMS),
}


class Core:
    """A finished core: its file, the release of its kernel and its vmcoreinfo."""

    def __init__(self, name, folder):
        self.name = name
        self.path = folder / "core.elf"
        self.info = json.loads((folder / "info.json").read_text())
        self.release = self.info["release"]


# --- Debian's archive ---

class Archive:
    """The packages of one suite, with apt's state in a folder of its own: the host's is not touched."""

    def __init__(self, root, suite):
        self.root = root / ("archive-" + suite)
        (self.root / "etc").mkdir(parents=True, exist_ok=True)
        for name in ("state/lists/partial", "cache/archives/partial", "debs"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "etc/sources.list").write_text(
            "deb [signed-by=%s] %s %s main\n" % (KEYRING, MIRROR, suite))
        self.refresh()

    def options(self):
        settings = {
            "Dir::Etc::SourceList": self.root / "etc/sources.list", "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null", "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State": self.root / "state", "Dir::State::Status": "/dev/null",
            "Dir::Cache": self.root / "cache", "APT::Architecture": "amd64", "APT::Sandbox::User": "root",
        }
        return [word for key, value in settings.items() for word in ("-o", "%s=%s" % (key, value))]

    def refresh(self):
        """Asks the mirror what is newest, once a day; without it the last answer serves."""
        stamp = self.root / "stamp"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < INDEX_SECONDS:
            return
        try:
            quiet("apt-get", *self.options(), "-q", "update")
            stamp.touch()
        except BedError:
            if not stamp.exists():
                raise

    def depends(self, package, pattern):
        """Those of a package's dependencies that match."""
        text = quiet("apt-cache", *self.options(), "depends", package)
        return [m[1] for m in re.finditer(r"^ *Depends: (\S+)$", text, re.M) if re.fullmatch(pattern, m[1])]

    def kernel(self):
        """The packages of the newest kernel. Its files may be in packages of their own (since 2026)."""
        (image,) = self.depends("linux-image-amd64", r"linux-image-\d.*")
        return self.depends(image, r"linux-(base|binary|modules)-\d.*") or [image]

    def version(self, package):
        return re.search(r"^Version: (\S+)", quiet("apt-cache", *self.options(), "show", package), re.M)[1]

    def unpack(self, packages, root):
        with tempfile.TemporaryDirectory(dir=self.root / "debs") as folder:
            quiet("apt-get", *self.options(), "-q", "download", *packages, cwd=folder)
            for deb in sorted(Path(folder).iterdir()):
                quiet("dpkg-deb", "-x", deb, root)


# --- the guest ---

def module_paths(root, release):
    """The files of MODULES and of what they need, in the order in which they are loaded."""
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
        elif name not in OPTIONAL and not is_builtin(top, name):
            raise BedError("the kernel %s has no module '%s'" % (release, name))
    return [top / p for p in dict.fromkeys(paths)]


def is_builtin(top, name):
    text = (top / "modules.builtin").read_text().replace("-", "_")
    return "/%s.ko" % name in text


def plain_module(path):
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def build_initrd(folder, root, release):
    stage = folder / "stage"
    for name in ("dev", "proc", "sys", "tmp", "disk", "lib"):
        (stage / name).mkdir(parents=True)
    quiet("gcc", "-O2", "-static", "-D_GNU_SOURCE", *PROGRAM, "-o", stage / "init")
    paths = module_paths(root, release)
    for path in paths:
        (stage / "lib" / path.stem.replace(".ko", "")).write_bytes(plain_module(path))
    (stage / "modules").write_text("".join("/lib/%s\n" % p.stem.replace(".ko", "") for p in paths))
    with open(folder / "initrd", "wb") as f:
        names = "\n".join(str(p.relative_to(stage)) for p in sorted(stage.rglob("*")))
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=stage, input=names.encode(), stdout=f,
                       check=True)


def build_disk(folder, root, size_mib):
    """Real files, and the list of them."""
    files = sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size > 0)
    (root / "list").write_text("".join("/disk/%s\n" % p.relative_to(root) for p in files))
    raw = folder / "disk.raw"
    quiet("truncate", "-s", "%dM" % size_mib, raw)
    quiet("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", "-d", root, raw)


class Guest:
    """One running guest."""

    def __init__(self, folder, recipe):
        self.folder = folder
        self.recipe = recipe
        self.console = folder / "console.log"
        self.process = self.monitor = None

    def argv(self):
        amounts = ["%s=%d" % item for item in self.recipe.amounts.items()]
        cmdline = ["console=ttyS0", "panic=-1", "rdinit=/init",
                   "hugepages=%d" % (self.recipe.amounts["hugetlb_mib"] // 2 + 4)] + amounts
        return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-machine", "q35", "-accel", "tcg,thread=multi",
                "-cpu", "max" if self.recipe.level5 else "max,la57=off",
                "-m", str(self.recipe.memory_mib), "-smp", str(CPUS),
                "-action", "reboot=shutdown,shutdown=pause",
                "-kernel", self.folder / "vmlinuz", "-initrd", self.folder / "initrd",
                "-append", " ".join(cmdline), "-device", "vmcoreinfo",
                "-serial", "file:%s" % self.console, "-qmp", "unix:%s,server=on,wait=off" % self.socket(),
                "-device", "virtio-balloon-pci",
                "-drive", "if=none,id=disk,format=raw,cache=unsafe,file=%s" % (self.folder / "disk.raw"),
                "-device", "virtio-blk-pci,drive=disk"]

    def socket(self):
        return self.folder / "qmp"

    def alive(self):
        return self.process.poll() is None

    def start(self):
        with open(self.folder / "qemu.log", "wb") as log:
            self.process = subprocess.Popen([str(a) for a in self.argv()], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=machine.die_with_parent)
        self.monitor = Monitor(self.socket(), self.alive)

    def wait_ready(self):
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            text = machine.read_console(self.console)
            if re.search("^READY$", text, re.M):
                return
            if re.search("FAILED|Kernel panic", text) or time.monotonic() > deadline:
                raise BedError("the guest did not get ready; the end of its console:\n" + text[-3000:])
            try:
                self.monitor.poll(0.3)
            except EOFError:
                raise BedError("qemu ended: " + (self.folder / "qemu.log").read_text()[-2000:]) from None

    def want_balloon(self):
        """The driver will make pages that are the hypervisor's (PageOffline), before the memory is filled."""
        self.monitor.execute("balloon", value=self.memory_bytes())

    def check_balloon(self):
        if self.monitor.execute("query-balloon")["actual"] != self.memory_bytes():
            raise BedError("the guest's balloon did not inflate")

    def memory_bytes(self):
        return self.recipe.memory_mib - BALLOON_MIB << 20

    def dump(self, path):
        self.monitor.execute("dump-guest-memory", seconds=600, paging=False, protocol="file:%s" % path)

    def kill(self):
        if self.process and self.alive():
            self.process.kill()
            self.process.wait()
        if self.monitor:
            self.monitor.line.close()


# --- the core ---

def check_core(recipe, keys):
    if int(keys["KERNELOFFSET"], 16) == 0:
        raise BedError("the kernel was not moved (KASLR)")
    if bool(int(keys["NUMBER(pgtable_l5_enabled)"])) != recipe.level5:
        raise BedError("expected %d levels of page tables" % (5 if recipe.level5 else 4))


def run_guest(folder, recipe):
    """Boots the guest that is laid out in @folder, leaves core.elf there. Returns its vmcoreinfo."""
    guest = Guest(folder, recipe)
    try:
        guest.start()
        guest.want_balloon()
        guest.wait_ready()
        guest.check_balloon()
        guest.dump(folder / "qemu.elf")
    finally:
        guest.kill()
    keys = vmcorefile.write(folder / "qemu.elf", folder / "core.elf", machine.read_console(guest.console))
    check_core(recipe, keys)
    return keys


def kernel_file(root, release):
    """The kernel itself; the package that the modules come in may have it beside them (since 2026)."""
    return next(p for p in (root / "boot" / ("vmlinuz-" + release), root / "lib/modules" / release / "vmlinuz")
                if p.exists())


def build_core(folder, name, recipe, archive):
    started = time.monotonic()
    say("core '%s': a guest with Debian %s …" % (name, recipe.suite))
    work = folder / "work"
    root = work / "root"
    root.mkdir(parents=True)
    archive.unpack(archive.kernel() + list(recipe.packages), root)
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    release = next((root / "lib/modules").iterdir()).name
    shutil.copy(kernel_file(root, release), work / "vmlinuz")
    build_initrd(work, root, release)
    build_disk(work, root, 512 + recipe.memory_mib)
    keys = run_guest(work, recipe)
    (work / "core.elf").rename(folder / "core.elf")
    shutil.copy(work / "console.log", folder / "console.log")
    shutil.rmtree(work)
    (folder / "info.json").write_text(json.dumps({"release": release, "vmcoreinfo": keys}, indent=1))
    say("core '%s': %s, %.0f s" % (name, release, time.monotonic() - started))


def core_key(recipe, archive):
    return digest(recipe.key(), [(p, archive.version(p)) for p in archive.kernel()], MODULES, BALLOON_MIB,
                  *(p.read_bytes() for p in PROGRAM), inspect.getsource(Guest.argv), inspect.getsource(vmcorefile),
                  inspect.getsource(build_initrd), inspect.getsource(build_disk), inspect.getsource(run_guest))


def prepare(name):
    """The Core of this name, made if it is not there yet; held until this process ends."""
    recipe = RECIPES[name]
    cache = Cache()
    with cache.locked():
        archive = Archive(cache.root, recipe.suite)
        folder = cache.get(cache.root, "rawcore-" + name, core_key(recipe, archive),
                           lambda t: build_core(t, name, recipe, archive))
    return Core(name, folder)


def link(core, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in (core.name, core.release if core.name != "big" else "big"):
        path = folder / (name + ".elf")
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        path.symlink_to(core.path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of %s; all if none is given" % ", ".join(RECIPES))
    parser.add_argument("--link", type=Path, metavar="FOLDER", help="make symbolic links NAME.elf there")
    args = parser.parse_args()
    for name in args.names or RECIPES:
        if name not in RECIPES:
            parser.error("no such core: %s" % name)
        core = prepare(name)
        if args.link:
            link(core, args.link)
        print(core.name, core.release, core.path, flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BedError, ValueError) as e:
        sys.exit("rawcore: %s" % e)
