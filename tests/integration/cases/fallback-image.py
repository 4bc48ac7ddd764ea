# SPDX-License-Identifier: LGPL-2.1-or-later
"""No copy of the initramfs is good: the fallback image saves the log and a dump, each time."""

import random

import bed
import light

DEFAULT = False
GUEST = False
RUNS = 20


def run_one(armed, chunk, bit):
    with armed.run() as guest:
        guest.memory.damage("initramfs", chunk=chunk, bit=bit)
        guest.panic()
        end = guest.outcome()
        dump = None if end.kind == "hang" else guest.dump()
    good = bool(end.kind == "fallback" and dump and dump.complete() and dump.meta.get("image") == "fallback" and
                dump.meta.get("purgatory") == "fallback" and bed.PANIC_LINE in dump.log)
    bed.note("initramfs chunk %d: %s; %s%s" % (chunk, end.text(), dump and dump.text(), "" if good else "  WRONG"))
    return good


def run():
    rng = random.Random(20262)
    n = light.rounds(RUNS)
    with light.armed() as armed:
        with armed.run() as guest:
            chunks = guest.memory.extents()["initramfs"].chunks()
        good = sum(run_one(armed, rng.randrange(chunks), rng.randrange(8)) for _ in range(n))
    bed.note("%d of %d" % (good, n))
    bed.check(good == n, "the fallback image saved %d of %d" % (good, n))
