# SPDX-License-Identifier: LGPL-2.1-or-later
"""Someone else unloads the armed image, then loads another one: both are noticed within two minutes, ours is armed again,
and it is ours that captures."""

import bed
import sampler
import story

DEFAULT = False

PROGRAM = "/usr/local/bin/kexec-file"
NOTICE_SECONDS = 120


def check_noticed(guest, entry, words, before):
    entry = story.wait_next(guest, entry, NOTICE_SECONDS)
    bed.check_in(words, entry["trigger"], "trigger")
    bed.check_in(words, guest.run("journalctl -b -u kdump --no-pager").lower(), "journal")
    after = guest.state()
    bed.check(after["generation"] == before["generation"], "generation %d is armed, not %d again" %
              (after["generation"], before["generation"]))
    bed.check(after["loads"] == before["loads"] + 1, "%d loads" % (after["loads"] - before["loads"]))
    guest.check_armed()
    bed.note("%s: %s" % (entry["trigger"], entry["outcome"]))
    return entry


def run():
    guest = bed.start()
    sampler.put(guest, "kexec-file", PROGRAM)
    before, entry = guest.state(), story.last(guest)
    guest.run(PROGRAM)
    bed.check(guest.run("cat /sys/kernel/kexec_crash_loaded").strip() == "0", "it is still loaded")
    entry = check_noticed(guest, entry, "someone else has unloaded", before)

    before = guest.state()
    guest.run("%s /boot/vmlinuz-$(uname -r) /boot/initrd.img-$(uname -r) 'console=ttyS0 panic=1 someone=else'" % PROGRAM)
    check_noticed(guest, entry, "someone else has loaded another crash kernel", before)
    guest.panic()
    guest.wait_reset()
    bed.check_not_in("someone=else", guest.console(), "console")
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
