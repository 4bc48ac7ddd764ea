# SPDX-License-Identifier: LGPL-2.1-or-later
"""ext4 UUID=…: a disk that is not mounted while the system runs."""

import bed

DEFAULT = False


def run():
    guest = bed.start()
    guest.configure("ext4 UUID=" + bed.EXT4_UUID, "path /dumps")
    guest.panic()
    guest.wait_reset()
    with guest.disk("ext4") as disk:
        bed.find_dump(disk / "dumps").check()
    with guest.disk("root") as root:
        bed.check(not bed.find_dumps(root / "var/crash"), "there is a dump on the root file system as well")
