# SPDX-License-Identifier: LGPL-2.1-or-later
"""The far side of a cable: a DHCP server and a router, small and well-behaved, each a process in the namespace that it
is for."""

import os
import socket
import struct
import subprocess
import sys
import tempfile
import time


class Server:
    """Runs this file in @namespace with @words until the end of the block."""

    def __init__(self, namespace, *words):
        self.log = tempfile.NamedTemporaryFile(prefix="kdumpd-net-server-")
        self.command = ["ip", "netns", "exec", namespace, sys.executable, __file__, *words, self.log.name]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command)
        while b"ready\n" not in self.lines():
            if self.process.poll() is not None:
                raise RuntimeError("%s ended" % self.command)
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def lines(self):
        with open(self.log.name, "rb") as f:
            return f.readlines()


class DhcpServer(Server):
    def __init__(self, namespace, device, address, router):
        super().__init__(namespace, "dhcp", device, address, router)

    def client_id(self):
        """Of the last request."""
        return bytes.fromhex(self.lines()[-1].decode().split()[-1])


class Router(Server):
    def __init__(self, namespace, device, network):
        super().__init__(namespace, "router", device, network)


def tell(path, line):
    with open(path, "ab") as f:
        f.write(line.encode() + b"\n")


def dhcp_options(packet):
    """RFC 2132; a dictionary of what follows the magic cookie."""
    options, at = {}, 240
    while at < len(packet) and packet[at] != 255:
        if packet[at] == 0:
            at += 1
            continue
        length = packet[at + 1]
        options[packet[at]] = packet[at + 2:at + 2 + length]
        at += 2 + length
    return options


def dhcp_reply(packet, kind, address, router):
    """RFC 2131: op, htype, hlen, hops, xid, secs, flags (broadcast), ciaddr, yiaddr, siaddr, giaddr, chaddr."""
    own = socket.inet_aton(router)
    head = struct.pack("!4s4sHH4s4s4s4s", bytes([2, 1, 6, 0]), packet[4:8], 0, 0x8000, bytes(4),
                       socket.inet_aton(address), own, bytes(4))
    head += packet[28:44] + bytes(192) + bytes([99, 130, 83, 99])
    for code, value in ((53, bytes([kind])), (54, own), (51, struct.pack("!I", 3600)),
                        (1, socket.inet_aton("255.255.255.0")), (3, own)):
        head += bytes([code, len(value)]) + value
    return head + b"\xff"


def serve_dhcp(device, address, router, log):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        s.bind(("", 67))
        tell(log, "ready")
        while True:
            packet, _ = s.recvfrom(2048)
            options = dhcp_options(packet)
            kind = options.get(53, b"\0")[0]
            tell(log, "%d %s" % (kind, options.get(61, b"").hex()))
            if kind in (1, 3):  # DISCOVER: OFFER; REQUEST: ACK
                s.sendto(dhcp_reply(packet, 2 if kind == 1 else 5, address, router), ("255.255.255.255", 68))


def serve_router(device, network, log):
    """RFC 4861: an advertisement each second, with a prefix to make addresses of."""
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, network)
    packet = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        index = socket.if_nametoindex(device)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        tell(log, "ready")
        while True:
            try:
                s.sendto(packet, ("ff02::1", 0, 0, index))
            except OSError:  # no address of its own yet
                pass
            time.sleep(0.5)


if __name__ == "__main__":
    {"dhcp": serve_dhcp, "router": serve_router}[sys.argv[1]](*sys.argv[2:])
