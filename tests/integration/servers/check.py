#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts each server and uses it with a client that is not ours; no guest is needed. As root: check.py [NAME…]"""

import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import guestimage  # noqa: E402
from machine import BedError  # noqa: E402
from servers import dnsmasq, forwarder, ganesha, network, nginx, sshd, virtiofsd  # noqa: E402
from servers.network import Network, client  # noqa: E402

MIB = 1 << 20
CLIENT = (network.GUEST + "/24", network.GUEST_IPV6 + "/64")


def check(condition, text):
    if not condition:
        raise BedError(text)


def noise(scratch, mebibytes=4):
    path = scratch / "noise"
    with open("/dev/urandom", "rb") as f:
        path.write_bytes(f.read(mebibytes * MIB))
    return path


def same(a, b):
    check(b.exists(), "'%s' did not arrive" % b.name)
    check(a.read_bytes() == b.read_bytes(), "'%s' arrived with other bytes" % b.name)


def ping(net, address, count=3):
    return net.run("ping", "-c", count, "-i", "0.05", "-W", "2", address, check=False)[1]


# --- one function a server ---

def check_switch(scratch):
    """Addresses, VLAN, a cable that is cut, loss, delay, a capture."""
    with Network(scratch) as net, client(scratch, net, CLIENT) as user, \
            client(scratch, net, [network.VLAN_GUEST + "/24"], vlan=network.VLAN, nic=1) as tagged:
        check(" 0% packet loss" in ping(user, network.FAR), "the far end does not answer")
        check(" 0% packet loss" in ping(user, network.FAR_IPV6), "it does not answer over IPv6")
        check(" 0% packet loss" in ping(tagged, network.VLAN_FAR), "nor in the VLAN")
        user.run("ip", "route", "add", "default", "via", network.FAR)
        check(" 0% packet loss" in ping(user, network.BEYOND), "nor behind the router")
        tagged.run("ip", "route", "add", "192.0.2.0/24", "dev", "eth0")
        check("100% packet loss" in ping(tagged, network.FAR), "the VLAN is not apart from the LAN")
        net.cable(up=False)
        check("100% packet loss" in ping(user, network.FAR), "a cut cable carries")
        net.cable(up=True, delay_msec=30)
        rtt = float(ping(user, network.FAR).rsplit("= ", 1)[1].split("/")[1])
        check(60 <= rtt < 90, "the round trip takes %s ms" % rtt)
        net.cable(delay_msec=0, loss=0.05)
        lost = sum(100 - int(ping(user, network.FAR, 100).split(" received")[0].rsplit(" ", 1)[1]) for _ in range(2))
        check(4 <= lost <= 45, "of 200 pings %d were lost" % lost)
        return "round trip %.0f ms with 30 ms of delay; %d of 200 lost at 5 %% each way; %s" % (rtt, lost, net.counts())


def cpu_seconds(pid):
    words = Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def check_throughput(scratch):
    """How much goes over the switch in a second: it must not be what a case waits for."""
    with Network(scratch) as net, client(scratch, net, CLIENT) as user, sshd.Sshd(scratch, net) as server:
        source, said = noise(scratch, 64), []
        for how in ({}, {"loss": 0.01, "delay_msec": 15}):
            net.cable(**how)
            begun, before = time.monotonic(), cpu_seconds(net.process.pid)
            with open(source, "rb") as f:
                user.run(*server.client_argv("ssh"), "crash@" + server.address, "cat >/dev/null", stdin=f, timeout=600)
            said.append("%.1f MiB/s, %.0f for each second of the switch's own CPU time %s" %
                        (64 / (time.monotonic() - begun), 64 / (cpu_seconds(net.process.pid) - before), how or ""))
        return "; ".join(said)


