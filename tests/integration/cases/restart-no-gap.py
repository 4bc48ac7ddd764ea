# SPDX-License-Identifier: LGPL-2.1-or-later
"""A crash kernel is loaded at every moment of a restart, also of one that has to load another image, but for that one swap;
only a stop unloads."""

import json

import bed
import sampler


def run():
    guest = bed.start()
    with sampler.watching(guest) as idle:
        guest.run("systemctl restart kdump", timeout=120)
    guest.check_armed()
    bed.check(not idle.gaps, "a restart with nothing changed left gaps: %s us" % idle.gaps)

    guest.write("/etc/kdump.conf", "path /var/crash/elsewhere\n")
    with sampler.watching(guest) as changed:
        guest.run("systemctl restart kdump", timeout=120)
    bed.check_in("/var/crash/elsewhere", guest.check_armed(), "kdumpctl status")
    bed.check(len(changed.gaps) <= 1, "a restart left more than one gap: %s us" % changed.gaps)
    own = json.loads(guest.run("cat /run/kdumpd/state.json"))["gap_usec"]
    bed.note("gap of the one swap: sampled %s us, kdumpd says %d us; %d samples, at most %d us between them" %
             (changed.gaps, own, changed.samples, changed.longest_usec))

    with sampler.watching(guest) as stopped:
        guest.run("systemctl stop kdump", timeout=120)
    bed.check(stopped.open, "systemctl stop did not unload the image: %s" % stopped.gaps)
