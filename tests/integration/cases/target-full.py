# SPDX-License-Identifier: LGPL-2.1-or-later
"""A target without enough room: what fits opens, and says that it is not all; the next target gets all of it."""

import bed
import dumpfile

DEFAULT = False

# All but 48 MiB, those that are kept for root included.
FILL = """mount UUID=%s /mnt
fallocate -l $((($(stat -f -c %%f /mnt) - 12288) * $(stat -f -c %%S /mnt))) /mnt/filler
umount /mnt"""


def run():
    guest = bed.start()
    guest.fill_memory()
    guest.run(FILL % bed.EXT4_UUID)
    guest.script("/usr/local/bin/post", 'echo "<4>post: status $1" >/dev/kmsg')
    guest.configure("core_collector makedumpfile -l -d 1", "path /dumps", "kdump_post /usr/local/bin/post",
                    "ext4 UUID=" + bed.EXT4_UUID)
    guest.panic()
    guest.wait_reset()
    bed.check_in("target 1: full", guest.console(), "console")
    bed.check_in("post: status 3", guest.console(), "console")
    with guest.disk("ext4") as disk:
        dumpfile.check_incomplete(bed.find_dump(disk / "dumps"), "No space left on device")

    guest.boot()
    guest.configure("core_collector makedumpfile -l -d 1", "path /dumps", "kdump_post /usr/local/bin/post",
                    "ext4 UUID=" + bed.EXT4_UUID, "xfs LABEL=" + bed.XFS_LABEL)
    guest.panic()
    guest.wait_reset()
    bed.check_in("post: status 0", guest.console(), "console")
    with guest.disk("xfs") as disk:
        bed.find_dump(disk / "dumps").check()
