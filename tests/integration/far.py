# SPDX-License-Identifier: LGPL-2.1-or-later
"""Far: guests that are wired to a Network (servers/network.py), and what the cases with servers have in common.

    def run():
        net = far.make_network()
        server = far.use(sshd.Sshd(bed.context.scratch, net))
        guest = far.start(net)
        far.static(guest)
        far.configure_ssh(guest, server)
        far.crash(guest)
        far.check_dump(server.dumps)

The guest's image has what targets off the box need, in its Debian and in the crash kernel's base image, and a snapshot
of its own, armed for the root file system, with the NICs there and none of them used."""

import contextlib
import json
import re
import shutil
import subprocess
import time

import bed
import guestimage
import machine
from servers import network
from servers.sshd import USER

PACKAGES = """nfs-common openssh-client libssh-4 libcurl4 ca-certificates lvm2 mdadm dmsetup netbase iputils-ping""".split()
# What the Plans of the cases ask of the base image, by kind of target: none of them is to wait for dracut in an emulated
# guest. (Modules, then programs, by the paths that kdumpd finds them at.)
NETWORK = ("virtio_net virtio_pci af_packet ipv6", "/usr/lib/systemd/systemd-networkd")
KINDS = {
    "local": [],
    "ssh": [NETWORK, ("", "/usr/lib/kdumpd/depot-ssh.so")],
    "url": [NETWORK, ("", "/usr/lib/kdumpd/depot-curl.so")],
    "nfs": [NETWORK, ("nfs nfsv3 nfsv4", "")],
    "stacks": [NETWORK, ("8021q bonding bridge", "")],
    "virtiofs": [("virtiofs virtio_pci", "")],
    "lvm": [("dm_mod", "/usr/sbin/lvm")],
    "md": [("raid1", "/usr/sbin/mdadm /usr/sbin/mdmon")],
}
SCRIPT = """%s
set -- --kernel "$(ls /usr/lib/modules)"
for name in %s; do set -- "$@" --add-driver "$name"; done
for path in %s; do set -- "$@" --add-binary "$path"; done
/usr/lib/kdumpd/kdumpd build "$@"
systemctl mask mdmonitor.service mdcheck_start.timer mdcheck_continue.timer mdmonitor-oneshot.timer nfs-client.target \
    rpcbind.service rpcbind.socket systemd-networkd-wait-online.service
"""

KEY, KNOWN_HOSTS = "/root/.ssh/kdump_id_ed25519", "/root/.ssh/known_hosts"
SECRETS = "/etc/kdump/credentials"
PATIENCE = ("target_timeout 60s", "target_connect 30s")  # of emulated guests


# --- the guest ---

def unplugged():
    """The NICs of the snapshot: what they are wired to is no part of its state."""
    return [w for n in range(network.NICS) for w in
            ("-netdev", "hubport,id=net%d,hubid=%d" % (n, n), "-device", nic_device(n))]


def nic_device(n):
    return "virtio-net-pci,id=nic%d,netdev=net%d,mac=%s,romfile=" % (n, n, network.mac(n))


def script(kinds):
    # For one kind of target, all else in the image is for the guest's own root, which is armed first; the base that is
    # there serves roots of all file systems.
    everything = kinds == tuple(KINDS)
    drivers = [d for d in guestimage.DRIVERS if everything or d not in ("xfs", "btrfs")]
    binaries = []
    for kind in kinds:
        for more_drivers, more_binaries in KINDS[kind]:
            drivers += more_drivers.split()
            binaries += more_binaries.split()
    return SCRIPT % ("" if everything else "rm -r /var/lib/kdumpd/base", " ".join(dict.fromkeys(drivers)), " ".join(dict.fromkeys(binaries)))


def build(folder, image, kinds, packages):
    guestimage.build_with(folder, image, packages, script(kinds))
    info = json.loads((image / "info.json").read_text())
    info["options"] = info["options"] + unplugged()
    (folder / "info.json").unlink()
    (folder / "info.json").write_text(json.dumps(info, indent=1))


