# SPDX-License-Identifier: LGPL-2.1-or-later
"""LightSparse: many sparse reloads of a light guest, each read back: a second each, as all is hashed under emulation."""

import re
import time

import bed
import light

RUNS, WHOLES = 1000, 20


def figures(answer):
    return {k: int(v) for k, v in re.findall(r"(failed|damaged|sparse|median|worst) (\d+)", answer)}


def run(kernel):
    n = light.rounds(RUNS)
    with light.guest(kernel) as guest:
        wholes = figures(guest.tell("wholes %d" % WHOLES, "wholes", 300))
        begin = time.monotonic()
        sparse = figures(guest.tell("many %d" % n, "many", 60 + 2 * n))
        bed.step("%.2f s for each sparse one" % ((time.monotonic() - begin) / n))
        for name, found in (("%d full" % WHOLES, wholes), ("%d sparse" % n, sparse)):
            bed.note("Linux %s, %s: gap %.1f ms in the median, %.1f ms at worst; damaged %d, failed %d" % (
                kernel, name, found["median"] / 1000, found["worst"] / 1000, found["damaged"], found["failed"]))
            bed.check(found["damaged"] == 0 and found["failed"] == 0, found)
        bed.check(wholes["sparse"] == 0 and sparse["sparse"] == n, "%s %s" % (wholes, sparse))
        answer = guest.tell("check", "check")
        bed.check(answer.startswith("check 0"), answer)
        guest.panic()
        end = guest.outcome()
        bed.check(end.kind == "primary", "%s: %s" % (end.kind, end.console[-3000:]))
        dump = guest.dump()
    bed.note("Linux %s: %s; %s; %s" % (kernel, answer, end.text(), dump and dump.text()))
    bed.check(dump and dump.complete(), "no good dump")
