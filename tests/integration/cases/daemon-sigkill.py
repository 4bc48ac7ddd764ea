# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is killed again and again, idle and in the middle of reloads: each time the next one finds what is armed, and loads
what is wanted and no more."""

import bed
import victim

DEFAULT = False

IDLE, RELOADS = 8, 12


def idle(guest, daemon):
    before = guest.state()
    for _ in range(IDLE):
        daemon.kill(3)
        state = daemon.check("/var/crash")
        bed.check(state["loads"] == before["loads"] and state["generation"] == before["generation"],
                  "it was loaded again: %s" % state)


def reloads(guest, daemon):
    for n in range(RELOADS):
        path, before = "/var/crash/%d" % n, guest.state()
        guest.write("/etc/kdump.conf", "path %s\n" % path)
        daemon.kill(2)
        state = daemon.check(path)
        bed.check(state["generation"] > before["generation"] and state["loads"] == before["loads"] + 1,
                  "the state before was %s, now it is %s" % (before, state))


def run():
    guest = bed.start()
    daemon = victim.Victim(guest)
    idle(guest, daemon)
    reloads(guest, daemon)
    bed.note("%d kills" % daemon.kills)
