# SPDX-License-Identifier: LGPL-2.1-or-later
"""Between the panic and the crash kernel NMIs are only counted, exceptions start the fallback image, and a watchdog ends a
hang."""

import time

import bed
import light
from lightmemory import STAGES

DEFAULT = False
GUEST = False
UD, PF = 6, 14  # vectors
JUMP_HERE = b"\xeb\xfe"


def prepare(guest, stage):
    """So that the stage is reached."""
    if stage == "repair":
        guest.memory.damage("kernel", ("primary",))
    elif stage == "reset":
        guest.memory.damage("kernel")


def wait_stage(guest, stage):
    """Until it stands still there: what is provoked comes some time after a stage was entered."""
    deadline = time.monotonic() + bed.seconds(30)
    before, status = None, guest.memory.status()
    while status["stage"] != STAGES[stage] or status != before:
        bed.check(time.monotonic() < deadline, "stage '%s' was not reached: %s; %s" %
                  (stage, status, guest.console_text()[-2000:]))
        guest.monitor.poll(0.2)
        before, status = status, guest.memory.status()


def run_nmi(armed, stage):
    with armed.run() as guest:
        prepare(guest, stage)
        guest.memory.provoke(stage, "NMI")
        guest.panic()
        wait_stage(guest, stage)
        guest.nmi()
        end = guest.outcome()
        status = guest.memory.status()
        dump = guest.dump() if stage != "reset" else None
    expected = {"repair": "repaired", "reset": "reset"}.get(stage, "primary")
    bed.note("NMI at stage %-7s %-9s %s" % (stage, end.text(), dump.text() if dump else status))
    bed.check(end.kind == expected, "expected %s, not %s: %s" % (expected, end.kind, end.console[-2000:]))
    if dump:
        bed.check(dump.complete() and dump.meta["purgatory_nmis"] == 1 and dump.meta["purgatory_exceptions"] == 0, dump.meta)
    else:
        bed.check(status["nmis"] == 1 and status["exceptions"] == 0, status)


def run_exception(armed, stage, action, vector):
    with armed.run() as guest:
        prepare(guest, stage)
        guest.memory.provoke(stage, action)
        guest.panic()
        end = guest.outcome()
        dump = guest.dump()
    bed.note("#%s at stage %-7s %-9s %s" % (action, stage, end.text(), dump and dump.text()))
    bed.check(end.kind == "fallback", "expected the fallback, not %s: %s" % (end.kind, end.console[-2000:]))
    bed.check(dump and dump.complete() and dump.meta["image"] == "fallback", dump and dump.meta)
    bed.check(dump.meta["purgatory_exceptions"] == 1, dump.meta)
    bed.check_in("1 exceptions, the first %d " % vector, end.console, "console")


def run_hang(armed):
    with armed.run() as guest:
        seconds = bed.seconds(5)
        bed.check_in("watchdog %d" % seconds, guest.tell("watchdog %d" % seconds, "watchdog"), "armtool")
        guest.memory.write(guest.memory.purgatory[0], JUMP_HERE)
        guest.panic()
        end = guest.outcome()
    bed.note("a hang, and a watchdog of %d s: %s" % (seconds, end.text()))
    bed.check(end.kind == "watchdog", "expected the watchdog, not %s: %s" % (end.kind, end.console[-2000:]))


def run():
    with light.armed() as armed:
        for _ in range(light.rounds(1)):
            for stage in ("block", "check", "repair", "jump", "reset"):
                run_nmi(armed, stage)
            for stage in ("check", "repair", "jump"):
                for action, vector in (("UD", UD), ("PF", PF)):
                    run_exception(armed, stage, action, vector)
            run_hang(armed)
