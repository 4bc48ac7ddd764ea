# SPDX-License-Identifier: LGPL-2.1-or-later
"""No disk has the UUID: failure_action within the deadline, the log on the console, the status for kdump_post."""

import bed

MISSING = "UUID=00000000-dead-4000-8000-000000000000"


def run():
    guest = bed.start()
    guest.script("/usr/local/bin/post", 'echo "<4>post: status $1" >/dev/kmsg')
    guest.configure("ext4 " + MISSING, "target_timeout 15s", "failure_action poweroff",
                    "kdump_post /usr/local/bin/post")
    guest.panic()
    guest.wait_console("waiting for '%s', at most 15 s" % MISSING)
    guest.wait_console("did not appear within 15 s", timeout=25)
    guest.wait_poweroff(timeout=60)
    console = guest.console()
    shown = [line for line in console.splitlines() if "kdump-capture: | " in line]
    bed.check(any(bed.PANIC_LINE in line for line in shown), "the log on the console lacks the panic")
    bed.check_in("post: status 4", console, "console")
    bed.check_in("failure action: poweroff", console, "console")