def prepare(snapshot, kinds=tuple(KINDS), packages=()):
    """Returns (image folder, snapshot folder or None), as guestimage.prepare() does. @kinds: of targets that the crash
    kernel's image is for. @packages: more of Debian."""
    image = bed.context.image
    cache = guestimage.Cache()
    with cache.locked():
        packages = PACKAGES + list(packages)
        key = guestimage.digest(packages, script(kinds), unplugged())
        prefix = "far" if tuple(kinds) == tuple(KINDS) else "kind"
        own = cache.get(image, prefix, key, lambda t: build(t, image, kinds, packages))
        if not snapshot:
            return own, None
        return own, cache.get(own, "snapshot", guestimage.snapshot_key(own), lambda t: guestimage.build_snapshot(t, own))


def wired(image, net, options):
    """A folder that says how to boot the image with its NICs in @net."""
    folder = bed.context.scratch / ("wired-%d" % bed.context.guests)
    folder.mkdir()
    for name in ("vmlinuz", "initrd.img"):
        (folder / name).symlink_to(image / name)
    info = json.loads((image / "info.json").read_text())
    plain = info["options"][:-len(unplugged())]
    nics = [w for n in range(network.NICS) for w in ("-device", nic_device(n))]
    (folder / "info.json").write_text(json.dumps(dict(info, options=plain + net.qemu_options() + nics + list(options))))
    return folder


def use(server):
    """Starts a server, or a network, for the rest of the case; its log stays with the results."""
    bed.context.stack.callback(keep_log, server)
    return bed.context.stack.enter_context(server)


def keep_log(server):
    path = getattr(server, "log_path", None)
    if path and path.exists():
        shutil.copy(path, bed.context.results / (server.folder.name + ".log"))


def make_network():
    return use(network.Network(bed.context.scratch))


def start(net, snapshot=True, crashkernel=guestimage.CRASHKERNEL, append="", options=(), kinds=tuple(KINDS), packages=()):
    """A guest whose NICs are in @net, armed with the default configuration: restored from the snapshot, or booted. @options: more
    of qemu; such a guest cannot be restored. @kinds, @packages: as of prepare()."""
    image, saved = prepare(snapshot and not options, kinds, packages)
    guest = bed.Guest(saved, crashkernel, append, machine.CPUS, machine.MEMORY_MIB, image, 0)
    guest.image = wired(image, net, options)
    if saved:
        guest.power_on(saved / "state")
    else:
        guest.boot()
        guest.run("systemctl enable --now kdump", timeout=200)
        guest.check_armed()
    return guest


# --- its network ---

def nic(guest, n=0):
    """The name of a NIC."""
    return guest.run("grep -lix %s /sys/class/net/*/address" % network.mac(n)).split("/")[4]


def wait(guest, condition, timeout=60):
    guest.run("until %s; do sleep 0.2; done" % condition, timeout=timeout)


def wait_reaches(guest, address):
    wait(guest, "ping -c 1 -W 1 %s >/dev/null 2>&1" % address)


def static(guest, n=0, addresses=(network.GUEST + "/24", network.GUEST_IPV6 + "/64"), gateways=(network.FAR,)):
    """As an administrator would by hand; returns the name of the NIC."""
    name = nic(guest, n)
    lines = ["ip link set %s up" % name]
    lines += ["ip address add %s dev %s%s" % (a, name, " nodad" if ":" in a else "") for a in addresses]
    lines += ["ip route add default via %s dev %s" % (g, name) for g in gateways]
    guest.run(" && ".join(lines))
    return name


def networkd(guest, **files):
    """Units of systemd-networkd in the running system: name of the file with '_' for '.', and its text."""
    for name, text in files.items():
        guest.write("/etc/systemd/network/" + name.replace("_", "."), text)
    guest.run("systemctl restart systemd-networkd")


def resolver(guest, address=network.FAR):
    guest.write("/etc/resolv.conf", "nameserver %s\n" % address)


def wait_address(guest, name, address):
    wait(guest, "ip -o address show dev %s | grep -qF ' %s/'" % (name, address))


def wait_generation(guest, before, timeout=120):
    """Until a newer one than that of the state file @before is armed, without a word from us; returns the state."""
    deadline = time.monotonic() + bed.seconds(timeout)
    while True:
        state = guest.state()
        if state["generation"] > before["generation"] and state["state"] == "armed":
            return state
        bed.check(time.monotonic() < deadline, "generation %d is still there: %s" % (before["generation"], state))
        guest.machine.monitor.poll(0.3)


