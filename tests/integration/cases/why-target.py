# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another target, on a file system that the base image knows: a new overlay, and kdumpctl why names the target's fields."""

import bed
import story

DEFAULT = False

CONF = "/etc/kdump.conf"


def run():
    guest = bed.start()
    before, entry = guest.state(), story.last(guest)
    guest.write(CONF, "ext4 UUID=%s\npath /dumps\n" % bed.EXT4_UUID)
    entry = story.wait_next(guest, entry)
    bed.check(entry["action"] == "overlay", "expected an overlay: %s" % entry)
    changes = " ".join(entry["changes"])
    for words in ("targets[0].what", bed.EXT4_UUID, "targets[0].path: '/var/crash' → '/dumps'"):
        bed.check_in(words, changes, "changes")
    after = guest.state()
    bed.check(after["base_id"] == before["base_id"], "it is another base image")
    story.check_told(guest, "'/var/crash' → '/dumps'", "generation %d armed" % after["generation"])
    bed.check_in(bed.EXT4_UUID, guest.check_armed(), "kdumpctl status")
