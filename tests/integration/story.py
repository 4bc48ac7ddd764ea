# SPDX-License-Identifier: LGPL-2.1-or-later
"""Story: what a guest's kdumpd tells of why it did what it did (kdumpctl why)."""

import json
import time

import bed


def last(guest):
    """The newest entry."""
    return json.loads(guest.run("kdumpctl why --json -n 1"))["entries"][-1]


def wait_next(guest, before, timeout=30):
    """Until there is a newer entry than @before; returns it."""
    deadline = time.monotonic() + bed.seconds(timeout)
    while True:
        entry = last(guest)
        if entry["realtime_usec"] > before["realtime_usec"]:
            bed.step("why: %s" % json.dumps(entry, ensure_ascii=False))
            return entry
        bed.check(time.monotonic() < deadline, "no new entry within %d s:\n%s\n%s" %
                  (bed.seconds(timeout), guest.run("kdumpctl why", check=False),
                   guest.run("journalctl -b -u kdump --no-pager | tail -20")))
        guest.machine.monitor.poll(0.3)


def check(entry, trigger, action, *changes):
    """@changes: words that have to be in them, in this order."""
    bed.check_in(trigger, entry["trigger"], "trigger")
    bed.check(entry["action"] == action, "expected '%s', not '%s': %s" % (action, entry["action"], entry))
    found = entry.get("changes") or []
    bed.check(len(found) == len(changes), "expected %d changes, found %s" % (len(changes), found))
    for words, line in zip(changes, found):
        bed.check_in(words, line, "change")


def check_told(guest, *words):
    """As people read it, in the last entries."""
    text = guest.run("kdumpctl why")
    for word in words:
        bed.check_in(word, text, "kdumpctl why")
