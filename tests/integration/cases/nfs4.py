# SPDX-License-Identifier: LGPL-2.1-or-later
"""nfs host:/export, as mount.nfs does by default (version 4)."""

import bed
import far
from servers import ganesha


def run():
    net = far.make_network()
    server = far.use(ganesha.Ganesha(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    far.configure(guest, "nfs " + server.what(), "path /dumps")
    far.crash(guest)
    far.check_dump(server.data / "dumps")
