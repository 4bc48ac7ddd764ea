# SPDX-License-Identifier: LGPL-2.1-or-later
"""Panics at random moments while the crash kernel is loaded again and again: the box always comes back."""

import collections
import random

import bed
import light

DEFAULT = False
GUEST = False
RUNS = 50
PANIC_SECONDS = 10  # panic= of the guest
LOOPS = ("many 100000", "wholes 100000")


def run_one(armed, loop, delay):
    """An NMI that nobody knows comes from outside, also in the middle of a system call."""
    with armed.run() as guest:
        guest.tell(loop)
        guest.monitor.poll(delay)
        guest.nmi()
        end = guest.outcome()
        dump = None if end.kind == "hang" else guest.dump()
    took = end.since_panic("end")
    # What panic() says in an NMI comes to the console only if no crash kernel is started.
    if dump:
        kind = "dump" if dump.size else "log only"
    else:
        kind = "nothing" if "panic" in end.seen else "no panic"
    bed.note("%-6s after %.3f s: %-9s %s%s" % (loop.split()[0], delay, kind, end.text(), "; " + dump.text() if dump else ""))
    bed.check(end.kind in ("primary", "reset"), "%s: %s" % (end.kind, end.console[-3000:]))
    if end.kind == "primary":
        bed.check(dump and dump.complete(), "it was started, but: %s; %s" % (dump and dump.text(), end.console[-3000:]))
    else:
        bed.check(kind == "nothing", "%s: %s" % (kind, end.console[-3000:]))
        bed.check(took < bed.seconds(PANIC_SECONDS + 5), "the box came back after %.1f s" % took)
    return kind


def run():
    rng = random.Random(20263)
    kinds = collections.Counter()
    with light.armed(append="unknown_nmi_panic") as armed:
        for i in range(light.rounds(RUNS)):
            kinds[LOOPS[i % 2].split()[0], run_one(armed, LOOPS[i % 2], 1 + rng.random() * 2)] += 1
    for (loop, kind), n in sorted(kinds.items()):
        bed.note("%s: %d %s" % (loop, n, kind))
