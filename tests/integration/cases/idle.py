# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon that has nothing to do wakes up once a minute, by strace(1), and uses next to no CPU time for it."""

import re

import bed
import guestimage

DEFAULT = False

MINUTES = 5
PACKAGES = ["strace"]
SLEPT = 0.5  # seconds: a wait that ended before is a part of what was going on


def run():
    guest = bed.start(image=guestimage.image_with(bed.context.image, PACKAGES, ""))
    guest.run("systemctl enable --now kdump", timeout=300)
    guest.check_armed()
    guest.run("sleep 90", timeout=200)  # what follows a start: kernels to build ahead for
    pid = guest.run("systemctl show -p MainPID --value kdump").strip()
    before = guest.run("cat /proc/%s/stat" % pid).split()
    guest.run("timeout %d strace -f -r -T -o /root/trace -p %s; true" % (60 * MINUTES, pid), timeout=90 * MINUTES)
    after = guest.run("cat /proc/%s/stat" % pid).split()
    text = guest.run("cat /root/trace")
    waits = [float(took) for took in re.findall(r"epoll_p?wait2?\(.*<([0-9.]+)>", text)]
    woken = sum(took > SLEPT for took in waits)
    ticks = sum(int(after[i]) - int(before[i]) for i in (13, 14))
    bed.note("%d wake-ups in %d minutes, %d calls in all, %d ms of CPU time with those of strace" %
             (woken, MINUTES, text.count("\n"), ticks * 10))
    bed.check(0 < woken <= MINUTES, "%d wake-ups in %d minutes:\n%s" % (woken, MINUTES, text[-4000:]))
