# SPDX-License-Identifier: LGPL-2.1-or-later
"""Network: what guests are wired to, with servers at its far end. It is a network namespace behind switch.py:

    192.0.2.0/24    2001:db8:6b::/64   the LAN, without tags; the far end is .1 and ::1
    198.51.100.0/24 2001:db8:2a::/64   VLAN 42
    203.0.113.1     2001:db8:ff::1     behind the far end, as a router would reach it"""

import json
import socket
import struct
import subprocess
import sys
import time

from machine import BedError, die_with_parent
from servers import switch
from servers.server import HERE, Server

FAR, FAR_IPV6 = "192.0.2.1", "2001:db8:6b::1"
GUEST, GUEST_IPV6 = "192.0.2.2", "2001:db8:6b::2"
VLAN = 42
VLAN_FAR, VLAN_GUEST = "198.51.100.1", "198.51.100.2"
BEYOND, BEYOND_IPV6 = "203.0.113.1", "2001:db8:ff::1"

TAPS = [{"name": "lan", "vlan": 0, "addresses": [FAR + "/24", FAR_IPV6 + "/64"]},
        {"name": "tagged", "vlan": VLAN, "addresses": [VLAN_FAR + "/24", "2001:db8:2a::1/64"]}]
LOOPBACK = [BEYOND + "/32", BEYOND_IPV6 + "/128"]
NICS = 2


def mac(n):
    """Of a guest's NIC."""
    return "52:54:00:6b:64:%02x" % n


class Network(Server):
    name = "net"

    def __init__(self, scratch, taps=None, nics=None):
        """@nics: (local, remote) paths of sockets, by name; those of guests unless given."""
        super().__init__(scratch)
        self.address = FAR
        self.taps = TAPS if taps is None else taps
        self.loopback = LOOPBACK if taps is None else []
        self.routes = []
        self.nics = nics or {"nic%d" % n: (self.folder / ("far%d" % n), self.folder / ("nic%d" % n))
                             for n in range(NICS)}
        self.namespace = None

    def launch(self):
        control = self.folder / "control"
        for path in [control] + [local for local, _ in self.nics.values()]:
            path.unlink(missing_ok=True)
        config = {"control": str(control), "taps": self.taps, "loopback": self.loopback, "routes": self.routes,
                  "nics": [{"name": name, "local": str(local), "remote": str(remote)}
                           for name, (local, remote) in self.nics.items()]}
        path = self.folder / "config.json"
        path.write_text(json.dumps(config, indent=1))
        self.log_path.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([sys.executable, HERE / "switch.py", path], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=die_with_parent)
        self.wait_until(lambda: self.log().startswith("ready"), "did not start")
        self.namespace = "/proc/%d/ns/net" % self.process.pid

    def pids(self):
        return [self.process.pid] if self.process else []

    # --- cables ---

    def command(self, **words):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(10)
            line.connect(str(self.folder / "control"))
            line.sendall(json.dumps(words).encode() + b"\n")
            answer = json.loads(line.makefile().readline())
        if "error" in answer:
            raise BedError("the switch refused %s: %s" % (words, answer["error"]))
        return answer

    def counts(self):
        return self.command()

    def cable(self, nic=0, **how):
        """How the cable of a NIC is from now on, both ways: loss=0.01, delay_msec=30, up=False."""
        self.command(nic="nic%d" % nic, **how)

    def cables(self, **how):
        for name in self.nics:
            self.command(nic=name, **how)

    def capture(self, name="capture.pcap"):
        """Records what is sent over the cables from here on; returns the file, for segments()."""
        path = self.folder / name
        self.command(capture=str(path))
        return path

    # --- the far end ---

    def argv(self, *argv):
        """The command that runs a program at the far end."""
        return ["nsenter", "--net=" + self.namespace, *[str(a) for a in argv]]

    def run(self, *argv, check=True, timeout=300, **kwargs):
        """Returns its (status and) output."""
        done = subprocess.run(self.argv(*argv), stdin=kwargs.pop("stdin", subprocess.DEVNULL), check=False, timeout=timeout,
                              text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
        if check and done.returncode != 0:
            raise BedError("'%s' ended with %d:\n%s" % (" ".join(map(str, argv)), done.returncode, done.stdout))
        return done.stdout if check else (done.returncode, done.stdout)

    # --- what a guest is wired with ---

    def qemu_options(self):
        """The other end of each cable, for -netdev; the NICs are the guest's."""
        options = []
        for n, (local, remote) in enumerate(self.nics.values()):
            options += ["-netdev", "dgram,id=net%d,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s" %
                        (n, remote, local)]
        return options


def client(scratch, net, addresses=(), vlan=0, nic=0):
    """A Network with one device `eth0` in the place of a guest's NIC, for real clients without a guest."""
    local, remote = list(net.nics.values())[nic]
    return Network(scratch, taps=[{"name": "eth0", "vlan": vlan, "addresses": list(addresses)}],
                   nics={"nic0": (remote, local)})


def segments(path):
    """Of a capture, for each TCP segment that is not empty: (source, its port, destination, its port, bytes)."""
    data = path.read_bytes()
    at = len(switch.PCAP_HEADER)
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if frame[12:14] == switch.TAG:
            frame = frame[:12] + frame[16:]
        kind, packet = frame[12:14], frame[14:]
        if kind == b"\x08\x00" and len(packet) >= 20 and packet[9] == socket.IPPROTO_TCP:
            start, end = (packet[0] & 0xf) * 4, struct.unpack_from(">H", packet, 2)[0]
            hosts = [socket.inet_ntop(socket.AF_INET, packet[i:i + 4]) for i in (12, 16)]
        elif kind == b"\x86\xdd" and len(packet) >= 40 and packet[6] == socket.IPPROTO_TCP:
            start, end = 40, 40 + struct.unpack_from(">H", packet, 4)[0]
            hosts = [socket.inet_ntop(socket.AF_INET6, packet[i:i + 16]) for i in (8, 24)]
        else:
            continue
        ports = struct.unpack_from(">HH", packet, start)
        payload = end - start - (packet[start + 12] >> 4) * 4
        if payload > 0:
            yield hosts[0], ports[0], hosts[1], ports[1], payload


def bytes_to(path, host, port):
    """How many bytes of TCP went there."""
    return sum(s[4] for s in segments(path) if s[2:4] == (host, port))


def wait_quiet(net, seconds, timeout=120):
    """Until nothing was forwarded for so long."""
    deadline, since, last = time.monotonic() + timeout, time.monotonic(), None
    while time.monotonic() - since < seconds:
        now = net.counts()["forwarded"]
        if now != last:
            since, last = time.monotonic(), now
        if time.monotonic() > deadline:
            raise BedError("the network did not come to rest within %d s" % timeout)
        time.sleep(0.1)
