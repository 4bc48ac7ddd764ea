# SPDX-License-Identifier: LGPL-2.1-or-later
"""On the bus everybody may look, and only root may act: what others call is refused, and nothing has happened."""

import json

import bed

CALL = "%sbusctl --timeout=20 call org.kdumpd.Kdump1 /org/kdumpd/Kdump1 org.kdumpd.Kdump1.Manager %s"
GET = "%sbusctl --timeout=20 get-property org.kdumpd.Kdump1 /org/kdumpd/Kdump1 org.kdumpd.Kdump1.Manager %s"
NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups "
ACT = ("Reload", "Rebuild", "Verify")
LOOK = ("ListJobs", "GetStatus")
PROPERTIES = ("Version", "State", "Reason", "Operational", "Generation")


def check_looks(guest, who):
    for method in LOOK:
        guest.run(CALL % (who, method))
    text = guest.run(GET % (who, " ".join(PROPERTIES)))
    bed.check_in('s "armed"', text, "properties")
    bed.check_in("b true", text, "properties")


def run():
    guest = bed.start()
    before = guest.state()
    check_looks(guest, NOBODY)
    for method in ACT:
        status, text = guest.status(CALL % (NOBODY, method))
        bed.check(status != 0, "nobody could call %s:\n%s" % (method, text))
        bed.check_in("denied", text.lower(), method)
    status, text = guest.status(
        NOBODY + "busctl --timeout=20 set-property org.kdumpd.Kdump1 /org/kdumpd/Kdump1 "
        "org.kdumpd.Kdump1.Manager State s disarmed")
    bed.check(status != 0, "nobody could set a property:\n%s" % text)
    status, text = guest.status(NOBODY + "kdumpctl reload")
    bed.check(status != 0, "nobody could reload:\n%s" % text)
    guest.run("sleep 1")
    bed.check(guest.state() == before, "something has happened: %s" % json.dumps(guest.state()))
    bed.check_not_in("Rebuild", guest.run("busctl call org.kdumpd.Kdump1 /org/kdumpd/Kdump1 org.kdumpd.Kdump1.Manager ListJobs"),
                     "jobs")

    # Root may.
    check_looks(guest, "")
    guest.run(CALL % ("", "Reload"))
    deadline = "timeout %d " % bed.seconds(30)
    guest.run(deadline + "sh -c 'until grep -q \"\\\"request\\\": *%d\" /run/kdumpd/state.json; do sleep 0.2; done'" %
              (before["request"] + 1), timeout=60)
    guest.check_armed()
