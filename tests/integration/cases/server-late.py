# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server is not there when the crash kernel starts, and comes within the limit for connecting: it gets the dump."""

import time

import bed
import far
from servers import sshd

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    far.trust(guest, server)
    guest.configure("target_connect %ds" % bed.seconds(120), *far.ssh_lines(server))
    server.kill()

    def come():
        guest.wait_console(r"kdump-capture: .*%s" % server.address)
        time.sleep(5)
        server.launch()

    far.crash(guest, come)
    far.check_dump(server.dumps)
