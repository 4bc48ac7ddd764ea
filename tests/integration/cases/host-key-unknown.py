# SPDX-License-Identifier: LGPL-2.1-or-later
"""Without the server's host key there is nothing to pin: the configuration is refused, and what was armed stays."""

import bed
import far
from servers import sshd

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    guest.write(far.KEY, server.key, 0o600)
    far.check_refused(guest, far.ssh_lines(server), "host key", "kdumpctl propagate")
