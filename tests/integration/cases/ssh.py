# SPDX-License-Identifier: LGPL-2.1-or-later
"""ssh user@host, by sftp: a finished vmcore at the server, in the running system's static network."""

import bed
import far
from servers import sshd


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    far.configure_ssh(guest, server)
    far.crash(guest)
    far.check_dump(server.dumps)
    with guest.disk("root") as root:
        far.check_none(root / "var/crash", "on the guest as well")
