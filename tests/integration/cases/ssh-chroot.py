# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server whose user has internal-sftp in a chroot and nothing else."""

import bed
import far
from servers import sshd

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net, sftp="chroot"))
    guest = far.start(net)
    far.static(guest)
    far.configure_ssh(guest, server)
    far.crash(guest)
    far.check_dump(server.dumps)
