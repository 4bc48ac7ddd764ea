# SPDX-License-Identifier: LGPL-2.1-or-later
"""A restart with nothing changed builds and loads nothing; an edit of `path` needs a new overlay only."""

import json

import bed


def state(guest):
    return json.loads(guest.run("cat /run/kdumpd/state.json"))


def builds(guest):
    return guest.run("systemctl show -p ExecMainStartTimestampMonotonic --value kdump-build.service").strip()


def run():
    guest = bed.start()
    before = state(guest)
    guest.run("systemctl restart kdump", timeout=120)
    guest.check_armed()
    after = state(guest)
    bed.check(after["generation"] == before["generation"], "a restart made a new generation")
    bed.check(after.get("loaded_realtime_usec") == before.get("loaded_realtime_usec"), "a restart loaded again")
    bed.check_in("Nothing changed", guest.run("journalctl -b -u kdump --no-pager"), "journal")

    guest.write("/etc/kdump.conf", "path /var/crash/elsewhere\n")
    took = guest.reload()
    edited = state(guest)
    bed.check(edited["generation"] > after["generation"], "the edit of path made no new generation")
    bed.check(edited["base_id"] == after["base_id"], "the edit of path made a new base image")
    bed.check(builds(guest) == "0", "dracut ran: kdump-build.service was started")
    bed.note("kdumpctl reload to armed: %.1f s, of them %.0f ms in kdumpd; gap %.0f ms" %
             (took, edited["request_usec"] / 1e3, edited["gap_usec"] / 1e3))
    guest.panic()
    guest.wait_reset()
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash/elsewhere").check()
