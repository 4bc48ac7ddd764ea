# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server is in a VLAN on a bond of two NICs, one of which has lost its cable by then."""

import bed
import far
from servers import network, sshd

DEFAULT = False
BOND = """ip link add bond0 type bond mode active-backup miimon 100
for nic in {nics}; do ip link set $nic down; ip link set $nic master bond0; done
ip link set bond0 up
ip link add link bond0 name bond0.{vlan} type vlan id {vlan}
ip address add {address}/24 dev bond0.{vlan}
ip link set bond0.{vlan} up"""


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    nics = [far.nic(guest, n) for n in range(network.NICS)]
    guest.run(BOND.format(nics=" ".join(nics), vlan=network.VLAN, address=network.VLAN_GUEST))
    far.wait_reaches(guest, network.VLAN_FAR)
    far.configure_ssh(guest, server, network.VLAN_FAR)
    guest.machine.monitor.execute("set_link", name="nic0", up=False)
    far.crash(guest)
    far.check_dump(server.dumps)
