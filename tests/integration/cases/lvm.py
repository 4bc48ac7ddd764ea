# SPDX-License-Identifier: LGPL-2.1-or-later
"""The target is an ext4 on a logical volume."""

import bed
import far
import guestimage

DEFAULT = False
START_BYTES = 1 << 20  # where lvm2 puts the first extent of a volume group
MAKE = """pvcreate -q {disk} && vgcreate -q crashes {disk} && lvcreate -q -y -n dumps -l 100%FREE crashes &&
mkfs.ext4 -q /dev/crashes/dumps && udevadm settle"""


def run():
    guest = far.start(far.make_network())
    guest.run(MAKE.format(disk=bed.DISK_PATH % "scratch"), timeout=200)
    far.configure(guest, "ext4 /dev/crashes/dumps", "path /dumps")
    far.crash(guest)
    # One linear segment from there on: it can be read without LVM.
    with guest.raw_disk("scratch") as raw, guestimage.mounted(raw, options="rw,offset=%d" % START_BYTES) as disk:
        far.check_dump(disk / "dumps")
