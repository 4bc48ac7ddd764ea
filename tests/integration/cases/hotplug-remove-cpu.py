# SPDX-License-Identifier: LGPL-2.1-or-later
"""A CPU that was plugged in goes away again: the same image is loaded again, once, without it, and a panic dumps the registers
of those that are left. (When a crash kernel boots after that, the main loop of qemu 7.2 never ends.)"""

import re
import subprocess

import bed
import hotplug
import plugged

DEFAULT = False

QEMU_VERSION = (8, 0)


def qemu_version():
    text = subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return tuple(int(n) for n in re.search(r"version (\d+)\.(\d+)", text).groups())


def run():
    if qemu_version() < QEMU_VERSION:
        raise bed.Skip("qemu %s.%s cannot take a CPU away and boot a crash kernel then" % qemu_version())
    guest = bed.start(snapshot=False)
    guest.run("systemctl enable --now kdump", timeout=200)
    guest.check_armed()
    before = guest.state()
    n_cpus, n_bytes = before["loaded_n_cpus"], before["loaded_ram_bytes"]
    for n in plugged.CPUS:
        hotplug.plug_cpu(guest, n)
    more = plugged.wait_known(guest, n_cpus + len(plugged.CPUS), n_bytes)
    hotplug.online_cpus(guest, plugged.CPUS)
    plugged.quiet(guest, more)

    last = plugged.CPUS[-1]
    guest.run("echo 0 >%s/cpu%d/online" % (hotplug.CPUS, last))
    plugged.quiet(guest, more)
    hotplug.unplug_cpu(guest, last)
    less = plugged.wait_known(guest, more["loaded_n_cpus"] - 1, n_bytes)
    bed.check(less["reloads"] == more["reloads"] + 1, "%d reloads" % (less["reloads"] - more["reloads"]))
    plugged.quiet(guest, less)
    plugged.panic_and_check(guest, less["loaded_n_cpus"])
