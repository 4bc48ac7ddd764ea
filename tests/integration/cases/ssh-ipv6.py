# SPDX-License-Identifier: LGPL-2.1-or-later
"""ssh to an IPv6 address, in a network that has nothing else, with an address from its advertisements (SLAAC)."""

import bed
import far
from servers import dnsmasq, network, sshd

DEFAULT = False


def run():
    net = far.make_network()
    far.use(dnsmasq.Dnsmasq(bed.context.scratch, net, dhcp=False, slaac=True))
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.networkd(guest, **{"10-lan_network": "[Match]\nMACAddress=%s\n[Network]\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\n" %
                           network.mac(0)})
    far.wait_reaches(guest, network.FAR_IPV6)
    far.configure_ssh(guest, server, network.FAR_IPV6)
    far.crash(guest)
    far.check_dump(server.dumps)
