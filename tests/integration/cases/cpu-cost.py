# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one more CPU costs the crash kernel, against what kdumpd reckons with when it chooses nr_cpus=."""

import re

import bed

DEFAULT = False
CPUS = 4
RECKONED_MIB = 8  # NR_CPUS_EACH_BYTES of src/kdumpd/cmdline.c


def available(nr_cpus):
    """MiB that are available in the crash kernel before anything is saved, with this many CPUs."""
    guest = bed.start(snapshot=False, cpus=CPUS)
    # What is still starting takes some for a while: the most that is ever available counts.
    guest.script("/usr/local/bin/pre", "most=0", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do",
                 "  while read -r name value unit; do",
                 '    if [ "$name" = MemAvailable: ] && [ "$value" -gt "$most" ]; then most=$value; fi',
                 "  done </proc/meminfo", "  sleep 0.5", "done", 'echo "<4>available: $most kB" >/dev/kmsg',
                 "n=0; for cpu in /sys/devices/system/cpu/cpu[0-9]*/topology; do n=$((n + 1)); done",
                 'echo "<4>cpus: $n" >/dev/kmsg')
    guest.write("/etc/kdump.conf", "kdump_pre /usr/local/bin/pre\nnr_cpus %d\n" % nr_cpus)
    guest.run("systemctl enable --now kdump", timeout=200)
    guest.panic(cpu=0)
    guest.wait_reset()
    console = guest.console()
    memory, cpus = (re.search(r"%s: (\d+)" % name, console) for name in ("available", "cpus"))
    bed.check(memory and cpus, "the hook said nothing of memory and CPUs")
    bed.check(int(cpus[1]) == nr_cpus, "%s CPUs run instead of %d" % (cpus[1], nr_cpus))
    return int(memory[1]) / 1024


def run():
    one, all_of_them = available(1), available(CPUS)
    cost = (one - all_of_them) / (CPUS - 1)
    bed.note("available %.1f MiB with 1 CPU, %.1f with %d: %.1f MiB for each more" % (one, all_of_them, CPUS, cost))
    bed.check(0 < cost <= RECKONED_MIB, "a CPU costs %.1f MiB, %d are reckoned with" % (cost, RECKONED_MIB))
