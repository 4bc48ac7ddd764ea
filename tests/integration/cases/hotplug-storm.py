# SPDX-License-Identifier: LGPL-2.1-or-later
"""A thousand times CPUs and blocks of memory go offline and come back, and five thousand made-up events come besides, while
two CPUs and a DIMM are plugged in: it is loaded again no more often than something was plugged, and the headers that are
loaded in the end are right."""

import math
import time

import bed
import elfcorehdr
import hotplug
import plugged

DEFAULT = False

ROUNDS = 250  # of a CPU and of a block, off and on
MADE_UP = 5000
SETTLE_SECONDS = 0.5
CPU = hotplug.CPUS + "/cpu1"
# A block may be busy for a moment.
STORM = """
try() {
    n=0
    until echo $1 >$2 2>/dev/null; do
        n=$((n + 1)); [ $n -lt 100 ] || { echo "$1 $2" >>/run/storm.failed; return; }
        sleep 0.02
    done
}
i=0
while [ $i -lt %d ]; do
    try %s %s; try %s %s
    i=$((i + 1))
done
"""
EVENTS = """
i=0
while [ $i -lt %d ]; do
    echo add >%s/uevent; echo change >%s/uevent
    i=$((i + 1))
done
"""
TICKS = "tr -d '\\n' </proc/%s/stat | sed 's/.*) //' | cut -d ' ' -f 12,13; getconf CLK_TCK"


def cost(guest, pid):
    """Resident memory in kB, and seconds of CPU time."""
    rss = int(guest.run("grep VmRSS: /proc/%s/status" % pid).split()[1])
    user, system, second = (int(word) for word in guest.run(TICKS % pid).split())
    return rss, (user + system) / second


def spawn(guest, unit, text, *words):
    path = "/usr/local/bin/" + unit
    guest.script(path, *(text % words).splitlines())
    guest.run("systemd-run -q --unit=%s %s" % (unit, path))


def wait_over(guest, unit, timeout):
    guest.run("while systemctl -q is-active %s; do sleep 0.5; done; ! systemctl -q is-failed %s" % (unit, unit), timeout=timeout)


def run():
    guest = bed.start()
    elfcorehdr.put(guest)
    elfcorehdr.check(guest)
    # The one block that goes and comes must hold nothing that cannot move.
    blocks = hotplug.memory_blocks(guest)
    before = guest.state()
    hotplug.plug_memory(guest, "own", 128)
    block = "%s/%s" % (hotplug.MEMORY, hotplug.online_memory(guest, blocks, 128).pop())
    wanted = plugged.wait_known(guest, before["loaded_n_cpus"], before["loaded_ram_bytes"] + (128 << 20))
    plugged.quiet(guest, wanted)
    # Its own work with the events is none of ours, and would take minutes.
    guest.run("systemctl stop systemd-udevd-kernel.socket systemd-udevd-control.socket systemd-udevd.service")
    pid = guest.run("systemctl show -p MainPID --value kdump").strip()
    rss, cpu = cost(guest, pid)

    started = time.monotonic()
    spawn(guest, "cpus", STORM, ROUNDS, "0", CPU + "/online", "1", CPU + "/online")
    spawn(guest, "blocks", STORM, ROUNDS, "offline", block + "/state", "online_movable", block + "/state")
    spawn(guest, "events", EVENTS, MADE_UP // 2, CPU, block)
    guest.run("sleep 5")
    hotplug.plug_cpu(guest, plugged.CPUS[0])
    guest.run("sleep 5")
    hotplug.plug_memory(guest, plugged.DIMM, plugged.DIMM_MIB)
    guest.run("sleep 5")
    hotplug.plug_cpu(guest, plugged.CPUS[1])
    for unit in ("events", "cpus", "blocks"):
        wait_over(guest, unit, 600)
    took = time.monotonic() - started
    bed.check(guest.status("cat /run/storm.failed")[0] != 0, "not all went off and on: %s" %
              guest.run("sort /run/storm.failed | uniq -c", check=False))
    after = plugged.wait_known(guest, wanted["loaded_n_cpus"] + 2, wanted["loaded_ram_bytes"] + plugged.DIMM_BYTES)
    plugged.quiet(guest, after)
    reloads, windows = after["reloads"] - wanted["reloads"], math.ceil(took / SETTLE_SECONDS)
    bed.check(1 <= reloads <= min(3, windows), "%d reloads for 3 changes, in %d times of %.1f s" %
              (reloads, windows, SETTLE_SECONDS))
    bed.check(after["loads"] - wanted["loads"] == reloads, "%d loads" % (after["loads"] - wanted["loads"]))
    bed.check(guest.run("systemctl show -p MainPID --value kdump").strip() == pid, "the daemon was started again")
    guest.check_armed()
    elfcorehdr.check(guest)
    rss_after, cpu_after = cost(guest, pid)
    bed.note("%d events and %d made up, in %.0f s: %d reloads" % (4 * ROUNDS, MADE_UP, took, reloads))
    bed.note("kdumpd: %.1f MiB resident before, %.1f after; %.2f s of CPU time meanwhile" %
             (rss / 1024, rss_after / 1024, cpu_after - cpu))
