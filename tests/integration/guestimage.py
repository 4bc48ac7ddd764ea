# SPDX-License-Identifier: LGPL-2.1-or-later
"""GuestImage: makes and caches the guest: a Debian base, kdumpd installed into it, a booted snapshot.

Three layers, each keyed by the content of what goes into it, below $XDG_CACHE_HOME/kdumpd:
  base-KEY/root.raw           debootstrap
  image-KEY/                  + `meson install`, + the crash kernel's base image; kernel, initrd, disks
  image-KEY/snapshot-KEY/     a guest booted from it, kdump.service enabled and armed
Of guests with another kernel than the suite's own, those of the first two have its name: base6.12-KEY, image6.12-KEY.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import inspect
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import machine
import madt
from machine import BedError, Machine, quiet

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
# Kernels beside the suite's own: the package, the line of sources.list that brings it, and options of qemu.
KERNELS = {"6.12": ("linux-image-6.12-amd64", "deb http://deb.debian.org/debian-security %s-security main" % SUITE,
                    machine.KNOWN_GUEST)}
PACKAGES = """
    systemd-sysv udev dbus kmod linux-image-amd64 initramfs-tools dracut-core qemu-guest-agent
    btrfs-progs xfsprogs e2fsprogs procps util-linux less zstd cpio iproute2 openssl
    libjson-c5 libmount1 libblkid1 liblzo2-2 zlib1g libssl3 libsystemd0
""".split()

ROOT_UUID = "6b64756d-7064-4000-8000-000000000001"
VAR_UUID = "6b64756d-7064-4000-8000-000000000002"
EXT4_UUID = "6b64756d-7064-4000-8000-000000000003"
BTRFS_UUID = "6b64756d-7064-4000-8000-000000000004"
XFS_LABEL = "crashdisk"
DISKS = ("root", "var", "ext4", "xfs", "btrfs", "scratch")
DISK_SIZE = "4G"

# What a base image of the crash kernel must hold so that no case needs dracut.
DRIVERS = "virtio_pci virtio_blk ext4 xfs btrfs i6300esb iTCO_wdt lpc_ich".split()
CRASHKERNEL = "crashkernel=256M"
CMDLINE = "root=UUID=%s rw console=ttyS0 systemd.show_status=1" % ROOT_UUID

# Jobs that a change of the clock would start in the middle of a case.
TIMERS = """apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
    e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer""".split()

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
KEEP = 2  # of each layer
HELD = []  # lock files of the layers in use, open until this process ends


def say(text):
    print("   %s" % text, flush=True)


def enter_private_mounts():
    """From here on mounts of this process are its own: they, and their loop devices, go away with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise BedError("guests need root: unshare: %s" % os.strerror(ctypes.get_errno()))
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:  # one by one: in a chroot "/" itself may be no mount point
            where = line.split()[4].encode().decode("unicode_escape")
            libc.mount(b"none", where.encode(), None, MS_PRIVATE, None)


@contextlib.contextmanager
def mounted(image, options="rw", fstype="auto"):
    """A raw file system image, mounted."""
    folder = Path(tempfile.mkdtemp(prefix="kdumpd-mount-", dir=machine.scratch_folder()))
    try:
        quiet("mount", "-t", fstype, "-o", "loop," + options, image, folder)
        try:
            yield folder
        finally:
            quiet("umount", folder)
    finally:
        folder.rmdir()


