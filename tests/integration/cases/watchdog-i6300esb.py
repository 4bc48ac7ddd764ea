# SPDX-License-Identifier: LGPL-2.1-or-later
"""A hardware watchdog runs at the panic: it is taken over and petted through a capture longer than its time."""

import bed

HEARTBEAT = 60  # what kdump-capture sets, too


def run():
    guest = bed.start()
    device = guest.run("for w in /sys/class/watchdog/watchdog*; do "
                       "grep -q i6300 $w/identity && echo /dev/${w##*/}; done; true").strip()
    bed.check(device.startswith("/dev/watchdog"), "the guest has no i6300esb watchdog: '%s'" % device)
    guest.script("/usr/local/bin/pre", "sleep %d" % (HEARTBEAT + 10))
    guest.configure("kdump_pre /usr/local/bin/pre")
    # Armed by something that is never petted again: opened, and left open.
    guest.run("wdctl --settimeout %d %s" % (HEARTBEAT, device))
    guest.run("systemd-run --unit=armed /bin/sh -c 'exec 3>%s; sleep infinity'" % device)
    guest.run("until [ \"$(cat /sys/class/watchdog/%s/state)\" = active ]; do sleep 0.1; done" %
              device.rpartition("/")[2])
    guest.panic()
    guest.wait_reset(400)
    bed.check_in("hardware watchdog 'i6300ESB timer' armed", guest.console(), "console")
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
