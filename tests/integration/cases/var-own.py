# SPDX-License-Identifier: LGPL-2.1-or-later
"""/var is a file system of its own: the dump goes there, not below the mount point on root."""

import bed


def run():
    guest = bed.start()
    # The disk holds the guest's /var of before the boot: what kdumpd has made since must come along.
    guest.run("mkdir /mnt/var && mount %s /mnt/var && rm -rf /mnt/var/lib/kdumpd && "
              "cp -a /var/lib/kdumpd /mnt/var/lib/ && umount /mnt/var && mount %s /var && "
              "echo 'UUID=%s /var ext4 defaults 0 2' >>/etc/fstab" %
              (bed.DISK_PATH % "var", bed.DISK_PATH % "var", bed.VAR_UUID))
    guest.reload()
    bed.check_in(bed.VAR_UUID, guest.run("kdumpctl status"), "kdumpctl status")
    guest.panic()
    guest.wait_reset()
    with guest.disk("var") as var:
        bed.find_dump(var / "crash").check()
    with guest.disk("root") as root:
        bed.check(not bed.find_dumps(root / "var/crash"), "a dump lies below the mount point on root")
