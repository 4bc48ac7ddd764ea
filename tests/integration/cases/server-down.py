# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first target refuses connections, the second does not answer at all: the third gets the dump within their limits."""

import bed
import far
from servers import network, sshd

DEFAULT = False
NOBODY = "192.0.2.99"
CONNECT_SECONDS = 30


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    far.trust(guest, server)
    guest.run("sed 'p;s/^[^ ]*/%s/' -i %s" % (NOBODY, far.KNOWN_HOSTS))
    far.configure(guest, *far.ssh_lines(server), *far.ssh_lines(server, NOBODY), *far.LOCAL)
    server.kill()
    took = far.crash(guest)
    far.check_local(guest)
    far.check_none(server.dumps, "at a server that was down")
    # They are tried at the same time.
    far.check_within(took, CONNECT_SECONDS, "the way to the third target")
    bed.check_in(network.FAR, guest.console(), "console")
