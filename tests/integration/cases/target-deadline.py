# SPDX-License-Identifier: LGPL-2.1-or-later
"""target_deadline ends a dump that takes too long: what has been saved opens, and says that it is not all."""

import bed
import dumpfile

DEFAULT = False


def run():
    guest = bed.start()
    guest.script("/usr/local/bin/post", 'echo "<4>post: status $1" >/dev/kmsg')
    # All memory, by the codec that takes longest.
    guest.configure("core_collector makedumpfile -c -d 0", "target_deadline %ds" % bed.seconds(6),
                    "kdump_post /usr/local/bin/post")
    guest.panic()
    guest.wait_reset()
    bed.check_in("target_deadline", guest.console(), "console")
    bed.check_in("post: status 3", guest.console(), "console")
    with guest.disk("root") as root:
        dumpfile.check_incomplete(bed.find_dump(root / "var/crash"), "deadline")
