# SPDX-License-Identifier: LGPL-2.1-or-later
"""ssh on another port, behind a router; the dump is that of the same panic on a disk."""

import bed
import far
from servers import network, sshd

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net, port=2222, sftp="internal"))
    guest = far.start(net)
    far.static(guest)
    far.configure_ssh(guest, server, network.BEYOND, more=[far.copy_locally(guest)])
    far.crash(guest, timeout=500)
    far.check_same(guest, far.check_dump(server.dumps).vmcore)
