# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dnsmasq: the far end's DHCP, DNS and router advertisements, each only if it is asked for. In a Network only."""

from servers.network import BEYOND, FAR, FAR_IPV6, GUEST, mac
from servers.server import Server

NAME = "far.example"
LEASE_SECONDS = 120  # the shortest that it gives


class Dnsmasq(Server):
    """@dhcp: the first NIC gets the address GUEST, others one from .100 on, and both a route and this DNS server. @names:
    addresses by name; NAME leads to the far end. @slaac: the LAN's prefix and a route are advertised."""

    name = "dnsmasq"

    def __init__(self, scratch, net, dhcp=True, slaac=False, names=None, lease_seconds=LEASE_SECONDS):
        super().__init__(scratch, net)
        self.dhcp, self.slaac, self.lease_seconds = dhcp, slaac, lease_seconds
        self.names = {NAME: [FAR, FAR_IPV6]} if names is None else names

    def launch(self):
        hosts = self.folder / "hosts"
        hosts.write_text("".join("%s %s\n" % (a, name) for name, all_of in self.names.items() for a in all_of))
        argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--group=root", "--no-resolv",
                "--no-hosts", "--addn-hosts=%s" % hosts, "--pid-file=%s/pid" % self.folder, "--log-facility=-",
                "--log-dhcp", "--log-queries", "--interface=lan", "--bind-interfaces", "--dhcp-leasefile=%s/leases" % self.folder]
        if self.dhcp:
            argv += ["--dhcp-range=192.0.2.100,192.0.2.199,255.255.255.0,%d" % self.lease_seconds, "--dhcp-authoritative",
                     "--no-ping", "--dhcp-host=%s,%s" % (mac(0), GUEST), "--dhcp-option=option:router,%s" % FAR,
                     "--dhcp-option=option:dns-server,%s" % FAR]
        if self.slaac:
            argv += ["--enable-ra", "--ra-param=lan,5,600", "--dhcp-range=::,constructor:lan,ra-only,600",
                     "--dhcp-option=option6:dns-server,[%s]" % FAR_IPV6]
        self.process = self.spawn(*argv)
        self.wait_bound(53)
        if self.dhcp:
            self.wait_bound(67, "udp")

    def leases(self):
        """(MAC, address) of each that was given."""
        path = self.folder / "leases"
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(line.split()[1:3]) for line in lines if line.count(" ") >= 4]

    def route_beyond(self):
        """What a guest without a default route needs."""
        return "%s via %s" % (BEYOND, FAR)
