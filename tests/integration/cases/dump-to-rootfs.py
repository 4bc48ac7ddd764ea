# SPDX-License-Identifier: LGPL-2.1-or-later
"""failure_action dump_to_rootfs: the target is missing, the dump is on root, and kdump_post hears of success."""

import bed

DEFAULT = False


def run():
    guest = bed.start()
    guest.script("/usr/local/bin/post", 'echo "<4>post: status $1" >/dev/kmsg')
    guest.configure("ext4 UUID=00000000-dead-4000-8000-000000000000", "target_timeout 5s",
                    "failure_action dump_to_rootfs", "kdump_post /usr/local/bin/post")
    guest.panic()
    guest.wait_reset()
    bed.check_in("post: status 0", guest.console(), "console")
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
