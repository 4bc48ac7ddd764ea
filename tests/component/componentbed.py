# SPDX-License-Identifier: LGPL-2.1-or-later
"""A made-up machine below a folder, the daemon that runs on it, and what can be said of both."""

import gzip
import hashlib
import json
import os
import shutil
import socket
import struct
import time
import uuid
from pathlib import Path

import servicemanager
from servicemanager import BUILD, Failure, check  # noqa: F401

RELEASE = "6.1"
KERNEL_BYTES, KERNEL_PAYLOAD = 4096, 3072
RAM_FIRST, CRASH_FIRST, CRASH_BYTES = 0x100000, 0x2f000000, 64 << 20
KCORE_OFFSET = 0x1000
INITRD_ALIGN = 512
CONFIG = "etc/kdump.conf"
STATE = "run/kdumpd/state.json"
STATE_SECONDS = 10
GENERATIONS = "var/lib/kdumpd/generation"
LIBRARY = "usr/lib/libx.so.1"
FALLBACK_PROGRAM = "usr/lib/kdumpd/kdump-fallback"
HASTE = 20
RTM_NEWADDR = 20


def kernel(fill):
    """As much of a bzImage as is looked at."""
    start, payload = 4 * 512, gzip.compress(b"\x7fELF" + bytes([fill] * 100), mtime=0)
    image = bytearray([fill] * KERNEL_BYTES)
    image[0x1f1:0x290] = bytes(0x290 - 0x1f1)
    image[0x1f1] = start // 512 - 1
    struct.pack_into("<I", image, 0x1f4, (KERNEL_BYTES - start) // 16)
    image[0x1fe:0x208] = b"\x55\xaa\xeb\x6aHdrS\x0f\x02"
    image[0x211] = 1
    struct.pack_into("<IBBH", image, 0x230, 0x200000, 1, 21, 0x3f)
    struct.pack_into("<II", image, 0x248, KERNEL_PAYLOAD - start, len(payload))
    struct.pack_into("<QI", image, 0x258, 0x1000000, 0x10000)
    image[KERNEL_PAYLOAD:KERNEL_PAYLOAD + len(payload)] = payload
    return bytes(image)


def kcore():
    """One segment, all of it a hole: memory from the beginning of the crash area on."""
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = ident + struct.pack("<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 7, KCORE_OFFSET, 0xffff888000000000 + CRASH_FIRST, CRASH_FIRST,
                              CRASH_BYTES, CRASH_BYTES, 0)


def digest(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


class Machine:
    """The files."""

    def __init__(self, root):
        self.root = root
        self.n_cpus, self.ram_bytes = 2, 2 << 30

    def path(self, name):
        return self.root / name

    def read(self, name):
        return self.path(name).read_bytes()

    def write(self, name, data, mode=0o644):
        """In the place of what was there, at once."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name("." + path.name + ".new")
        new.write_bytes(data.encode() if isinstance(data, str) else data)
        new.chmod(mode)
        new.rename(path)

    def write_over(self, name, data):
        """As the kernel does, and editors that keep the inode."""
        self.path(name).write_bytes(data.encode() if isinstance(data, str) else data)

    def link(self, name, to):
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).symlink_to(to)

    def make(self):
        disk = "sys/devices/pci0/virtio1/block/vda"
        for folder in ("proc/sys/kernel", "sys/kernel", "var/crash", "dev", "etc/kdump.conf.d", "tmp", "run", "bed", "boot",
                       "test-bin", "usr/lib/modules/" + RELEASE, disk + "/vda1", disk + "/slaves", "sys/module/virtio_blk",
                       "sys/dev/block", "sys/class/block", "dev/disk/by-uuid", "usr/bin"):
            self.path(folder).mkdir(parents=True, exist_ok=True)
        self.link("lib", "usr/lib")
        self.link("sys/dev/block/254:1", "../../devices/pci0/virtio1/block/vda/vda1")
        self.link("sys/class/block/vda1", "../../devices/pci0/virtio1/block/vda/vda1")
        self.link("dev/disk/by-uuid/aaaa-0001", "../../vda1")
        self.link("sys/devices/pci0/virtio1/driver", "/sys/bus/virtio/drivers/virtio_blk")
        self.link("sys/bus/virtio/drivers/virtio_blk/module", "../../../../module/virtio_blk")
        mounts = "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
        files = {
            "dev/vda1": "", "proc/1/mountinfo": mounts, "proc/self/mountinfo": mounts, "bed/dracut": "",
            "proc/sys/kernel/osrelease": RELEASE + "\n", "proc/sys/kernel/hostname": "box\n",
            "proc/sys/kernel/kexec_load_disabled": "0\n", "proc/sys/kernel/kexec_load_limit_panic": "-1\n",
            "proc/cmdline": "root=/dev/vda1 ro quiet\n", "sys/kernel/kexec_crash_size": "%d\n" % CRASH_BYTES,
            "sys/kernel/kexec_crash_loaded": "0\n", "etc/machine-id": "0123456789abcdef0123456789abcdef\n", CONFIG: "",
            "usr/lib/kdumpd/kdump-capture": "one", FALLBACK_PROGRAM: "one", LIBRARY: "library 1", "usr/lib/modules/6.1/ext4.ko": "ext4",
            "usr/lib/modules/6.1/modules.dep": "ext4.ko:\n", "usr/lib/dracut/modules.d/99kdump/module-setup.sh": "one",
            "proc/sys/kernel/random/boot_id": "%s\n" % uuid.uuid4(), "proc/stat": "cpu  1 2 3\nbtime %d\n" % (time.time() - 60),
            "proc/cpuinfo": "processor\t: 0\napicid\t\t: 0\ninitial apicid\t: 0\n", "boot/vmlinuz-6.1": kernel(1),
        }
        for name, data in files.items():
            self.write(name, data)
        self.set_hardware(self.n_cpus, self.ram_bytes)
        self.make_kcore()
        shutil.copy(Path(__file__).parent / "fake-dracut.py", self.path("test-bin/dracut"))
        self.path("test-bin/dracut").chmod(0o755)

    def make_kcore(self):
        self.write("proc/kcore", kcore())
        os.truncate(self.path("proc/kcore"), KCORE_OFFSET + CRASH_BYTES)

    def set_hardware(self, n_cpus, ram_bytes):
        self.n_cpus, self.ram_bytes = n_cpus, ram_bytes
        cpus = "0-%d\n" % (n_cpus - 1)
        for name in ("present", "online"):
            self.write("sys/devices/system/cpu/" + name, cpus)
        self.write("proc/iomem", "00001000-0009ffff : System RAM\n%08x-%08x : System RAM\n  %08x-%08x : Crash kernel\n" % (
            RAM_FIRST, RAM_FIRST + ram_bytes - 1, CRASH_FIRST, CRASH_FIRST + CRASH_BYTES - 1))

    def hardware(self):
        return digest(self.read("sys/devices/system/cpu/present"), self.read("proc/iomem"))

    def crash_loaded(self):
        return self.read("sys/kernel/kexec_crash_loaded") == b"1\n"

    def calls(self):
        path = self.path("bed/calls")
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def loads(self):
        """How often the kernel was given an image, or freed the one it had."""
        return self.calls().count("load begun")

    def image(self):
        """What the kernel has: hashes of kernel and initrd, what it knows of the hardware, the hash and the command line of
        the fallback image, and the command line."""
        return tuple(self.read("bed/loaded").decode().split("\n", 4))

    def boot(self):
        """The kernel is a new one."""
        self.write("proc/sys/kernel/random/boot_id", "%s\n" % uuid.uuid4())
        self.write("proc/stat", "cpu  1 2 3\nbtime %d\n" % (time.time() + 1))
        self.write_over("sys/kernel/kexec_crash_loaded", "0\n")
        shutil.rmtree(self.path("run"))
        self.path("run").mkdir()


class Bed:
    def __init__(self, program, folder, **environment):
        self.m = Machine(folder / "root")
        self.m.make()
        self.numbers = {}  # of generations: what they are made of
        self.sm = servicemanager.ServiceManager(program, self.m.root, {"BED_HASTE": str(HASTE), **environment})

    def state(self):
        """Where /run has no room for two, it is empty while it is replaced: kdumpd's own readers know that, too."""
        deadline = time.monotonic() + STATE_SECONDS
        while not (text := self.m.read(STATE)) and time.monotonic() < deadline:
            time.sleep(0.01)
        return json.loads(text)

    def history(self):
        return json.loads(self.m.read("run/kdumpd/history.json"))["entries"]

    def n_builds(self):
        return sum(unit.n_started for unit in self.sm.units.values())

    def answered(self):
        return self.state()["request"] if self.m.path(STATE).exists() else 0

    def start(self, ready=True):
        """Returns when the daemon has done what there is to do."""
        self.sm.start()
        self.sm.wait(lambda: self.sm.ready or self.sm.pid == 0, "READY=1")
        check(self.sm.ready == ready, "the daemon ended with %s", self.sm.exit_status)

    def request(self, act):
        """Does what the daemon notices, and waits for its answer."""
        before = self.answered()
        act()
        self.sm.wait(lambda: self.answered() > before, "an answer")
        self.sm.drain()  # what was said before it

    def reload(self):
        self.request(lambda: os.kill(self.sm.pid, 1))

    def edit(self, text):
        self.request(lambda: self.m.write_over(CONFIG, text))

    def send(self, name, data):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(str(self.m.path("bed/" + name)))
            sock.send(data)

    def send_event(self, subsystem="memory"):
        device = "/devices/system/%s/%s1" % (subsystem, subsystem)
        text = "online@%s\0ACTION=online\0DEVPATH=%s\0SUBSYSTEM=%s\0SEQNUM=1" % (device, device, subsystem)
        self.send("events", text.encode())

    def renew_lease(self):
        """The kernel says that an address is there, which is all that it says."""
        self.send("network", struct.pack("=IHHIIBBBBI", 24, RTM_NEWADDR, 0, 1, 0, socket.AF_INET, 24, 0, 0, 2))

    def plug(self, n_cpus=2, ram_gib=2):
        """Memory or CPUs come or go, and the kernel says so."""
        self.m.set_hardware(n_cpus, ram_gib << 30)
        self.send_event()

    def wait_known(self):
        """The image knows the hardware."""
        self.sm.wait(lambda: self.m.crash_loaded() and self.m.image()[2] == self.m.hardware(), "a load of the headers")

    def generation_files(self, number):
        """The image that is described on disk under @number, as image() has it, without the hardware."""
        folder = "%s/%d/" % (GENERATIONS, number)
        g = json.loads(self.m.read(folder + "generation.json"))
        base = self.m.read(g["base_path"].lstrip("/"))
        initrd = digest(base, bytes(-len(base) % INITRD_ALIGN), self.m.read(folder + "overlay.cpio"))
        return digest(self.m.read(g["kernel_path"].lstrip("/"))), initrd, self.fallback_files(folder, g), g["cmdline"] + "\n"

    def fallback_files(self, folder, g):
        """One that is not what it should be is never loaded."""
        path = self.m.path(folder + "fallback.img")
        found = digest(path.read_bytes()) if path.exists() else "none"
        return "%s %s" % (found, g["fallback_cmdline"]) if found == g.get("fallback_sha256") else "none "

    def check_image(self, number, on_disk=True):
        """Generation @number is what the kernel has, it knows the hardware, and never meant anything else."""
        check(self.m.crash_loaded(), "nothing is armed")
        kernel_hash, initrd_hash, hardware, fallback, cmdline = self.m.image()
        parts = (kernel_hash, initrd_hash, fallback, cmdline)
        check(hardware == self.m.hardware(), "the image does not know the CPUs and the memory that there are")
        if on_disk:
            check(self.generation_files(number) == parts, "generation %d is not what is loaded", number)
        check(self.numbers.setdefault(number, parts) == parts, "generation %d was something else before", number)

    def check_armed(self, n_loads=None, **options):
        state = self.state()
        check(state["state"] == "armed", "it is %s: %s", state["state"], state["reason"])
        check(not state["request_failed"], "the request has failed")
        check(state["pid"] == self.sm.pid, "the state is of another process")
        self.check_image(state["generation"], **options)
        self.check_loads(n_loads)

    def check_loads(self, n_loads):
        check(n_loads is None or self.m.loads() == n_loads, "%d loads, not %s: %s", self.m.loads(), n_loads, self.m.calls())

    def check_degraded(self, why, n_loads=None):
        """An older image is armed, which is @why."""
        state = self.state()
        check(state["state"] == "degraded" and why in state["reason"], "it is %s: %s", state["state"], state["reason"])
        check(self.m.crash_loaded(), "nothing is armed")
        check(state["request_failed"] and why in state["last_error"], "the request has not failed")
        self.check_loads(n_loads)

    def check_history(self, action, *words):
        entry = self.history()[-1]
        check(entry["action"] == action, "the last entry is %s", entry)
        for word in words:
            check(word in json.dumps(entry, ensure_ascii=False), "the last entry does not say '%s': %s", word, entry)

    def tail(self, n=60):
        return "\n".join((self.sm.folder / "log").read_text(errors="replace").splitlines()[-n:])

    def close(self):
        self.sm.close()