def check_sshd(scratch):
    """sftp in all its forms, on two ports, over both protocols; what is not offered; connections that are killed."""
    source, done = noise(scratch), []
    with Network(scratch) as net, client(scratch, net, CLIENT) as user:
        for how, port, host in (("program", 22, network.FAR), ("internal", 2222, network.FAR), ("chroot", 22, network.FAR_IPV6)):
            with sshd.Sshd(scratch, net, port=port, sftp=how) as server:
                server.sftp_batch(user, "put %s %s/noise-part\nrename %s/noise-part %s/noise\n" %
                                  ((source,) + (server.path,) * 3), host)
                same(source, server.dumps / "noise")
                check((server.dumps / "noise").stat().st_uid == sshd.UID, "the file is not the user's")
                done.append("%s on %s port %d" % (how, host, port))
        with sshd.Sshd(scratch, net, sftp="none") as server:
            try:
                server.sftp_batch(user, "pwd\n")
                raise AssertionError("there is sftp")
            except BedError:
                pass
            who = "%s@%s" % (sshd.USER, server.address)
            with open(source, "rb") as f:
                user.run(*server.client_argv("ssh"), who, "cat >dumps.part && sync dumps.part && mv dumps.part dumps", stdin=f)
            same(source, server.data / "home/dumps")
            text = server.client_argv("ssh")
            server.folder.joinpath("known_hosts").write_text(server.known_hosts(host_key=server.public_key))
            status, said = user.run(*text, who, "true", check=False)
            check(status == 255 and "REMOTE HOST IDENTIFICATION HAS CHANGED" in said, "a wrong host key: %s" % said)
            done.append("shell")
        with sshd.Sshd(scratch, net, size_mib=8) as server:
            try:
                server.sftp_batch(user, "put %s %s/noise\nput %s %s/again\n" % ((source, server.path) * 2))
                raise AssertionError("it holds more than it can")
            except BedError as e:
                check("Failure" in str(e) or "write" in str(e), "full: %s" % e)
            done.append("full")
        with sshd.Sshd(scratch, net) as server:
            argv = user.argv(*server.client_argv("ssh"), who, "sleep 1000")
            for act in (server.kill_sessions, server.restart):
                with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as waits:
                    while not server.sessions():
                        time.sleep(0.02)
                    time.sleep(0.5)
                    act()
                    check(waits.wait(100) == 255, "the connection was not broken")
                server.sftp_batch(user, "ls %s\n" % server.path)
            done.append("killed and there again")
    with sshd.Sshd(scratch) as server:
        server.sftp_batch(None, "put %s %s/noise\n" % (source, server.path))
        same(source, server.dumps / "noise")
        done.append("loopback port %d" % server.port)
    return ", ".join(done)


def check_capture(scratch):
    """A capture tells how much went where."""
    source = noise(scratch)
    with Network(scratch) as net, client(scratch, net, CLIENT) as user, sshd.Sshd(scratch, net) as server:
        first = net.capture("small.pcap")
        server.folder.joinpath("known_hosts").write_text(server.known_hosts(host_key=server.public_key))
        known = server.client_argv("ssh")
        (server.folder / "known_hosts").write_text(server.known_hosts(host_key=server.public_key))
        status, _ = user.run(*known, "%s@%s" % (sshd.USER, server.address), "true", check=False)
        check(status == 255, "the wrong key was taken")
        network.wait_quiet(net, 1)
        refused = network.bytes_to(first, network.FAR, 22)
        second = net.capture("large.pcap")
        server.sftp_batch(user, "put %s %s/noise\n" % (source, server.path))
        sent = network.bytes_to(second, network.FAR, 22)
        check(sent > source.stat().st_size, "only %d bytes of %d seen" % (sent, source.stat().st_size))
        check(100 < refused < 4096, "%d bytes were sent to a server with another key" % refused)
        return "%d bytes for %d; %d to a server with another key" % (sent, source.stat().st_size, refused)


# libnfs 4.0.0 cannot encode version 4 writes of more than some KiB, so not by nfs-cp.
PUT_NFS4 = """
import ctypes, os, sys
host, export, source, name = (w.encode() for w in sys.argv[1:])
nfs = ctypes.CDLL("libnfs.so.13")
nfs.nfs_init_context.restype = ctypes.c_void_p
context, file, at = ctypes.c_void_p(nfs.nfs_init_context()), ctypes.c_void_p(), 0
nfs.nfs_set_version(context, 4)
assert nfs.nfs_mount(context, host, export) == 0
assert nfs.nfs_open2(context, b"part", os.O_CREAT | os.O_WRONLY, 0o600, ctypes.byref(file)) == 0
with open(source, "rb") as f:
    while data := f.read(2048):
        assert nfs.nfs_pwrite(context, file, ctypes.c_uint64(at), ctypes.c_uint64(len(data)), data) == len(data)
        at += len(data)
assert nfs.nfs_fsync(context, file) == 0 and nfs.nfs_close(context, file) == 0
assert nfs.nfs_rename(context, b"part", name) == 0
"""


