# SPDX-License-Identifier: LGPL-2.1-or-later
"""The capture kernel itself panics: the machine comes back, and nothing claims to be a dump."""

import bed


def run():
    guest = bed.start()
    guest.script("/usr/local/bin/pre", "echo c >/proc/sysrq-trigger")
    guest.configure("kdump_pre /usr/local/bin/pre")
    guest.panic()
    guest.wait_reset()
    bed.check(guest.console().count(bed.PANIC_LINE) >= 2, "expected two panics on the console")
    with guest.disk("root") as root:
        bed.check(not bed.find_dumps(root / "var/crash"), "there is a dump in spite of the panic")
