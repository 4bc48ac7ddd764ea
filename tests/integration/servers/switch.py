#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network switch between guests and the network namespace that it makes for itself.

Usage: switch.py CONFIG.json

Each NIC of a guest is a datagram socket (qemu's -netdev dgram): a trunk of all VLANs. Each `tap` is a device of the
namespace, in one VLAN (0: frames without a tag). What goes over a NIC's cable can be lost, late or cut off, and is
recorded if asked for. Commands are lines of JSON on the stream socket `control`, each answered by one:

    {"nic": "nic0", "loss": 0.01, "delay_msec": 30, "up": true}
    {"capture": "FILE.pcap"}        from here on, what arrives at and leaves any NIC, before it is lost
    {}                              only the answer: counts of frames
"""

import collections
import ctypes
import fcntl
import heapq
import json
import os
import random
import selectors
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_BYTES = 65536
BURST = 64  # frames from one port before the others have their turn
BACKLOG_MAX = 2000  # frames that wait for one NIC
RETRY_SECONDS = 0.0002  # a socket of the machine's own network takes 10 frames at a time
TAG = b"\x81\x00"
VLAN_MASK = 0xfff
SEED = 20261121
# Of the namespace: frames that a socket of ours takes before it is read, and no answer for addresses of other networks.
SETTINGS = {"net/unix/max_dgram_qlen": 1000, "net/ipv4/conf/all/arp_ignore": 1}
PCAP_HEADER = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, FRAME_BYTES, 1)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Tap:
    """An access port: its frames have no tags."""

    def __init__(self, config):
        self.vlan = config["vlan"]
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", config["name"].encode(), IFF_TAP | IFF_NO_PI))
        for address in config["addresses"]:
            ip("address", "add", address, "dev", config["name"], *(["nodad"] if ":" in address else []))
        ip("link", "set", config["name"], "up")

    def receive(self):
        return self.vlan, os.read(self.fd, FRAME_BYTES)

    def send(self, _, frame):
        try:
            os.write(self.fd, frame)
        except OSError:  # full, or down: a network may lose frames
            pass


class Nic:
    """A trunk port with a cable that can be bad."""

    def __init__(self, config):
        self.remote = config["remote"]
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(config["local"])
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        self.fd = self.socket.fileno()
        self.backlog = collections.deque()
        self.loss, self.delay_msec, self.up = 0.0, 0.0, True

    def receive(self):
        frame = self.socket.recv(FRAME_BYTES)
        if frame[12:14] != TAG:
            return 0, frame
        return struct.unpack_from(">H", frame, 14)[0] & VLAN_MASK, frame[:12] + frame[16:]

    def send(self, vlan, frame):
        if len(self.backlog) < BACKLOG_MAX:
            self.backlog.append(frame[:12] + TAG + struct.pack(">H", vlan) + frame[12:] if vlan else frame)
        self.flush()

    def flush(self):
        while self.backlog:
            try:
                self.socket.sendto(self.backlog[0], self.remote)
            except BlockingIOError:
                return
            except OSError:  # no guest is there
                pass
            self.backlog.popleft()


class Switch:
    def __init__(self, config):
        self.nics = {c["name"]: Nic(c) for c in config["nics"]}
        self.taps = {c["name"]: Tap(c) for c in config["taps"]}
        self.ports = list(self.nics.values()) + list(self.taps.values())
        self.known = {}  # (vlan, MAC) -> port
        self.late, self.serial = [], 0  # heap of (when, serial, port, target, vlan, frame)
        self.random = random.Random(SEED)
        self.pcap = None
        self.counts = dict.fromkeys(("forwarded", "lost", "cut"), 0)
        self.selector = selectors.DefaultSelector()
        for port in self.ports:
            self.selector.register(port.fd, selectors.EVENT_READ, port)
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.bind(config["control"])
        self.control.listen()
        self.selector.register(self.control, selectors.EVENT_READ, None)

    def record(self, vlan, frame):
        now = time.time()
        data = frame[:12] + TAG + struct.pack(">H", vlan) + frame[12:] if vlan else frame
        self.pcap.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(data), len(data)) + data)
        self.pcap.flush()

    def targets(self, port, vlan, frame):
        self.known[vlan, frame[6:12]] = port
        known = self.known.get((vlan, frame[:6]))
        if known:
            return [] if known is port else [known]
        return [p for p in self.ports if p is not port and (isinstance(p, Nic) or p.vlan == vlan)]

    def forward(self, port, vlan, frame):
        for target in self.targets(port, vlan, frame):
            cables = [p for p in (port, target) if isinstance(p, Nic)]
            if not all(nic.up for nic in cables):
                self.counts["cut"] += 1
                continue
            if self.pcap:
                self.record(vlan, frame)
            if any(self.random.random() < nic.loss for nic in cables if nic.loss):
                self.counts["lost"] += 1
                continue
            self.counts["forwarded"] += 1
            delay = sum(nic.delay_msec for nic in cables) / 1000
            if delay:
                self.serial += 1
                heapq.heappush(self.late, (time.monotonic() + delay, self.serial, target, vlan, frame))
            else:
                target.send(vlan, frame)

    def drain(self, port):
        for _ in range(BURST):
            try:
                vlan, frame = port.receive()
            except (BlockingIOError, OSError):
                return
            if len(frame) >= 14:
                self.forward(port, vlan, frame)

    def obey(self):
        """One connection, one command."""
        line, _ = self.control.accept()
        with line, line.makefile("rw", encoding="utf-8") as f:
            try:
                command = json.loads(f.readline())
                for name in ("loss", "delay_msec", "up"):
                    if name in command:
                        setattr(self.nics[command["nic"]], name, command[name])
                if "capture" in command:
                    self.pcap = open(command["capture"], "wb")
                    self.pcap.write(PCAP_HEADER)
                answer = self.counts
            except (ValueError, KeyError, OSError) as e:
                answer = {"error": repr(e)}
            f.write(json.dumps(answer) + "\n")

    def timeout(self):
        waits = [RETRY_SECONDS for nic in self.nics.values() if nic.backlog]
        if self.late:
            waits.append(max(0, self.late[0][0] - time.monotonic()))
        return min(waits, default=None)

    def run(self):
        while True:
            for key, _ in self.selector.select(self.timeout()):
                if key.data is None:
                    self.obey()
                else:
                    self.drain(key.data)
            now = time.monotonic()
            while self.late and self.late[0][0] <= now:
                _, _, target, vlan, frame = heapq.heappop(self.late)
                if not isinstance(target, Nic) or target.up:
                    target.send(vlan, frame)
            for nic in self.nics.values():
                nic.flush()


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        config = json.load(f)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        sys.exit("switch: no network of its own: %s" % os.strerror(ctypes.get_errno()))
    for name, value in SETTINGS.items():
        with open("/proc/sys/" + name, "w", encoding="ascii") as f:
            f.write("%d" % value)
    ip("link", "set", "lo", "up")
    for address in config["loopback"]:
        ip("address", "add", address, "dev", "lo")
    switch = Switch(config)
    for route in config["routes"]:
        ip(*(["-6"] if ":" in route else []), "route", "add", *route.split())
    print("ready", flush=True)
    switch.run()


if __name__ == "__main__":
    main()
