# SPDX-License-Identifier: LGPL-2.1-or-later
"""`kdumpctl verify`, in its unit: all is well; a damaged overlay, a full target and a target that is mounted read-only are told of,
and nothing of it touches what is armed."""

import json

import bed
import guestimage

DEFAULT = False

OVERLAY = "/var/lib/kdumpd/generation/*/overlay.cpio"
FILL = "tune2fs -r 0 /dev/disk/by-uuid/%s && fallocate -l $(df --output=avail -B1 / | tail -1) /full; " \
       "dd if=/dev/zero of=/full.2 bs=512 2>/dev/null; sync" % guestimage.ROOT_UUID
# What is broken, how, how it is mended, and the check that tells of it, how badly and in what words.
FAULTS = (
    ("damaged overlay", "for f in %s; do cp -a $f $f.kept; truncate -s 100 $f; done" % OVERLAY,
     "for f in %s; do mv $f.kept $f; done" % OVERLAY, "restorable", "warning", "is not what it was"),
    ("full target", FILL, "rm /full /full.2", "target-room", "failed", "too little"),
    ("read-only target", "sync; echo u >/proc/sysrq-trigger; sleep 1", "mount -o remount,rw /", "target-write", "warning", "is mounted read-only"),
)


def verify(guest):
    """Returns (exit status, the checks by name)."""
    status, text = guest.status("kdumpctl verify --json", timeout=200)
    return status, {check["name"]: check for check in json.loads(text)["checks"]}


def run():
    guest = bed.start()
    before = guest.state()
    status, checks = verify(guest)
    bad = [check for check in checks.values() if check["status"] == "failed"]
    bed.check(status == 0 and not bad, "all is well, but verify ended with %d: %s" % (status, bad))
    bed.note("%d checks: %s" % (len(checks), " ".join("%s=%s" % (name, check["status"]) for name, check in checks.items())))
    bed.check(guest.run("systemctl show -p Result --value kdump-verify").strip() == "success", "the unit has failed")
    for name, break_it, mend, row, result, words in FAULTS:
        guest.run(break_it, timeout=120)
        status, checks = verify(guest)
        bed.step("%s: %d %s" % (name, status, checks.get(row)))
        bed.check((status != 0) == (result == "failed"), "%s: verify ended with %d" % (name, status))
        bed.check(checks[row]["status"] == result, "%s: %s" % (name, checks))
        bed.check_in(words, checks[row]["text"], name)
        guest.run(mend, timeout=120)
    status, checks = verify(guest)
    bed.check(status == 0, "what was mended fails: %s" % checks)
    bed.check_in("Verified:", guest.run("kdumpctl status"), "kdumpctl status")
    after = guest.state()
    bed.check(after["loads"] == before["loads"] and after["state"] == "armed", "it was not left alone: %s" % after)