def check_refused(guest, lines, *words):
    """This configuration is refused for a reason with these words, and what is armed stays."""
    before = guest.state()
    guest.write("/etc/kdump.conf", "".join(line + "\n" for line in lines))
    status, said = guest.status("kdumpctl reload", timeout=120)
    said += guest.run("kdumpctl status", check=False)
    bed.check(status != 0, "it was taken: %s" % said)
    for word in words:
        bed.check_in(word, said, "why it was refused")
    bed.check(guest.state()["loads"] == before["loads"], "something else was loaded")
    bed.check(guest.run("cat /sys/kernel/kexec_crash_loaded").strip() == "1", "nothing is armed any more")


# --- its configuration ---

def configure(guest, *lines):
    """The directives of one target or more, with the patience that an emulated guest needs."""
    guest.configure(*PATIENCE, *lines)


def trust(guest, server, host=None, host_key=None):
    """The server's key as the administrator has accepted it, and the key that lets in."""
    guest.write(KEY, server.key, 0o600)
    guest.write(KNOWN_HOSTS, server.known_hosts(host, host_key), 0o600)


def ssh_lines(server, host=None):
    lines = ["ssh %s@%s" % (USER, host or server.address), "path %s" % server.path, "sshkey %s" % KEY]
    return lines + (["ssh_port %d" % server.port] if server.port != 22 else [])


def configure_ssh(guest, server, host=None, more=()):
    trust(guest, server, host)
    configure(guest, *ssh_lines(server, host), *more)


# --- a second target, on a disk of the guest ---

LOCAL = ("ext4 UUID=" + bed.EXT4_UUID, "path /dumps")


@contextlib.contextmanager
def local(guest):
    """What is in its folder."""
    with guest.disk("ext4") as disk:
        yield disk / "dumps"


def check_local(guest):
    with local(guest) as folder:
        return bed.find_dump(folder).check()


def check_log_only(folder):
    """A target that answered, and was not the one that got the dump."""
    dump = bed.find_dump(folder)
    dump.check_log()
    dump.meta()
    bed.check(not dump.vmcore.exists(), "the vmcore is there as well: %s" % " ".join(dump.files))


# --- the panic ---

def crash(guest, act=None, timeout=300):
    """A panic, then @act(), until the guest is back. Returns the seconds that took."""
    guest.panic()
    guest.wait_console(re.escape(bed.PANIC_LINE))
    begun = time.monotonic()
    if act:
        act()
    guest.wait_reset(timeout)
    took = time.monotonic() - begun
    bed.note("%.0f s from the panic to the reset" % took)
    return took


def estimate(guest, level=31):
    """About how many bytes the dump will have."""
    text = guest.run("/usr/lib/kdumpd/kdump-capture estimate /proc/kcore --json --dump-level=%d 2>/dev/null" % level, timeout=200)
    return json.loads(text)["levels"][0]["vmcore_bytes"]


def stored(folder):
    """Bytes of the vmcores below a folder of a server that are there."""
    total = 0
    for path in folder.rglob("vmcore*"):
        with contextlib.suppress(OSError):  # renamed meanwhile
            if path.suffix != ".txt":
                total += min(path.stat().st_blocks * 512, path.stat().st_size)
    return total


def wait_stored(guest, folder, n_bytes, timeout=300):
    deadline = time.monotonic() + bed.seconds(timeout)
    while stored(folder) < n_bytes:
        bed.check(time.monotonic() < deadline, "only %d of %d bytes were stored" % (stored(folder), n_bytes))
        bed.check(not guest.machine.monitor.saw("SHUTDOWN"), "the guest was back with %d of %d bytes stored" %
                  (stored(folder), n_bytes))
        guest.machine.monitor.poll(0.05)
    bed.step("%.1f MiB stored" % (stored(folder) / 2**20))


