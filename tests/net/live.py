#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""live.py NET-LIVE NET-LIVE-WAIT: has networks planned that are really there, each in a namespace of its own, and
lets systemd-networkd make of the plan what it will in the crash kernel: addresses and routes must be the same again.
Needs root and networkd; exits with 77 without them. What the kernel lacks (bonds, VLANs) is left out, and said."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from servers import DhcpServer, Router

NETWORKD = "/usr/lib/systemd/systemd-networkd"
FAR_IPV4, FAR_IPV6 = "203.0.113.5", "2001:db8:5::1"
MAC = "52:54:00:12:34:56"


def ip(*words, namespace=None, check=True):
    command = ["ip"] + (["-n", namespace] if namespace else []) + list(words)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(command), done.stderr.strip()))
    return done


def become_networkd(units):
    """In a mount namespace of its own: a /run and an /etc/systemd/network that nobody else has, and a /sys that is
    read-only, which tells networkd that there is no udev to wait for."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    os.mkdir("/run/systemd")
    os.makedirs("/etc/systemd/network", exist_ok=True)
    subprocess.run(["mount", "--bind", units, "/etc/systemd/network"], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", "/sys"], check=True)
    os.environ["SYSTEMD_LOG_TARGET"] = "console"
    os.environ["SYSTEMD_LOG_LEVEL"] = os.environ.get("KDUMPD_TEST_LOG", "notice")
    os.environ.pop("NOTIFY_SOCKET", None)
    os.execv(NETWORKD, [NETWORKD])


class Bed:
    """Two namespaces with a cable between them: `near` is the machine, `far` what it reaches."""

    def __init__(self, net_live, net_live_wait):
        self.programs = net_live, net_live_wait
        self.near, self.far = ("kdump-test-%d-%s" % (os.getpid(), side) for side in ("near", "far"))
        self.folder = Path(tempfile.mkdtemp(prefix="kdumpd-net-"))
        os.chmod(self.folder, 0o755)
        self.log = self.folder / "networkd.log"
        self.networkd = None

    def __enter__(self):
        for namespace in (self.near, self.far):
            ip("netns", "add", namespace)
            ip("link", "set", "lo", "up", namespace=namespace)
        ip("link", "add", "nic0", "netns", self.near, "address", MAC, "type", "veth", "peer", "name", "far0", "netns",
           self.far)
        for address in ("192.0.2.1/24", "2001:db8:1::1/64"):
            ip("address", "add", address, "dev", "far0", "nodad", namespace=self.far)
        ip("address", "add", FAR_IPV4 + "/32", "dev", "lo", namespace=self.far)
        ip("address", "add", FAR_IPV6 + "/128", "dev", "lo", namespace=self.far)
        ip("link", "set", "far0", "up", namespace=self.far)
        return self

    def __exit__(self, *_):
        self.stop_networkd()
        for namespace in (self.near, self.far):
            ip("netns", "delete", namespace, check=False)
        shutil.rmtree(self.folder)

    def near_ip(self, *words, check=True):
        return ip(*words, namespace=self.near, check=check)

    def run_near(self, *command, **options):
        return subprocess.run(["ip", "netns", "exec", self.near, *map(str, command)], check=False, text=True,
                              capture_output=True, **options)

    def plan(self, *addresses):
        """Returns what was said."""
        done = self.run_near(self.programs[0], self.folder, *addresses)
        if done.returncode != 0:
            raise RuntimeError("net-live: %s" % done.stderr)
        return done.stderr

    def wait(self, address, seconds=60, patience_usec=None):
        path = self.folder / "network.json"
        network = json.loads(path.read_text())
        for link in network["links"]:
            # What passes for hardware here is none, and would not be found as such.
            link.pop("mac", None)
            if patience_usec is not None:
                link["patience_usec"] = patience_usec
        path.write_text(json.dumps(network))
        return self.run_near(self.programs[1], path, seconds, address)

    def start_networkd(self):
        command = ["ip", "netns", "exec", self.near, "unshare", "--mount", sys.executable, __file__, "--networkd"]
        with open(self.log, "ab") as log:
            self.networkd = subprocess.Popen([*command, str(self.folder)], stderr=log)

    def stop_networkd(self):
        if self.networkd:
            self.networkd.kill()
            self.networkd.wait()
            self.networkd = None

    def complaints(self):
        """What networkd did not understand, or would not do."""
        text = self.log.read_text() if self.log.exists() else ""
        return [line for line in text.splitlines() if "/etc/systemd/network" in line or "Failed" in line]

    def forget(self, *links):
        """As the crash kernel finds it: bare hardware."""
        for link in links:
            self.near_ip("link", "delete", link)
        self.near_ip("address", "flush", "dev", "nic0")
        self.near_ip("link", "set", "nic0", "down", "nomaster", "mtu", "1500")

    def state(self, link="nic0"):
        """Addresses of everywhere, and the routes to all that is far, in a form that can be compared."""
        listed = self.near_ip("-j", "address", "show", "dev", link, check=False).stdout or "[]"
        addresses = sorted("%s/%d" % (a["local"], a["prefixlen"]) for entry in json.loads(listed)
                           for a in entry.get("addr_info", []) if a["scope"] == "global" and not a.get("tentative"))
        routes = []
        for address in (FAR_IPV4, FAR_IPV6):
            done = self.near_ip("-j", "route", "get", address, check=False)
            for route in json.loads(done.stdout or "[]") if done.returncode == 0 else []:
                routes.append(tuple(route.get(key) for key in ("dst", "gateway", "dev", "prefsrc")))
        mtu = [entry["mtu"] for entry in json.loads(listed)]
        return {"addresses": addresses, "routes": routes, "mtu": mtu}

    def expect(self, wanted, link="nic0"):
        """Waits until the state is as wanted."""
        end = time.monotonic() + 60
        while self.state(link) != wanted:
            if time.monotonic() > end:
                raise RuntimeError("is %s,\nnot %s" % (self.state(link), wanted))
            time.sleep(0.1)

    def reaches(self, *addresses):
        for address in addresses:
            done = self.run_near(sys.executable, __file__, "--reach", address)
            if done.returncode != 0:
                raise RuntimeError("%s is not reached: %s" % (address, done.stderr))


def reach(address):
    """A port that nobody listens at answers, too: with a reset."""
    import socket
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        try:
            s.connect((address, 9))
        except ConnectionRefusedError:
            pass


def again(bed, links, *addresses, device="nic0"):
    """Plans, forgets, and has networkd do what was planned."""
    wanted = bed.state(device)
    bed.plan(*addresses)
    bed.forget(*links)
    bed.start_networkd()
    bed.expect(wanted, device)
    bed.reaches(*addresses)
    done = bed.wait(addresses[0])
    if done.returncode != 0 or "nic0" in done.stderr and "Nobody" in done.stderr:
        raise RuntimeError("net-live-wait: %s" % done.stderr)


def set_static(bed, device="nic0"):
    bed.near_ip("link", "set", "nic0", "up")
    bed.near_ip("link", "set", device, "up")
    bed.near_ip("address", "add", "192.0.2.7/24", "dev", device)
    bed.near_ip("address", "add", "2001:db8:1::7/64", "dev", device, "nodad")
    bed.near_ip("route", "add", "default", "via", "192.0.2.1")
    bed.near_ip("-6", "route", "add", "default", "via", "2001:db8:1::1", "dev", device)


def case_static(bed):
    bed.near_ip("link", "set", "nic0", "mtu", "1400")
    set_static(bed)
    # Neither of these leads to the target.
    bed.near_ip("link", "add", "other", "type", "bridge")
    bed.near_ip("address", "add", "198.51.100.7/24", "dev", "other")
    again(bed, ["other"], FAR_IPV4, FAR_IPV6)
    if bed.near_ip("link", "show", "other", check=False).returncode == 0:
        raise RuntimeError("'other' was set up, too")


def case_only_what_leads_there(bed):
    set_static(bed)
    bed.near_ip("address", "add", "192.0.2.99/24", "dev", "nic0")
    bed.plan(FAR_IPV4)
    bed.forget()
    bed.start_networkd()
    bed.expect({"addresses": ["192.0.2.7/24"], "mtu": [1500],
                "routes": [(FAR_IPV4, "192.0.2.1", "nic0", "192.0.2.7")]})


def case_gateway_elsewhere(bed):
    """A machine with one address and no network, as clouds have them."""
    bed.near_ip("link", "set", "nic0", "up")
    bed.near_ip("address", "add", "192.0.2.7/32", "dev", "nic0")
    bed.near_ip("route", "add", "default", "via", "192.0.2.1", "dev", "nic0", "onlink")
    again(bed, [], FAR_IPV4)


def case_policy_routing(bed):
    bed.near_ip("link", "set", "nic0", "up")
    bed.near_ip("address", "add", "192.0.2.7/24", "dev", "nic0")
    bed.near_ip("route", "add", "default", "via", "192.0.2.1", "table", "100")
    bed.near_ip("rule", "add", "to", FAR_IPV4, "table", "100")
    wanted = bed.state()
    bed.plan(FAR_IPV4)
    bed.forget()
    bed.near_ip("rule", "delete", "to", FAR_IPV4, "table", "100")
    bed.start_networkd()
    bed.expect(wanted)
    bed.reaches(FAR_IPV4)


def case_bridge(bed):
    bed.near_ip("link", "add", "br0", "type", "bridge")
    bed.near_ip("link", "set", "nic0", "master", "br0")
    bed.near_ip("link", "add", "veth7", "type", "veth", "peer", "name", "veth8")
    bed.near_ip("link", "set", "veth7", "master", "br0", "up")
    set_static(bed, "br0")
    again(bed, ["br0", "veth7"], FAR_IPV4, FAR_IPV6, device="br0")


def case_vlan_on_bond(bed):
    bed.near_ip("link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "100")
    bed.near_ip("link", "set", "nic0", "down", "master", "bond0")
    bed.near_ip("link", "set", "bond0", "up")
    bed.near_ip("link", "add", "link", "bond0", "name", "bond0.7", "type", "vlan", "id", "7")
    ip("address", "flush", "dev", "far0", namespace=bed.far)
    ip("link", "add", "link", "far0", "name", "far0.7", "up", "type", "vlan", "id", "7", namespace=bed.far)
    ip("address", "add", "192.0.2.1/24", "dev", "far0.7", namespace=bed.far)
    ip("address", "add", "2001:db8:1::1/64", "dev", "far0.7", "nodad", namespace=bed.far)
    set_static(bed, "bond0.7")
    again(bed, ["bond0.7", "bond0"], FAR_IPV4, FAR_IPV6, device="bond0.7")


def set_lease(bed):
    """As a DHCP client leaves it."""
    bed.near_ip("link", "set", "nic0", "up")
    bed.near_ip("address", "add", "192.0.2.77/24", "valid_lft", "3600", "preferred_lft", "3600", "dev", "nic0")
    bed.near_ip("route", "add", "default", "via", "192.0.2.1", "proto", "dhcp", "metric", "100")


def case_dhcp(bed):
    set_lease(bed)
    with DhcpServer(bed.far, "far0", "192.0.2.77", "192.0.2.1") as server:
        again(bed, [], FAR_IPV4)
        if server.client_id() != b"\x01" + bytes.fromhex(MAC.replace(":", "")):
            raise RuntimeError("the client says that it is %s" % server.client_id().hex())


def case_dhcp_as_the_client_of_the_lease(bed):
    """networkd itself had set up the link, and the server knows it by what it said then."""
    client_id = "ff1234abcd0002" + "0000ab11" + "0102030405060708"
    set_lease(bed)
    index = json.loads(bed.near_ip("-j", "link", "show", "dev", "nic0").stdout)[0]["ifindex"]
    leases = bed.folder / "root/run/systemd/netif/leases"
    leases.mkdir(parents=True)
    (leases / str(index)).write_text("ADDRESS=192.0.2.77\nCLIENTID=%s\n" % client_id)
    with DhcpServer(bed.far, "far0", "192.0.2.77", "192.0.2.1") as server:
        again(bed, [], FAR_IPV4)
        if server.client_id().hex() != client_id:
            raise RuntimeError("the client says that it is %s" % server.client_id().hex())


def case_dhcp_gives_another_address(bed):
    set_lease(bed)
    bed.plan(FAR_IPV4)
    bed.forget()
    with DhcpServer(bed.far, "far0", "192.0.2.78", "192.0.2.1"):
        bed.start_networkd()
        bed.expect({"addresses": ["192.0.2.78/24"], "mtu": [1500],
                    "routes": [(FAR_IPV4, "192.0.2.1", "nic0", "192.0.2.78")]})


def case_dhcp_gone(bed):
    set_lease(bed)
    wanted = bed.state()
    bed.plan(FAR_IPV4)
    bed.forget()
    bed.start_networkd()
    done = bed.wait(FAR_IPV4, patience_usec=1000000)
    if done.returncode != 0 or "Nobody has set up 'nic0'" not in done.stderr:
        raise RuntimeError("net-live-wait: %s" % done.stderr)
    bed.expect(wanted)
    bed.reaches(FAR_IPV4)
    # networkd, which goes on asking, leaves it alone; also when the cable was out.
    ip("link", "set", "far0", "down", namespace=bed.far)
    ip("link", "set", "far0", "up", namespace=bed.far)
    bed.expect(wanted)
    bed.reaches(FAR_IPV4)


def case_networkd_fails(bed):
    """Nothing at all is set up by anybody else."""
    set_static(bed)
    wanted = bed.state()
    bed.plan(FAR_IPV4, FAR_IPV6)
    bed.forget()
    done = bed.wait(FAR_IPV6, patience_usec=0)
    if done.returncode != 0 or "switched on 'nic0'" not in done.stderr:
        raise RuntimeError("net-live-wait: %s" % done.stderr)
    bed.expect(wanted)
    bed.reaches(FAR_IPV4, FAR_IPV6)


def case_cable_is_out_for_a_while(bed):
    set_static(bed)
    again(bed, [], FAR_IPV4, FAR_IPV6)
    wanted = bed.state()
    ip("link", "set", "far0", "down", namespace=bed.far)
    bed.expect(wanted)
    ip("link", "set", "far0", "up", namespace=bed.far)
    # The far side has lost its own IPv6 addresses by that.
    ip("address", "add", "2001:db8:1::1/64", "dev", "far0", "nodad", namespace=bed.far)
    bed.expect(wanted)
    bed.reaches(FAR_IPV4, FAR_IPV6)


def case_router_announces(bed):
    """The kernel makes an address of it; networkd is to come to the same, with the same half of its own."""
    # That half is no function of the hardware address here.
    bed.near_ip("link", "set", "nic0", "addrgenmode", "none")
    bed.near_ip("link", "set", "nic0", "up")
    bed.near_ip("token", "set", "::1234:5678:9abc:def0", "dev", "nic0", check=False)
    bed.near_ip("link", "set", "nic0", "addrgenmode", "eui64")
    with Router(bed.far, "far0", "2001:db8:1::"):
        end = time.monotonic() + 30
        while not bed.state()["addresses"] or not bed.state()["routes"]:
            if time.monotonic() > end:
                raise RuntimeError("the kernel makes nothing of the announcements: %s" % bed.state())
            time.sleep(0.1)
        again(bed, [], FAR_IPV6)


def case_before_the_network_is_up(bed):
    """What was known is used, and newer knowledge replaces it."""
    set_static(bed)
    bed.plan(FAR_IPV4)
    bed.forget()
    units = {path.name: path.read_text() for path in bed.folder.glob("*.network")}
    said = bed.plan(FAR_IPV4)
    if "the one that was there last" not in said:
        raise RuntimeError("it says '%s'" % said)
    if units != {path.name: path.read_text() for path in bed.folder.glob("*.network")}:
        raise RuntimeError("it is another one")


CASES = [case_static, case_only_what_leads_there, case_gateway_elsewhere, case_policy_routing, case_bridge,
         case_vlan_on_bond, case_dhcp, case_dhcp_as_the_client_of_the_lease, case_dhcp_gives_another_address,
         case_dhcp_gone, case_networkd_fails, case_cable_is_out_for_a_while, case_router_announces,
         case_before_the_network_is_up]


def kernel_has(kind):
    name = "kdump-test-%d-kinds" % os.getpid()
    if ip("netns", "add", name, check=False).returncode != 0:
        return False
    try:
        if kind == "vlan":
            ip("link", "add", "x0", "type", "veth", "peer", "name", "x1", namespace=name)
            words = ["link", "add", "link", "x0", "name", "x0.1", "type", "vlan", "id", "1"]
        else:
            words = ["link", "add", "x2", "type", kind]
        return ip(*words, namespace=name, check=False).returncode == 0
    finally:
        ip("netns", "delete", name)


def main(arguments):
    if os.geteuid() != 0 or not os.path.exists(NETWORKD) or not shutil.which("ip") or not kernel_has("bridge"):
        print("needs root, network namespaces, iproute2 and systemd-networkd")
        return 77
    programs, wanted = arguments[:2], arguments[2:]
    failed = 0
    for case in CASES:
        name = case.__name__[len("case_"):]
        if wanted and name not in wanted:
            continue
        if case is case_vlan_on_bond and not (kernel_has("vlan") and kernel_has("bond")):
            print("%s: left out, this kernel has none" % name)
            continue
        try:
            with Bed(*programs) as bed:
                case(bed)
                if bed.complaints():
                    raise RuntimeError("networkd says %s" % bed.complaints())
            print("%s: ok" % name, flush=True)
        except RuntimeError as error:
            failed += 1
            print("%s: FAILED: %s" % (name, error), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1] == "--networkd":
        become_networkd(sys.argv[2])
    if sys.argv[1] == "--reach":
        reach(sys.argv[2])
        sys.exit(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(sys.argv[1:]))
