# SPDX-License-Identifier: LGPL-2.1-or-later
"""The address changes after arming, and nobody gives a command: the dump comes from the new one."""

import bed
import far
import farfaults
from servers import network, sshd

DEFAULT = False
NEW = "192.0.2.77"


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    name = far.static(guest)
    far.configure_ssh(guest, server)
    before = guest.state()
    guest.run("ip address flush dev {0} && ip address add {1}/24 dev {0} && ip route add default via {2}".format(
        name, NEW, network.FAR))
    after = far.wait_generation(guest, before)
    guest.check_armed()
    bed.check(after["base_id"] == before["base_id"], "an address made a new base image")
    farfaults.forget(server)
    far.crash(guest)
    far.check_dump(server.dumps)
    bed.check(farfaults.reached_from(server) == {NEW}, "clients: %s" % farfaults.reached_from(server))
