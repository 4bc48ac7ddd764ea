# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server's disk is full in the middle: the next target gets the dump."""

import bed
import far
from servers import sshd

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net, size_mib=24))
    guest = far.start(net)
    guest.fill_memory(100)
    far.static(guest)
    far.configure_ssh(guest, server, more=[*far.LOCAL, "core_collector makedumpfile -l -d 1"])
    far.crash(guest)
    bed.check_in("No space left on device", guest.console(), "console")
    bed.find_dump(server.dumps).check_nothing_claimed()
    far.check_local(guest)
