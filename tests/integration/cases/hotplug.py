# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two CPUs and a DIMM come in one burst: the same image is loaded again once, and a panic then dumps what is on them."""

import bed
import plugged


def run():
    guest = bed.start()
    plugged.collect_user_pages(guest)
    before, (old_ram, _) = guest.state(), plugged.ram(guest)
    blocks = plugged.plug(guest)
    wanted = plugged.wait_known(guest, before["loaded_n_cpus"] + len(plugged.CPUS),
                                before["loaded_ram_bytes"] + plugged.DIMM_BYTES)
    bed.check(wanted["reloads"] == before["reloads"] + 1, "one burst led to %d reloads" %
              (wanted["reloads"] - before["reloads"]))
    bed.check(wanted["generation"] == before["generation"], "the reload made a new generation")
    plugged.use(guest, blocks)
    plugged.quiet(guest, wanted)
    new_ram = [r for r in plugged.ram(guest)[0] if r not in old_ram]
    bed.check(plugged.size(new_ram) == plugged.DIMM_BYTES, "the new memory is %s" % new_ram)
    pfn = plugged.put_pattern(guest, new_ram)
    bed.note("gap of the reload: %.0f ms" % (wanted["gap_usec"] / 1e3))
    plugged.panic_and_check(guest, wanted["loaded_n_cpus"], pfn)
