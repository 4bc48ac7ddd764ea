# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two CPUs and a DIMM come to a kernel that updates the headers of the crash kernel itself (CRASH_HOTPLUG, since v6.6): nothing
is loaded again, now or a minute later, and a panic dumps what is on them."""

import bed
import hotplug
import plugged

DEFAULT = False

TICK_SECONDS = 75  # the daemon looks around once a minute, or 10 s later


def run():
    guest = bed.start(kernel="6.12")
    plugged.collect_user_pages(guest)
    for path in (hotplug.CPUS, hotplug.MEMORY):
        flag = guest.run("cat %s/crash_hotplug" % path).strip()
        bed.check(flag == "1", "%s/crash_hotplug: expected 1, not %s" % (path, flag))
    before, (old_ram, _) = guest.state(), plugged.ram(guest)
    n_cpus = int(guest.run("nproc")) + len(plugged.CPUS)
    plugged.use(guest, plugged.plug(guest))
    new_ram = [r for r in plugged.ram(guest)[0] if r not in old_ram]
    bed.check(plugged.size(new_ram) == plugged.DIMM_BYTES, "the new memory is %s" % new_ram)
    bed.check(int(guest.run("nproc")) == n_cpus, "not all CPUs run: %s" % guest.run("nproc"))
    plugged.quiet(guest, before)
    guest.run("sleep %d" % TICK_SECONDS, timeout=2 * TICK_SECONDS)
    plugged.quiet(guest, before)
    guest.check_armed()
    pfn = plugged.put_pattern(guest, new_ram)
    plugged.panic_and_check(guest, n_cpus, pfn)
