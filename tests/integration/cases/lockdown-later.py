# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine goes into lockdown while it runs: what is armed stays, through an edit of kdump.conf and a restart of the daemon,
status says what it is and why it is not replaced, and it is what captures."""

import bed
import sampler

DEFAULT = False


def run():
    guest = bed.start()
    before = guest.state()
    guest.run("echo integrity > /sys/kernel/security/lockdown")
    guest.write("/etc/kdump.conf", "path /var/crash/elsewhere\n")
    with sampler.watching(guest) as watched:
        status, said = guest.status("kdumpctl reload", timeout=120)
        bed.check(status != 0, "kdumpctl reload says that it went well: %s" % said)
        bed.check_in("locked down", said, "kdumpctl reload")
        bed.check_in("locked down", guest.check_armed(), "kdumpctl status")
        guest.run("systemctl restart kdump", check=False, timeout=120)
        told = guest.check_armed()
    bed.check_in("locked down", told, "kdumpctl status after a restart")
    bed.check(not watched.gaps and not watched.open, "nothing was loaded for %s us" % watched.gaps)
    bed.note("\n" + told)
    bed.check(guest.state()["generation"] == before["generation"], "another generation is armed")
    guest.panic()
    guest.wait_reset()
    bed.check_in("kdumpd: starting target 0", guest.console(), "console")
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
