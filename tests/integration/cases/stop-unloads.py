# SPDX-License-Identifier: LGPL-2.1-or-later
"""Only an explicit stop unloads: a kill, a crash and a restart leave the image armed."""

import bed


def loaded(guest):
    return guest.run("cat /sys/kernel/kexec_crash_loaded").strip() == "1"


def run():
    guest = bed.start()
    guest.run("systemctl kill -s KILL kdump; sleep 1; systemctl reset-failed kdump; systemctl start kdump", timeout=120)
    guest.check_armed()
    guest.run("systemctl kill -s KILL kdump; sleep 1")
    bed.check(loaded(guest), "killing kdumpd unloaded the image")
    guest.run("systemctl start kdump && systemctl restart kdump", timeout=120)
    bed.check(loaded(guest), "a restart unloaded the image")
    guest.run("systemctl stop kdump", timeout=120)
    bed.check(not loaded(guest), "systemctl stop did not unload the image")
    status, text = guest.status("kdumpctl status")
    bed.check(status == 3, "kdumpctl status: expected 3 after a stop, not %d:\n%s" % (status, text))
    bed.check_in("Kdump is not operational", text, "kdumpctl status")
    guest.run("systemctl start kdump", timeout=120)
    guest.check_armed()
