# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files are edited and nobody gives a command: kdumpd does what is needed, and no more, and kdumpctl why names the field or
the file."""

import bed
import story

CONF, HOOK = "/etc/kdump.conf", "/etc/kdump/post.d/tell.sh"


def run():
    guest = bed.start()
    entry = story.last(guest)
    guest.write(CONF, "path /var/crash\n")
    entry = story.wait_next(guest, entry)
    before = guest.state()

    guest.run("touch %s" % CONF)
    entry = story.wait_next(guest, entry)
    story.check(entry, CONF, "nothing")
    bed.check(guest.state()["loads"] == before["loads"], "a touched file led to a load")

    guest.write(CONF, "path /var/crash/elsewhere\n")
    entry = story.wait_next(guest, entry)
    story.check(entry, CONF, "overlay", "targets[0].path: '/var/crash' → '/var/crash/elsewhere'")

    guest.script(HOOK, "exit 0")
    entry = story.wait_next(guest, entry)
    bed.check_in(HOOK, " ".join(entry["changes"]), "changes")
    guest.script(HOOK, "exit 0 # no more")
    entry = story.wait_next(guest, entry)
    story.check(entry, HOOK, "overlay", "'%s' has changed" % HOOK)

    guest.write(CONF, "path /var/crash/elsewhere\nfailure_action poweroff\n")
    entry = story.wait_next(guest, entry)
    bed.check(entry["action"] == "overlay", "expected an overlay: %s" % entry)
    after = guest.state()
    bed.check(after["base_id"] == before["base_id"], "an edit made a new base image")
    story.check_told(guest, "nothing to do", "'/var/crash' → '/var/crash/elsewhere'", "'%s' has changed" % HOOK,
                     "generation %d armed" % after["generation"])
    guest.check_armed()
