# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel in lockdown takes no segments: it is loaded by kexec_file_load(2), nothing is disarmed, and it dumps."""

import bed
import light

DEFAULT = False
GUEST = False


def run_kernel(kernel):
    with light.guest(kernel, ours=False, append="lockdown=integrity") as guest:
        bed.note("Linux %s: %s" % (kernel, guest.loaded))
        for answer in (guest.loaded, guest.tell("next", "loaded")):
            bed.check_in("loaded file", answer, "armtool")
            bed.check_in("restored 0", answer, "armtool")
            bed.check_in("lockdown", answer, "armtool's reason")
        bed.check(guest.tell("armed", "armed") == "armed 1", "nothing is loaded")
        guest.panic()
        end = guest.outcome()
        dump = guest.dump()
    # The kernel's own purgatory says nothing.
    bed.check("decision" not in end.seen, end.console[-2000:])
    bed.note("Linux %s: %s; %s" % (kernel, end.text(), dump and dump.text()))
    bed.check(dump and dump.complete() and dump.meta.get("purgatory") is None, dump and dump.meta)


def run():
    for kernel in ("6.1", "6.12"):
        run_kernel(kernel)