def check_ganesha(scratch):
    """Both versions, by libnfs, over both protocols; a server that stops, that is full, that comes again."""
    source, done = noise(scratch), []
    with Network(scratch) as net, client(scratch, net, CLIENT) as user, ganesha.Ganesha(scratch, net, size_mib=64) as server:
        user.run("nfs-cp", source, "nfs://%s%s/noise3?version=3" % (server.address, ganesha.EXPORT))
        same(source, server.data / "noise3")
        user.run("/usr/bin/python3", "-c", PUT_NFS4, server.address, ganesha.EXPORT, source, "noise4")
        same(source, server.data / "noise4")
        done.append("v3, v4")
        listing = user.run("nfs-ls", "nfs://%s%s?version=4" % (server.address, ganesha.EXPORT))
        check("noise3" in listing, "nfs-ls: %s" % listing)
        listing = user.run("rpcinfo", "-p", server.address)
        check("nfs" in listing and "mountd" in listing, "rpcinfo: %s" % listing)
        check("program 100003" in user.run("rpcinfo", "-T", "tcp6", network.FAR_IPV6, "nfs", "4", check=False)[1], "no IPv6")
        done.append("port mapper, IPv6")

        server.pause()
        status = subprocess.run(user.argv("timeout", "10", "nfs-ls", "nfs://%s%s?version=4" % (server.address, ganesha.EXPORT)),
                                capture_output=True, check=False).returncode
        check(status == 124, "a stopped server answers: %d" % status)
        server.resume()
        user.run("nfs-ls", "nfs://%s%s?version=4" % (server.address, ganesha.EXPORT))
        done.append("stopped and resumed")

        server.restart()
        for version in (3, 4):
            listing = user.run("nfs-ls", "nfs://%s%s?version=%d" % (server.address, ganesha.EXPORT, version))
            check("noise4" in listing, "after a restart: %s" % listing)
        user.run("nfs-cp", "nfs://%s%s/noise4?version=3" % (server.address, ganesha.EXPORT), scratch / "back")
        same(source, scratch / "back")
        done.append("restarted")

        large = noise(scratch, 80)
        status, said = user.run("nfs-cp", large, "nfs://%s%s/large?version=3" % (server.address, ganesha.EXPORT), check=False)
        check(status != 0, "80 MiB fit into 64: %s" % said)
        done.append("full")
    with ganesha.Ganesha(scratch) as server:
        subprocess.run(["nfs-ls", "nfs://%s%s?version=4&nfsport=%d" % (server.address, ganesha.EXPORT, server.port)], check=True,
                       stdout=subprocess.DEVNULL)
        done.append("v4 on loopback port %d" % server.port)
    return ", ".join(done)