@contextlib.contextmanager
def chroot_mounts(root):
    """What programs in a chroot expect, and no service starts there."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    done = []
    try:
        for fstype, name in (("proc", "proc"), ("sysfs", "sys")):
            quiet("mount", "-t", fstype, fstype, root / name)
            done.append(root / name)
        quiet("mount", "--rbind", "/dev", root / "dev")
        done.append(root / "dev")
        quiet("mount", "--make-rprivate", root / "dev")
        yield
    finally:
        for where in reversed(done):
            quiet("umount", "-R", where)
        policy.unlink()


def chroot_run(root, *argv):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", "TERM": "dumb"}
    return quiet("chroot", root, *argv, env=env)


def digest(*parts):
    h = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        h.update(b"%d:" % len(data) + data)
    return h.hexdigest()[:16]


def tree_digest(root):
    """Names, modes and contents of all below a folder."""
    parts = []
    for path in sorted(root.rglob("*")):
        parts.append("%s %o" % (path.relative_to(root), path.lstat().st_mode))
        if path.is_symlink():
            parts.append(os.readlink(path))
        elif path.is_file():
            parts.append(path.read_bytes())
    return digest(*parts)


class Cache:
    """The folder of all layers: one builder at a time; what is in use is not removed."""

    def __init__(self):
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.root = Path(home) / "kdumpd"
        self.root.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self):
        with open(self.root / "lock", "w", encoding="ascii") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            yield

    def hold(self, folder):
        """Until this process and its children end, nobody prunes @folder."""
        f = open(folder / "lock", "w", encoding="ascii")
        fcntl.flock(f, fcntl.LOCK_SH)
        os.set_inheritable(f.fileno(), True)
        os.utime(folder)
        HELD.append(f)

    def get(self, parent, prefix, key, build):
        """The folder PREFIX-KEY below @parent; @build(temporary folder) makes it if it is not there."""
        folder = parent / ("%s-%s" % (prefix, key))
        if not folder.exists():
            temporary = parent / ("tmp-%s" % prefix)
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(mode=0o700)
            build(temporary)
            temporary.rename(folder)
            self.prune(parent, prefix, folder)
        self.hold(folder)
        return folder

    def prune(self, parent, prefix, but):
        found = [p for p in parent.glob(prefix + "-*") if p != but]
        for folder in sorted(found, key=lambda p: p.stat().st_mtime, reverse=True)[KEEP - 1:]:
            with contextlib.suppress(OSError), open(folder / "lock", "w", encoding="ascii") as f:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def debian_mirror():
    """The mirror that this machine itself uses, if it is a Debian of the same suite."""
    texts = [p.read_text() for pattern in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources")
             for p in sorted(Path("/etc/apt").glob(pattern))]
    for text in texts:
        for m in re.finditer(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+%s\s" % SUITE, text, re.M):
            return m[1]
        for stanza in re.split(r"\n\s*\n", text):
            uri = re.search(r"^URIs:\s*(\S+)", stanza, re.M)
            suites = re.search(r"^Suites:(.*)", stanza, re.M)
            if uri and suites and SUITE in suites[1].split():
                return uri[1]
    return MIRROR


# --- layer 1: Debian ---

def build_base(folder):
    started = time.monotonic()
    say("Debian %s from %s …" % (SUITE, debian_mirror()))
    raw = folder / "root.raw"
    quiet("truncate", "-s", DISK_SIZE, raw)
    quiet("mkfs.ext4", "-q", "-U", ROOT_UUID, "-L", "root", "-E", "lazy_itable_init=1,nodiscard", raw)
    # No barriers: dpkg's many fsyncs would each wait for the disk, and a half-built image is thrown away.
    with mounted(raw, options="rw,nobarrier,discard") as root:
        quiet("debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES), SUITE, root,
              debian_mirror())
        configure_base(root)
        quiet("fstrim", root)
    say("Debian %s: %.0f s" % (SUITE, time.monotonic() - started))


def configure_base(root):
    files = {
        "etc/hostname": "guest\n",
        "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 guest\n",
        "etc/machine-id": "6b64756d706440008000000000000000\n",
        "etc/fstab": "UUID=%s / ext4 defaults 0 1\n" % ROOT_UUID,
        # The guest's own initrd: only what finds its root, it is unpacked under emulation.
        "etc/initramfs-tools/conf.d/guest": "MODULES=list\n",
        "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\next4\n",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    with chroot_mounts(root):
        chroot_run(root, "update-initramfs", "-u", "-k", "all")
        chroot_run(root, "systemctl", "mask", *TIMERS)
        chroot_run(root, "passwd", "-d", "root")
        chroot_run(root, "apt-get", "clean")
    for name in ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian",
                 "var/lib/apt/lists", "var/cache/debconf"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir()


def own_kernel(root):
    """Its release, as in the name of its package; there is one."""
    (release,) = (p.name for p in (root / "usr/lib/modules").iterdir())
    return release


def base_key():
    return digest(SUITE, PACKAGES, ROOT_UUID, DISK_SIZE, TIMERS, inspect.getsource(build_base),
                  inspect.getsource(configure_base), inspect.getsource(chroot_mounts))


def build_base_with(folder, base, kernel):
    """A base whose only kernel is another one."""
    started = time.monotonic()
    package, source, _ = KERNELS[kernel]
    say("Debian %s with Linux %s …" % (SUITE, kernel))
    quiet("cp", "--sparse=always", "--reflink=auto", base / "root.raw", folder / "root.raw")
    with mounted(folder / "root.raw", options="rw,nobarrier,discard") as root, chroot_mounts(root):
        own = own_kernel(root)
        (root / "etc/apt/sources.list.d/kernel.list").write_text(source + "\n")
        apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")
        chroot_run(root, *apt, "update")
        chroot_run(root, *apt, "install", "--no-install-recommends", package)
        chroot_run(root, *apt, "purge", "linux-image-amd64", "linux-image-" + own)
        chroot_run(root, "apt-get", "clean")
        shutil.rmtree(root / "var/lib/apt/lists")
        (root / "var/lib/apt/lists").mkdir()
        quiet("fstrim", root)
    say("Debian %s with Linux %s: %.0f s" % (SUITE, kernel, time.monotonic() - started))


# --- layer 2: kdumpd installed as a package would ---

def build_image(folder, base, installed, options):
    started = time.monotonic()
    say("installing kdumpd into the guest …")
    raw = folder / "root.raw"
    quiet("cp", "--sparse=always", "--reflink=auto", base / "root.raw", raw)
    with mounted(raw, options="rw,nobarrier,discard") as root:
        quiet("cp", "-a", "--no-preserve=ownership", "%s/." % installed, root)
        release = own_kernel(root)
        info = {"release": release, "options": options}
        with chroot_mounts(root):
            begun = time.monotonic()
            argv = ["/usr/lib/kdumpd/kdumpd", "build", "--kernel", release]
            for driver in DRIVERS:
                argv += ["--add-driver", driver]
            info["build_log"] = chroot_run(root, *argv)
            info["build_seconds"] = time.monotonic() - begun
            say("the crash kernel's base image: %.0f s" % info["build_seconds"])
        shutil.copy(root / "boot" / ("vmlinuz-" + release), folder / "vmlinuz")
        shutil.copy(root / "boot" / ("initrd.img-" + release), folder / "initrd.img")
        build_disks(folder, root)
        quiet("fstrim", root)
    (folder / "info.json").write_text(json.dumps(info, indent=1))
    say("guest image: %.0f s" % (time.monotonic() - started))


def options(image):
    """Options of qemu that guests with this image need."""
    return json.loads((image / "info.json").read_text())["options"]


def build_disks(folder, root):
    for name in DISKS[1:]:
        quiet("truncate", "-s", DISK_SIZE, folder / (name + ".raw"))
    ext4 = ("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,nodiscard")
    quiet(*ext4, "-U", VAR_UUID, "-d", root / "var", folder / "var.raw")
    quiet(*ext4, "-U", EXT4_UUID, folder / "ext4.raw")
    quiet("mkfs.xfs", "-q", "-K", "-L", XFS_LABEL, folder / "xfs.raw")
    quiet("mkfs.btrfs", "-q", "-K", "-U", BTRFS_UUID, folder / "btrfs.raw")


def image_key(base, installed, options):
    return digest(base.name, options, installed.stat().st_mode, tree_digest(installed), DRIVERS, VAR_UUID, EXT4_UUID,
                  BTRFS_UUID, XFS_LABEL,
                  inspect.getsource(build_image), inspect.getsource(build_disks))


# --- layer 3: booted and armed ---

def build_snapshot(folder, image):
    """The overlays name their backing files relative to themselves: the folder gets its name later."""
    say("booting the guest and arming kdump for the snapshot …")
    disks = {}
    for name in DISKS:
        disks[name] = folder / (name + ".qcow2")
        machine.create_overlay(disks[name], "../%s.raw" % name, "raw")
    with tempfile.TemporaryDirectory(prefix="kdumpd-vm-", dir=machine.scratch_folder()) as sockets:
        m = Machine(sockets, folder / "console.log", image / "vmlinuz", image / "initrd.img",
                    "%s %s" % (CMDLINE, CRASHKERNEL), disks, options=options(image))
        try:
            info = arm_for_snapshot(m)
            m.save(folder / "state")
        except (BedError, EOFError) as e:
            raise BedError("%s; the end of its console:\n%s" %
                           (e, machine.read_console(folder / "console.log")[-3000:])) from None
        finally:
            m.kill()
    (folder / "info.json").write_text(json.dumps(info, indent=1))


def arm_for_snapshot(m):
    started = time.monotonic()
    m.start()
    m.agent.connect(started + 600)
    m.agent.wait_booted(started + 600)
    boot = time.monotonic() - started
    say("boot: %.0f s" % boot)
    begun = time.monotonic()
    status, out, err = m.agent.run("systemctl enable --now kdump", 10 * boot + 60)
    if status != 0:
        status, out2, _ = m.agent.run("journalctl -b --no-pager -u kdump -u kdump-build | tail -50", 60)
        raise BedError("'systemctl enable --now kdump' failed in the guest:\n%s%s%s" % (out, err, out2))
    arm = time.monotonic() - begun
    say("systemctl enable --now kdump: %.1f s" % arm)
    m.agent.run("sync; echo 3 >/proc/sys/vm/drop_caches", 60)
    return {"boot_seconds": boot, "arm_seconds": arm}


def snapshot_key(image):
    spare = (machine.SPARE_CPUS, machine.SPARE_SLOTS, machine.SPARE_MIB)
    return digest(image.name, CMDLINE, CRASHKERNEL, quiet("qemu-system-x86_64", "--version"),
                  inspect.getsource(Machine), inspect.getsource(madt), machine.MEMORY_MIB, machine.CPUS, spare,
                  inspect.getsource(build_snapshot), inspect.getsource(arm_for_snapshot))


# --- beside layer 2: more of Debian in it ---

def build_with(folder, image, packages, script):
    """The image's other files are used where they are."""
    started = time.monotonic()
    say("a guest with %s …" % " ".join(packages))
    quiet("cp", "--sparse=always", "--reflink=auto", image / "root.raw", folder / "root.raw")
    with mounted(folder / "root.raw", options="rw,nobarrier,discard") as root, chroot_mounts(root):
        apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")
        chroot_run(root, *apt, "update")
        chroot_run(root, *apt, "install", "--no-install-recommends", *packages)
        chroot_run(root, "sh", "-euc", script)
        chroot_run(root, "apt-get", "clean")
    for name in ["vmlinuz", "initrd.img", "info.json"] + [d + ".raw" for d in DISKS[1:]]:
        (folder / name).symlink_to("../" + name)
    say("a guest with %s: %.0f s" % (" ".join(packages), time.monotonic() - started))


