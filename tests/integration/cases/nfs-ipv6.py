# SPDX-License-Identifier: LGPL-2.1-or-later
"""nfs [v6]:/export, in a network without IPv4."""

import bed
import far
from servers import dnsmasq, ganesha, network

DEFAULT = False


def run():
    net = far.make_network()
    far.use(dnsmasq.Dnsmasq(bed.context.scratch, net, dhcp=False, slaac=True))
    server = far.use(ganesha.Ganesha(bed.context.scratch, net))
    guest = far.start(net)
    far.networkd(guest, **{"10-lan_network": "[Match]\nMACAddress=%s\n[Network]\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\n" %
                           network.mac(0)})
    far.wait_reaches(guest, network.FAR_IPV6)
    far.configure(guest, "nfs " + server.what(network.FAR_IPV6), "path /dumps")
    far.crash(guest)
    far.check_dump(server.data / "dumps")
