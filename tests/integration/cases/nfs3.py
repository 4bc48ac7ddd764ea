# SPDX-License-Identifier: LGPL-2.1-or-later
"""nfs host:/export with the options that fstab has for it: version 3, without locks. The dump is that of the same panic on a
disk."""

import bed
import far
from servers import ganesha

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(ganesha.Ganesha(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    guest.run("mkdir -p /mnt/crashes && echo '%s /mnt/crashes nfs vers=3,nolock,noauto 0 0' >>/etc/fstab" % server.what())
    far.configure(guest, "nfs " + server.what(), "path /dumps", far.copy_locally(guest))
    guest.run("mount /mnt/crashes && touch /mnt/crashes/here && umount /mnt/crashes")
    far.crash(guest, timeout=500)
    bed.check((server.data / "here").exists(), "the guest had mounted something else")
    far.check_same(guest, far.check_dump(server.data / "dumps").vmcore)
