# SPDX-License-Identifier: LGPL-2.1-or-later
"""The target is an ext4 on a RAID 1; in the crash kernel it is written to both halves."""

import bed
import far
import guestimage

DEFAULT = False
HALVES = ("scratch", "btrfs")
MAKE = """wipefs -qa {halves} && mdadm --create /dev/md/crashes --run --quiet --assume-clean --level=1 --metadata=1.0 \
--raid-devices=2 --bitmap=none {halves} && mkfs.ext4 -q -U {uuid} /dev/md/crashes && udevadm settle"""
UUID = "6b64756d-7064-4000-8000-0000000000d1"


def run():
    guest = far.start(far.make_network())
    guest.run(MAKE.format(halves=" ".join(bed.DISK_PATH % name for name in HALVES), uuid=UUID), timeout=200)
    far.configure(guest, "ext4 UUID=" + UUID, "path /dumps")
    far.crash(guest)
    # The superblock of version 1.0 is at the end: each half can be read alone.
    for name in HALVES:
        with guest.raw_disk(name) as raw, guestimage.mounted(raw, fstype="ext4") as disk:
            far.check_dump(disk / "dumps")
