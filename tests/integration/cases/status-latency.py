# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdumpctl status answers as fast as ever while images are loaded, while the daemon stands still and while dracut runs."""

import statistics
import time

import bed
import sampler

DEFAULT = False

PROGRAM = "/usr/local/bin/run-times"
RUNS = 20
SLOWER_AT_MOST = 1.5
EDITS = "n=0; while :; do n=$((n + 1)); echo path /var/crash/$n >/etc/kdump.conf; sleep 1; done"
DRACUT_RUNS = "pgrep -f bin/[d]racut >/dev/null"  # not this very shell


def median_msec(guest, name):
    times = [int(t) / 1e3 for t in guest.run("%s %d $(command -v kdumpctl) status" % (PROGRAM, RUNS), timeout=120).split()]
    bed.check(len(times) == RUNS, "%s: %d times" % (name, len(times)))
    median = statistics.median(times)
    bed.note("%-16s median %.1f ms, worst %.1f ms" % (name, median, max(times)))
    return median


def wait_load(guest):
    before = guest.state()["loads"]
    deadline = time.monotonic() + bed.seconds(60)
    while guest.state()["loads"] == before:
        bed.check(time.monotonic() < deadline, "nothing is loaded")
        guest.machine.monitor.poll(0.3)


def run():
    guest = bed.start()
    sampler.put(guest, "run-times", PROGRAM)
    guest.check_armed()
    idle = median_msec(guest, "idle")
    found = {}

    pid = guest.run("systemctl show -p MainPID --value kdump").strip()
    guest.run("kill -STOP " + pid)
    found["daemon stopped"] = median_msec(guest, "daemon stopped")
    guest.run("kill -CONT " + pid)

    guest.run("systemd-run -q --unit=edits sh -c '%s'" % EDITS.replace("$", "$$"))
    wait_load(guest)
    found["loads"] = median_msec(guest, "loads")
    wait_load(guest)
    guest.run("systemctl stop edits")

    guest.run("systemd-run -q --unit=rebuild kdumpctl rebuild; until %s; do sleep 0.2; done" % DRACUT_RUNS, timeout=120)
    found["dracut"] = median_msec(guest, "dracut")
    guest.run(DRACUT_RUNS)

    for name, median in found.items():
        bed.check(median <= SLOWER_AT_MOST * idle, "%s: %.1f ms, idle %.1f ms" % (name, median, idle))
    guest.check_armed()
