# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first target refuses connections, the second does not answer at all: the third gets the dump within their limits."""

import bed
import far
import farfaults
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
    far.crash(guest)
    far.check_local(guest)
    far.check_none(server.dumps, "at a server that was down")
    bed.check_in(network.FAR, guest.console(), "console")
    for target in (1, 2):
        farfaults.check_waited(guest, target, CONNECT_SECONDS)
    # They were tried at the same time.
    waited = farfaults.time_of(guest, 3, "saving vmcore$") - farfaults.time_of(guest, 3, farfaults.WENT_ON)
    bed.check(waited <= CONNECT_SECONDS + farfaults.GRACE_SECONDS, "the third target waited for %.1f s" % waited)