def image_with(image, packages, script):
    """The folder of an image with more packages, and what a shell script does in it; held as the others."""
    cache = Cache()
    with cache.locked():
        key = digest(packages, script, inspect.getsource(build_with))
        return cache.get(image, "with", key, lambda t: build_with(t, image, packages, script))


def install_tree(build_dir, destdir):
    """KDUMPD_TEST_TREE names a folder with an installed tree to test instead of the build's own."""
    tree = os.environ.get("KDUMPD_TEST_TREE")
    if tree:
        quiet("cp", "-a", "%s/." % tree, destdir)
    else:
        quiet("meson", "install", "--no-rebuild", "--quiet", "-C", build_dir, "--destdir", destdir)


def prepare(build_dir, snapshot=True, kernel=""):
    """Returns (image folder, snapshot folder or None); both are held until this process ends. @kernel: of KERNELS, or
    the suite's own."""
    cache = Cache()
    with tempfile.TemporaryDirectory(prefix="kdumpd-install-", dir=machine.scratch_folder()) as destdir, \
            cache.locked():
        os.chmod(destdir, 0o755)  # it becomes the mode of the guest's "/"
        install_tree(build_dir, destdir)
        base = cache.get(cache.root, "base", base_key(), build_base)
        extra = []
        if kernel:
            extra = KERNELS[kernel][2]
            key = digest(base.name, KERNELS[kernel][:2], inspect.getsource(build_base_with))
            plain = base
            base = cache.get(cache.root, "base" + kernel, key, lambda t: build_base_with(t, plain, kernel))
        image = cache.get(cache.root, "image" + kernel, image_key(base, Path(destdir), extra),
                          lambda t: build_image(t, base, Path(destdir), extra))
        if not snapshot:
            return image, None
        return image, cache.get(image, "snapshot", snapshot_key(image),
                                lambda t: build_snapshot(t, image))
