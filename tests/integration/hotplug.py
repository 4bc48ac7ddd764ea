# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hotplug: CPUs and memory come to a running guest and leave it, and what its kernel then has."""

import re
import time

import bed

CPUS = "/sys/devices/system/cpu"
MEMORY = "/sys/devices/system/memory"
BUSY = "until %s; do sleep 0.05; done"


def cpu_slots(guest):
    """What can be a CPU, in the order in which the kernel counts them; those that are there have a qom-path."""
    slots = guest.machine.monitor.execute("query-hotpluggable-cpus")
    return sorted(slots, key=lambda s: s["props"]["socket-id"])


def plug_cpu(guest, n):
    """The CPU becomes present, not online."""
    slot = cpu_slots(guest)[n]
    guest.machine.monitor.execute("device_add", driver=slot["type"], id="cpu%d" % n, **slot["props"])


def unplug_cpu(guest, n):
    wait_gone(guest, cpu_slots(guest)[n]["qom-path"])


def plug_memory(guest, name, mebibytes):
    """One more DIMM; it is not online yet."""
    monitor = guest.machine.monitor
    monitor.execute("object-add", **{"qom-type": "memory-backend-ram", "id": "of-" + name,
                                     "size": mebibytes << 20, "reserve": False})
    monitor.execute("device_add", driver="pc-dimm", id=name, memdev="of-" + name)


def unplug_memory(guest, name):
    wait_gone(guest, "/machine/peripheral/" + name)
    guest.machine.monitor.execute("object-del", id="of-" + name)


def wait_gone(guest, path, timeout=60):
    """Asks the guest to give a device back, and waits until it has. (Of CPUs qemu 7.2 does not say DEVICE_DELETED.)"""
    monitor = guest.machine.monitor
    deadline = time.monotonic() + bed.seconds(timeout)
    folder, _, name = path.rpartition("/")
    monitor.execute("device_del", id=path)
    while any(d["name"] == name for d in monitor.execute("qom-list", path=folder)):
        bed.check(time.monotonic() < deadline, "the guest did not give '%s' back" % name)
        monitor.poll(0.1)


def resize_virtio_mem(guest, mebibytes):
    guest.machine.monitor.execute("qom-set", path="/machine/peripheral/vmem", property="requested-size",
                                  value=mebibytes << 20)


def memory_blocks(guest):
    """The numbers of the blocks of memory that the kernel knows."""
    return set(guest.run("cd %s && echo memory[0-9]*" % MEMORY).split())


def online_cpus(guest, numbers, timeout=60):
    """Waits for the kernel to have seen them, and lets it use them."""
    for n in numbers:
        path = "%s/cpu%d/online" % (CPUS, n)
        guest.run(BUSY % ("[ -e %s ]" % path) + "; [ $(cat %s) = 1 ] || echo 1 >%s" % (path, path), timeout=timeout)


def online_memory(guest, before, mebibytes, timeout=60):
    """Waits until the kernel has seen this much more than the blocks of @before, and lets it use that. Returns the
    new blocks."""
    size = int(guest.run("cat %s/block_size_bytes" % MEMORY), 16)
    count = len(before) + (mebibytes << 20) // size
    guest.run(BUSY % ("[ $(ls -d %s/memory[0-9]* | wc -l) -ge %d ]" % (MEMORY, count)), timeout=timeout)
    new = memory_blocks(guest) - before
    guest.run(" && ".join("{ grep -q online %s/%s/state && ! grep -q offline %s/%s/state || "
                          "echo online_movable >%s/%s/state; }" % ((MEMORY, b) * 3) for b in sorted(new)), timeout=timeout)
    return new


def system_ram(text):
    """[start, end) of each range of memory in the text of an /proc/iomem, and of the crash kernel's."""
    ram, crash = [], []
    for line in text.splitlines():
        m = re.match(r"( *)([0-9a-f]+)-([0-9a-f]+) : (.*)", line)
        if not m:
            continue
        found = (int(m[2], 16), int(m[3], 16) + 1)
        if m[4].startswith("System RAM"):
            ram.append(found)
        elif m[4] == "Crash kernel":
            crash.append(found)
    return ram, crash
