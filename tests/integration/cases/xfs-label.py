# SPDX-License-Identifier: LGPL-2.1-or-later
"""xfs LABEL=…: a disk found by its label; path is the root of its file system."""

import bed


def run():
    guest = bed.start()
    guest.configure("xfs LABEL=" + bed.XFS_LABEL, "path /")
    guest.panic()
    guest.wait_reset()
    with guest.disk("xfs") as disk:
        bed.find_dump(disk).check()
