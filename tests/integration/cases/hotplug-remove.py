# SPDX-License-Identifier: LGPL-2.1-or-later
"""A DIMM that was plugged in goes away again: the same image is loaded again, once, without it, and a panic dumps what is
left. (No CPU goes: when a crash kernel boots after that, the main loop of qemu 7.2 never ends.)"""

import bed
import hotplug
import plugged

DEFAULT = False


def run():
    guest = bed.start()
    plugged.collect_user_pages(guest)
    before = guest.state()
    blocks = plugged.plug(guest)
    more = plugged.wait_known(guest, before["loaded_n_cpus"] + len(plugged.CPUS),
                              before["loaded_ram_bytes"] + plugged.DIMM_BYTES)
    new = plugged.use(guest, blocks)
    plugged.quiet(guest, more)

    guest.run(" && ".join("echo offline >%s/%s/state" % (hotplug.MEMORY, b) for b in sorted(new)), timeout=120)
    plugged.quiet(guest, more)
    hotplug.unplug_memory(guest, plugged.DIMM)
    less = plugged.wait_known(guest, more["loaded_n_cpus"], before["loaded_ram_bytes"])
    bed.check(less["reloads"] == more["reloads"] + 1, "%d reloads" % (less["reloads"] - more["reloads"]))
    plugged.quiet(guest, less)
    plugged.panic_and_check(guest, less["loaded_n_cpus"])
