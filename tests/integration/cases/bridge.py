# SPDX-License-Identifier: LGPL-2.1-or-later
"""The address is that of a bridge, whose port is the NIC."""

import bed
import far
from servers import network, sshd

DEFAULT = False
BRIDGE = """ip link add br0 type bridge forward_delay 0
ip link set {nic} master br0 && ip link set {nic} up
ip address add {address}/24 dev br0 && ip link set br0 up"""


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    guest.run(BRIDGE.format(nic=far.nic(guest), address=network.GUEST))
    far.wait_reaches(guest, network.FAR)
    far.configure_ssh(guest, server)
    far.crash(guest)
    far.check_dump(server.dumps)
