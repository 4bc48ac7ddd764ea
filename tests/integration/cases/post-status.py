# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdump_pre runs before the dump; post.d, then kdump_post after it, and both are told how it ended."""

import bed


def run():
    guest = bed.start()
    guest.script("/usr/local/bin/pre", 'echo "<4>pre: $(ls -d /run/kdump/target-0/* 2>/dev/null)." >/dev/kmsg')
    guest.script("/usr/local/bin/post", 'echo "<4>post: status $1" >/dev/kmsg')
    guest.script("/etc/kdump/post.d/10-first.sh", 'echo "<4>post.d: status $1" >/dev/kmsg')
    guest.configure("kdump_pre /usr/local/bin/pre", "kdump_post /usr/local/bin/post")
    guest.panic()
    guest.wait_reset()
    console = guest.console()
    for text in ("pre: .", "post: status 0", "post.d: status 0"):
        bed.check_in(text, console, "console")
    bed.check(console.index("post.d: status") < console.index("post: status"), "post.d did not come first")
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
