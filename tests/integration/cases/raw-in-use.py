# SPDX-License-Identifier: LGPL-2.1-or-later
"""raw refuses devices that hold something, and what was armed stays."""

import bed
import far

DEFAULT = False


def run():
    guest = bed.start()
    far.check_refused(guest, ["raw " + bed.DISK_PATH % "ext4"], "ext4")
    far.check_refused(guest, ["raw " + bed.DISK_PATH % "root"], "mounted on '/'")
