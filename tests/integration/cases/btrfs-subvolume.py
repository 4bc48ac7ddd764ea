# SPDX-License-Identifier: LGPL-2.1-or-later
"""/var/crash is a mounted subvolume of a btrfs: the dump is in that subvolume."""

import bed


def run():
    guest = bed.start()
    guest.run("mkdir -p /mnt/top /var/crash && mount %s /mnt/top && btrfs subvolume create /mnt/top/crashes && "
              "umount /mnt/top && mount -o subvol=crashes %s /var/crash" %
              (bed.DISK_PATH % "btrfs", bed.DISK_PATH % "btrfs"))
    guest.reload()
    guest.panic()
    guest.wait_reset()
    with guest.disk("btrfs") as top:
        bed.find_dump(top / "crashes").check()
