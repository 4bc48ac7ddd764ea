# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server with a shell and without sftp gets the flattened stream."""

import bed
import far
from servers import sshd

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net, sftp="none"))
    guest = far.start(net)
    far.static(guest)
    far.configure_ssh(guest, server, more=[far.copy_locally(guest)])
    far.crash(guest, timeout=500)
    dump = far.find_stream(server.dumps)
    dump.check_modes()
    far.check_same(guest, dump.check_stream())