def curl(net, *argv):
    """The HTTP status, or the exit status of curl as a negative number."""
    argv = ["curl", "-sS", "-g", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", *argv]
    done = subprocess.run(net.argv(*argv) if net else [str(a) for a in argv], text=True, check=False, capture_output=True)
    return int(done.stdout) if done.returncode == 0 else -done.returncode


def check_nginx(scratch):
    """PUT over https, with and without the right certificates and passwords, over both protocols."""
    source, done = noise(scratch), []
    with Network(scratch) as net, client(scratch, net, CLIENT) as user:
        with nginx.Nginx(scratch, net, client_certificate=True, names=[network.FAR_IPV6]) as server:
            identity = ["--cert", server.client[0], "--key", server.client[1]]
            trust = ["--cacert", server.ca]
            for n, host in enumerate((network.FAR, network.FAR_IPV6)):
                put = ["-T", source, "%s/host-%d/noise" % (server.url(host), n)]
                check(curl(user, *trust, *identity, *put) == 201, "not stored:\n%s" % server.log())
                same(source, server.dumps / ("host-%d/noise" % n))
            chunked = curl(user, *trust, *identity, "-H", "Transfer-Encoding: chunked", "-T", source,
                           server.url() + "/chunked/noise")
            check(chunked == 201, "chunked: %d" % chunked)
            same(source, server.dumps / "chunked/noise")
            without = curl(user, *trust, *put)
            check(without == 400, "without a certificate: %d" % without)
            check(curl(user, *identity, *put) == -60, "a private authority was trusted")
            check(len(server.requests()) >= 4, "requests: %s" % server.requests())
            done.append("https with client certificate, IPv6, chunked")
        with nginx.Nginx(scratch, net, tls=False, password=True) as server:
            put = ["-T", source, server.url() + "/a/noise"]
            check(curl(user, *put) == 401, "no password was asked for")
            check(curl(user, "-u", "%s:%s" % (nginx.USER, nginx.PASSWORD), *put) == 201, "the password did not help")
            done.append("http with password")
        with nginx.Nginx(scratch, net, tls=False, size_mib=8) as server:
            stored = [curl(user, "-T", source, "%s/noise%d" % (server.url(), n)) for n in range(3)]
            check(stored[0] == 201 and (stored[-1] >= 500 or stored[-1] < 0), "full: %s" % stored)
            done.append("full: %d" % stored[-1])
    with nginx.Nginx(scratch) as server:
        check(curl(None, "--cacert", server.ca, "-T", source, server.url() + "/noise") == 201, "not stored at the loopback")
        done.append("loopback port %d" % server.port)
    return ", ".join(done)


def check_forwarder(scratch):
    """A web server of the loopback, in a network, that is busy for a while."""
    source = noise(scratch)
    with Network(scratch) as net, client(scratch, net, CLIENT) as user, nginx.Nginx(scratch, tls=False) as server, \
            forwarder.Forwarder(scratch, net, server.port, 8080) as front:
        put = ["-T", source, "http://%s:8080/dumps/noise" % network.FAR]
        check(curl(user, *put) == 201, "not stored")
        same(source, server.dumps / "noise")
        front.set_busy(True)
        busy = curl(user, *put)
        check(busy == 503, "a busy server answered %d" % busy)
        front.set_busy(False)
        slow = subprocess.Popen(user.argv("curl", "-sS", "--limit-rate", "200k", *put), stderr=subprocess.DEVNULL)
        time.sleep(2)
        front.set_busy(True)
        check(slow.wait(100) != 0, "a connection was not broken")
        front.set_busy(False)
        check(curl(user, *put) == 204, "not stored again")
        return "stored; 503 and broken connections while it is busy; stored again"


def check_dnsmasq(scratch):
    """A client gets an address by DHCP and one by advertisements, and asks for a name."""
    with Network(scratch) as net, client(scratch, net) as user, dnsmasq.Dnsmasq(scratch, net, slaac=True) as server:
        user.run("ip", "link", "set", "eth0", "address", network.mac(0))
        script = user.folder / "script"
        script.write_text("#!/bin/sh\n[ $1 != bound ] || ip address add $ip/$mask dev $interface && "
                          "[ $1 != bound ] || { ip route add default via $router; echo $dns; }\n")
        script.chmod(0o755)
        lease = user.run("busybox", "udhcpc", "-i", "eth0", "-s", script, "-n", "-q", "-f")
        check(network.GUEST in lease, "the lease: %s" % lease)
        check((network.mac(0), network.GUEST) in server.leases(), "leases: %s" % server.leases())
        check(" 0% packet loss" in ping(user, network.BEYOND), "no route")
        deadline = time.monotonic() + 20
        while "2001:db8:6b:" not in user.run("ip", "-6", "address", "show", "dev", "eth0"):
            check(time.monotonic() < deadline, "no advertisement came:\n%s" % server.log())
            time.sleep(0.2)
        check("default" in user.run("ip", "-6", "route"), "no route was advertised")
        found = user.run("busybox", "nslookup", dnsmasq.NAME, network.FAR)
        check(network.FAR_IPV6 in found and network.FAR in found, "nslookup: %s" % found)
        server.kill()
        status, _ = user.run("busybox", "udhcpc", "-i", "eth0", "-s", "/bin/true", "-n", "-q", "-f", "-t", "2", "-T", "1",
                             check=False)
        check(status != 0, "there is a lease from a server that is gone")
        return "lease %s, an address by advertisement, the name %s; and nothing once it is gone" % (network.GUEST, dnsmasq.NAME)


def check_virtiofsd(scratch):
    """Only that it waits for a guest: there is no other client."""
    with virtiofsd.Virtiofsd(scratch) as server:
        check(server.socket.is_socket(), "no socket")
        return "waits at its socket (no client but a guest)"


CHECKS = {name[6:]: f for name, f in list(globals().items()) if name.startswith("check_")}


def main():
    guestimage.enter_private_mounts()
    failed = 0
    for name in sys.argv[1:] or CHECKS:
        with tempfile.TemporaryDirectory(prefix="kdumpd-servers-", dir="/var/tmp") as scratch:
            Path(scratch).chmod(0o755)
            begun = time.monotonic()
            try:
                said = CHECKS[name](Path(scratch))
                print("ok   %-11s %5.1f s  %s" % (name, time.monotonic() - begun, said), flush=True)
            except (BedError, AssertionError, OSError, subprocess.SubprocessError) as e:
                failed += 1
                traceback.print_exc()
                print("FAIL %-11s %5.1f s  %s" % (name, time.monotonic() - begun, e), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