SIGNAL = """(
        read -r _ </dev/ttyS0
        for p in /proc/[0-9]*; do
                read -r comm <$p/comm || continue
                [ "$comm" = kdump-attempt ] || continue
                echo "<4>far: SIG{signal} to ${{p#/proc/}}" >/dev/kmsg
                kill -{signal} ${{p#/proc/}}
        done
) >/dev/null 2>&1 &
exit 0"""


def signal_attempts(guest, signal):
    """The directive that has all attempts get this signal when a line is typed: guest.type("now")."""
    guest.script("/etc/kdump/signal.sh", SIGNAL.format(signal=signal))
    return "kdump_pre /etc/kdump/signal.sh"


# --- what came of it ---

def output(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, errors="replace", check=False)
    bed.check(done.returncode == 0, "'%s' ended with %d:\n%s%s" %
              (argv[0], done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
    return done.stdout


LIBKDUMPFILE = "import kdumpfile, sys; print(kdumpfile.kdumpfile(sys.argv[1]).attr['linux.uts.release'])"


def check_readers(vmcore, release, flat=False):
    """crash and libkdumpfile open it; a flattened one is arranged for the latter, and the result returned."""
    found = output("crash", "--osrelease", vmcore).strip()
    bed.check(found == release, "crash --osrelease says '%s', not '%s'" % (found, release))
    if flat:
        plain = bed.context.scratch / "arranged"
        with open(vmcore, "rb") as f:
            done = subprocess.run(["makedumpfile", "-R", plain], stdin=f, capture_output=True, text=True,
                                              check=False)
        bed.check(done.returncode == 0, "makedumpfile -R ended with %d:\n%s" % (done.returncode, done.stderr[-2000:]))
        vmcore = plain
    found = output("/usr/bin/python3", "-c", LIBKDUMPFILE, vmcore).strip()
    bed.check(found == release, "libkdumpfile says '%s', not '%s'" % (found, release))
    return vmcore


def check_dump(folder):
    """The one dump below @folder of a server that keeps files as they were sent; returns it."""
    dump = bed.find_dump(folder).check()
    check_readers(dump.vmcore, dump.meta()["kernel_release"])
    bed.note("vmcore %.1f MiB" % (dump.vmcore.stat().st_size / 2**20))
    return dump


class Stream(bed.Dump):
    """A dump at a server that takes bytes in their order only."""

    def __init__(self, folder):
        super().__init__(folder)
        self.vmcore = folder / "vmcore.flat"

    def check_stream(self):
        """All but modes, which are the server's; returns the arranged dump."""
        self.check_log()
        bed.check(self.vmcore.exists(), "no vmcore.flat, only: %s" % " ".join(self.files))
        bed.check(not [n for n in self.files if "incomplete" in n], "left over: %s" % " ".join(self.files))
        meta = self.meta()
        bed.check(meta.get("status") == "complete", "meta.json: expected status complete: %s" % meta)
        bed.note("vmcore.flat %.1f MiB" % (self.vmcore.stat().st_size / 2**20))
        return check_readers(self.vmcore, meta["kernel_release"], flat=True)


def find_stream(folder):
    return Stream(bed.find_dump(folder).folder)


def check_none(folder, what):
    bed.check(not bed.find_dumps(folder), "there is a dump %s" % what)


def check_secret(secret, *folders):
    """No file there holds these words, but for memory, which is what it was."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and path.stem != "vmcore":
                bed.check(secret.encode() not in path.read_bytes(), "'%s' holds a secret" % path.name)


# --- a second copy of the same panic ---

COPY = """while ! [ -b {disk} ]; do sleep 0.2; done
/usr/lib/kdumpd/kdump-capture save /proc/vmcore - --format=flat --dump-level={level} | dd of={disk} bs=1M conv=fsync"""


def copy_locally(guest, level=31):
    """The directive that has the dump written to the scratch disk as well, before the targets have their turn."""
    guest.script("/etc/kdump/copy.sh", COPY.format(disk=bed.DISK_PATH % "scratch", level=level))
    return "kdump_pre /etc/kdump/copy.sh"


def check_same(guest, vmcore):
    """Page by page as the copy on the scratch disk."""
    with guest.raw_disk("scratch") as raw:
        bed.note(output("/usr/bin/python3", bed.HERE / "compare-dumps.py", vmcore, raw).strip().splitlines()[-1])


