# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever is broken on disk, a reload says what, and the image stays armed all the time: no /boot, a cut kernel, no room, a
read-only root, a damaged base image that cannot be built anew."""

import bed
import guestimage
import sampler

DEFAULT = False

CONF = "/etc/kdump.conf"
BASE = "/var/lib/kdumpd/base/*/initrd.img"
DRACUT = "/usr/bin/dracut"
FILL = "tune2fs -r 0 /dev/disk/by-uuid/%s && fallocate -l $(df --output=avail -B1 / | tail -1) /full; " \
       "dd if=/dev/zero of=/full.2 bs=512 2>/dev/null; sync" % guestimage.ROOT_UUID
# Another configuration on top of a disk that cannot be written.
EDIT = "echo 'path /var/crash/%s' >/run/kdump.conf && mount --bind /run/kdump.conf /etc/kdump.conf"
# What is broken, how, and how it is mended; whether the reload fails, and words of the reason, which are in the status, too.
FAILURES = (
    ("no /boot", "mv /boot /boot.away && mkdir /boot", "rmdir /boot && mv /boot.away /boot", False, "is armed"),
    ("cut kernel", "cp -a /boot /boot.kept && truncate -s 4096 /boot/vmlinuz-$(uname -r)",
     "cp -a /boot.kept/. /boot/ && rm -r /boot.kept", False, "it is cut short; its copy in base image"),
    ("no room", FILL + "; " + EDIT % "room", "umount %s; rm /full /full.2" % CONF, True, "No space left on device"),
    ("read-only root", "sync; echo u >/proc/sysrq-trigger; sleep 1; " + EDIT % "read-only",
     "umount %s; mount -o remount,rw /" % CONF, True, "Read-only file system"),
    ("no base image", "cp -a %s /root/kept && cp -a %s /root/dracut && printf '#!/bin/sh\\nexit 3\\n' >%s && "
     "printf x | dd of=$(echo %s) bs=1 seek=100000 conv=notrunc" % (BASE, DRACUT, DRACUT, BASE),
     "cp -a /root/dracut %s && cp -a /root/kept $(echo %s)" % (DRACUT, BASE), True, "building the base image failed"),
)


def run():
    guest = bed.start()
    guest.configure("path /var/crash")
    with sampler.watching(guest) as watched:
        for name, break_it, mend, fails, words in FAILURES:
            before = guest.state()
            bed.step(name)
            guest.run(break_it, timeout=120)
            status, text = guest.status("kdumpctl reload", timeout=200)
            bed.step("kdumpctl reload: %d %s\n%s" % (status, text, guest.run("kdumpctl status")))
            bed.check((status != 0) == fails, "%s: kdumpctl reload ended with %d: %s" % (name, status, text))
            # What was touched may be looked at once more, meanwhile.
            after = guest.wait_state("degraded", words) if fails else guest.state()
            bed.check_in(words, after["reason"], name)
            bed.check_in(words, guest.check_armed(), "kdumpctl status with " + name)
            if fails:
                bed.check_in(words, text, "kdumpctl reload with " + name)
            bed.check(after["generation"] == before["generation"] and after["loads"] == before["loads"],
                      "%s: something else is armed: %s" % (name, after))
            guest.run(mend, timeout=120)
            guest.reload()
    bed.check(not watched.gaps, "there were gaps: %s us" % watched.gaps)
    bed.check_in("State:      armed", guest.check_armed(), "kdumpctl status")
