# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each way to reset the machine does so alone, when no copy of the crash kernel is good; with and without a good block."""

import bed
import light
from lightmemory import RESETS

DEFAULT = False
GUEST = False
# A method that does nothing is followed by the triple fault with which all plans end, and that is counted, too.
# Only q35's tables name a register (its FADT is of a revision that has one).
MISSING = {("pc", "FADT"): "the machine names no register"}


def run_one(armed, kind, method, with_block):
    with armed.run() as guest:
        guest.memory.damage("kernel")
        guest.memory.plan_resets(method)
        if not with_block:
            for paddr in guest.memory.blocks:
                guest.memory.flip(paddr + 30)
        guest.panic()
        end = guest.outcome(60)
        status = guest.memory.status()
    tried = status["resets"]
    missing = MISSING.get((kind, method)) or (None if with_block or method != "FADT" else "the block has its register")
    works = tried == 1 and not missing
    bed.note("%-4s %-6s by the %s: %s %.2f s after the panic, %d tried%s" % (
        kind, method, "block " if with_block else "header", end.kind, end.since_panic("end"), tried,
        "; " + missing if missing else ""))
    bed.check(status["block_copy"] == with_block, status)
    bed.check(end.kind == "reset", "expected a reset, not %s: %s" % (end.kind, end.console[-2000:]))
    # What is missing is passed over, and the triple fault is the first that is tried.
    bed.check(works or missing and tried == 1, "%s did not reset a %s: %d were tried" % (method, kind, tried))


def run():
    for kind in ("q35", "pc"):
        with light.armed(kind=kind) as armed:
            for _ in range(light.rounds(1)):
                for method in RESETS:
                    run_one(armed, kind, method, True)
                    run_one(armed, kind, method, False)
