# SPDX-License-Identifier: LGPL-2.1-or-later
"""The address is from DHCP, the server has a name: it is asked for again in the crash kernel, and only by the NIC that leads
there."""

import bed
import far
import farfaults
from servers import dnsmasq, network, sshd

DEFAULT = False


def run():
    net = far.make_network()
    names = far.use(dnsmasq.Dnsmasq(bed.context.scratch, net))
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.networkd(guest, **{"10-lan_network": farfaults.lan() + "[Network]\nDHCP=ipv4\n"})
    far.wait_address(guest, far.nic(guest), network.GUEST)
    far.resolver(guest)
    far.configure_ssh(guest, server, dnsmasq.NAME)
    leases = names.log().count("DHCPACK")
    farfaults.forget(names)
    far.crash(guest)
    far.check_dump(server.dumps)
    bed.check_in("DHCPACK", names.log(), "log of the DHCP server (%d leases before)" % leases)
    bed.check_not_in(network.mac(1), names.log(), "log of the DHCP server")
