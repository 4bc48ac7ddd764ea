# SPDX-License-Identifier: LGPL-2.1-or-later
"""The DHCP server, which is the name server as well, is gone when it counts: the lease and the addresses of before serve."""

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
    names.kill()
    far.crash(guest)
    far.check_dump(server.dumps)
    bed.check(network.GUEST in farfaults.reached_from(server), "clients: %s" % farfaults.reached_from(server))
