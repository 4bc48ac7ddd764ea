# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is killed again and again while a base image is built: the image that is armed stays so, the build goes on, and what it
leaves is armed in the end, with no other build."""

import bed
import victim

DEFAULT = False

KILLS = 5
IS_BUILDING = "systemctl is-active kdump-build | grep -qx activating"


def builds(guest):
    return int(guest.run("journalctl -b -o cat --no-pager -u kdump-build.service | grep -c '^Starting '; true"))


def run():
    guest = bed.start()
    daemon = victim.Victim(guest)
    before = guest.state()
    guest.run("systemd-run -q --unit=rebuild kdumpctl rebuild; until %s; do sleep 0.1; done" % IS_BUILDING, timeout=60)
    for _ in range(KILLS):
        daemon.kill(8)
        bed.check(guest.status(IS_BUILDING)[0] == 0, "the build is over too soon")
        bed.check(guest.state()["loads"] == before["loads"], "it was loaded again: %s" % guest.state())
    bed.step("after the kills: %s" % guest.state())
    guest.run("while %s; do sleep 0.5; done" % IS_BUILDING, timeout=900)
    guest.run("sleep 10")
    state = daemon.check("/var/crash", timeout=90)
    bed.check(builds(guest) == 1, "%d builds were started" % builds(guest))
    bed.check(state["base_id"] != before["base_id"], "what was built is not armed: %s\n%s" %
              (state, guest.run("ls -l /var/lib/kdumpd/base; journalctl -b --no-pager -u kdump -u kdump-build | tail -60")))
    bed.check(state["loads"] == before["loads"] + 1, "%d loads" % (state["loads"] - before["loads"]))
    bed.note("%d kills" % daemon.kills)
