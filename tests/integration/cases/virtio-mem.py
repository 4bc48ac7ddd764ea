# SPDX-License-Identifier: LGPL-2.1-or-later
"""A virtio-mem device gives half of what it has: the same image is loaded again once, and a panic dumps a page that is on it."""

import bed
import hotplug
import plugged

DEFAULT = False

DEVICE_MIB = 1024
PLUGGED_MIB = DEVICE_MIB // 2


def run():
    guest = bed.start(snapshot=False, virtio_mem_mib=DEVICE_MIB)
    guest.run("systemctl enable --now kdump", timeout=200)
    plugged.collect_user_pages(guest)
    before, (old_ram, _) = guest.state(), plugged.ram(guest)
    blocks = hotplug.memory_blocks(guest)
    hotplug.resize_virtio_mem(guest, PLUGGED_MIB)
    wanted = plugged.wait_known(guest, before["loaded_n_cpus"], before["loaded_ram_bytes"] + (PLUGGED_MIB << 20))
    bed.check(wanted["reloads"] == before["reloads"] + 1, "one burst led to %d reloads" %
              (wanted["reloads"] - before["reloads"]))
    hotplug.online_memory(guest, blocks, PLUGGED_MIB)
    plugged.quiet(guest, wanted)
    new_ram = [r for r in plugged.ram(guest)[0] if r not in old_ram]
    bed.check(plugged.size(new_ram) == PLUGGED_MIB << 20, "the new memory is %s" % new_ram)
    pfn = plugged.put_pattern(guest, new_ram)
    bed.note("gap of the reload: %.0f ms" % (wanted["gap_usec"] / 1e3))
    plugged.panic_and_check(guest, wanted["loaded_n_cpus"], pfn)
