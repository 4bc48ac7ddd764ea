# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bit of the crash kernel, and one of the mirror of its initramfs, fall over before a panic: it is repaired, and dumps. Before
that it was loaded with other ends of the initramfs, of which nothing else was copied while no bit had fallen over."""

import bed
import light as lights

GUEST = False


def edit(guest, text, wanted):
    answer = guest.tell("edit " + text, "loaded")
    bed.note(answer)
    bed.check_in(wanted, answer, "armtool")
    if "damaged 0" in answer:
        guest.memory.know(guest.expect("place", 60))
    return answer


def run():
    with lights.guest() as guest:
        bed.note(guest.loaded)
        edit(guest, "one", "loaded delta")
        guest.memory.damage("initramfs", ("mirror",), chunk=0)
        bed.check_in("damaged 1", edit(guest, "two", "loaded full"), "armtool")
        edit(guest, "three", "loaded delta")
        guest.memory.damage("kernel", ("primary",), chunk=3)
        guest.memory.damage("initramfs", ("mirror",), chunk=1)
        guest.panic()
        end = guest.outcome()
        bed.check(end.kind == "repaired" and end.repaired == 1 and end.lost == 0, end.console[-3000:])
        dump = guest.dump()
    bed.check(dump and dump.complete(), "no good dump: %s" % (dump and dump.text()))
    bed.check(dump.meta["purgatory"] == "repaired" and dump.meta["purgatory_chunks_repaired"] == 1, dump.meta)
    bed.note("%s; %s" % (end.text(), dump.text()))
