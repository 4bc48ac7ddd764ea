# SPDX-License-Identifier: LGPL-2.1-or-later
"""path below an automount point that nobody has touched yet: the dump is on the file system that it would mount."""

import bed

DEFAULT = False


def run():
    guest = bed.start()
    guest.run("mkdir -p /srv/crash && "
              "echo 'UUID=%s /srv/crash ext4 noauto,x-systemd.automount 0 0' >>/etc/fstab && "
              "systemctl daemon-reload && systemctl start srv-crash.automount" % bed.EXT4_UUID)
    bed.check_not_in("/srv/crash ext4", guest.run("cat /proc/mounts"), "mounts before the reload")
    guest.configure("path /srv/crash/deep")
    guest.panic()
    guest.wait_reset()
    with guest.disk("ext4") as ext4:
        bed.find_dump(ext4 / "deep").check()
