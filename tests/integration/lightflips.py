# SPDX-License-Identifier: LGPL-2.1-or-later
"""LightFlips: bits that fall over in what is loaded, just before the panic, and what has to come of it."""

import collections
import random

import bed
import light
from lightmemory import BLOCK_BYTES, CHUNK

SEED = 20261
ENDS = {"primary", "repaired", "fallback", "unsaid", "reset", "watchdog"}
# The dump of each, as meta.json has it.
PURGATORY = {"primary": "good", "repaired": "repaired", "fallback": "fallback"}
RESET_SECONDS = 5  # from the panic to the reset, where nothing can be started
WATCHDOG_SECONDS = 30  # longer than a whole capture
BOTH = ("same chunk", "different chunks")
EXTENTS = ("kernel", "initramfs", "boot_params", "command line", "ELF headers", "setup_data", "status node", "EFI table")


class Flip:
    """@spots: [(paddr, bit)]. @expected: what may come of it."""

    def __init__(self, place, mode, spots, expected, purgatory=None):
        self.place, self.mode, self.spots, self.expected, self.purgatory = place, mode, spots, expected, purgatory

    def name(self):
        return "%s, %s" % (self.place, self.mode)


def spot(rng, paddr, size):
    return paddr + rng.randrange(size), rng.randrange(8)


def chunk_spot(rng, extent, paddr, chunk):
    return spot(rng, paddr + chunk * CHUNK, min(CHUNK, extent.size - chunk * CHUNK))


def extent_flips(rng, extent):
    """Those of an extent that is checked, and has a mirror."""
    # The kernel may have written these since, so they are checked for sense only.
    good = {"primary", "repaired"} if extent.live else {"repaired"}
    lost = {"reset"} if extent.shared() else {"fallback"}
    n = extent.chunks()
    one = rng.randrange(n)
    yield Flip(extent.name, "primary", [chunk_spot(rng, extent, extent.paddr, one)], good)
    yield Flip(extent.name, "mirror", [chunk_spot(rng, extent, extent.mirror, one)], {"primary"})
    yield Flip(extent.name, BOTH[0], [chunk_spot(rng, extent, p, one) for p in (extent.paddr, extent.mirror)],
               lost | {"primary"} if extent.live else lost)
    if extent.live:
        yield Flip(extent.name, "magic", [(extent.paddr, rng.randrange(8))], {"repaired"})
        yield Flip(extent.name, "both magics", [(p, rng.randrange(8)) for p in (extent.paddr, extent.mirror)], {"reset"})
    if n > 1:
        other = (one + 1 + rng.randrange(n - 1)) % n
        yield Flip(extent.name, BOTH[1], [chunk_spot(rng, extent, extent.paddr, one),
                                          chunk_spot(rng, extent, extent.mirror, other)], {"repaired"})


def table_flips(rng, name, copies, size):
    """Those of what has two copies, of which the first good one is used. That is told as a repair."""
    yield Flip(name, "primary", [spot(rng, copies[0], size)], {"primary"}, "repaired")
    yield Flip(name, "mirror", [spot(rng, copies[1], size)], {"primary"})
    yield Flip(name, "both", [spot(rng, c, size) for c in copies], {"reset"})


def all_flips(rng, memory):
    extents = memory.extents()
    for name in EXTENTS:
        if name in extents:
            yield from extent_flips(rng, extents[name])
    yield from table_flips(rng, "leaf table", *memory.leaves())
    yield from table_flips(rng, "block", memory.blocks, BLOCK_BYTES)
    paddr, size = memory.purgatory
    size = len(memory.read(paddr, size).rstrip(b"\0"))  # without its stack
    for i in range(2):
        yield Flip("purgatory", "text %d" % (i + 1), [spot(rng, paddr, size)], ENDS)


def judge(flip, end, dump):
    """Words for what is wrong; none if nothing is."""
    if end.kind not in flip.expected:
        return "%s: expected %s" % (end.kind, " or ".join(sorted(flip.expected)))
    if flip.place == "purgatory":
        return None
    if end.kind == "reset":
        took = end.since_panic("end")
        return "reset %.1f s after the panic" % took if took > RESET_SECONDS else None
    # If headers that make sense, but not the whole truth, get through, the dump can be anything.
    if flip.place == "ELF headers" and end.kind == "primary" and flip.mode in ("primary", BOTH[0]):
        return None
    if dump is None:
        return "no dump"
    if not dump.complete():
        return "not a good dump: %s %s" % (dump.text(), dump.meta)
    wanted = flip.purgatory or PURGATORY[end.kind]
    if dump.meta.get("purgatory") != wanted or (dump.meta.get("image") == "fallback") != (end.kind == "fallback"):
        return "meta.json: expected purgatory %s: %s" % (wanted, dump.meta)
    return None


def run_one(armed, flip):
    """Returns (outcome, dump, words for what is wrong)."""
    with armed.run() as guest:
        if flip.place == "purgatory":
            answer = guest.tell("watchdog %d" % bed.seconds(WATCHDOG_SECONDS), "watchdog")
            bed.check(not answer.startswith("watchdog -"), "no watchdog in the guest: %s" % answer)
        for paddr, bit in flip.spots:
            guest.memory.flip(paddr, bit)
        guest.panic()
        end = guest.outcome()
        dump = None if end.kind in ("reset", "watchdog", "hang") else guest.dump()
        return end, dump, judge(flip, end, dump)


def note(flip, end, dump, wrong):
    spots = " ".join("%x.%d" % s for s in flip.spots)
    times = "decided %s, end %.1f s" % ("%.2f s" % end.since_panic("decision") if "decision" in end.seen else "-",
                                        end.since_panic("end"))
    bed.note("%-30s %-9s %s%s  at %s%s" % (flip.name(), end.kind, times, "; " + dump.text() if dump else "", spots,
                                           "  WRONG: " + wrong if wrong else ""))


def run(kernel, n_rounds=2, seed=SEED, choose=lambda flip: True, **arguments):
    """All flips, LIGHT_RUNS or @n_rounds times, each at another place."""
    wrongs, kinds = [], collections.Counter()
    with light.armed(kernel, **arguments) as armed:
        with armed.run() as guest:
            rng = random.Random(seed)
            flips = [f for _ in range(light.rounds(n_rounds)) for f in all_flips(rng, guest.memory) if choose(f)]
        bed.note("Linux %s: %d runs, seed %d; %s" % (kernel, len(flips), seed, armed.place))
        for flip in flips:
            end, dump, wrong = run_one(armed, flip)
            note(flip, end, dump, wrong)
            kinds[end.kind] += 1
            if wrong:
                wrongs.append("%s: %s" % (flip.name(), wrong))
    bed.note("%d runs: %s" % (len(flips), ", ".join("%d %s" % (n, k) for k, n in kinds.most_common())))
    bed.check(not wrongs, "%d of %d runs went wrong: %s" % (len(wrongs), len(flips), "; ".join(wrongs)))
