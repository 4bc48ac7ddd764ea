# SPDX-License-Identifier: LGPL-2.1-or-later
"""FarFaults: what goes wrong in more than one case with servers, in the same way."""

import re

import bed
import far
from servers import ganesha, network, sshd

STALL_SECONDS, CONNECT_SECONDS = 20, 20
LIMITS = ("target_timeout %ds" % STALL_SECONDS, "target_connect %ds" % CONNECT_SECONDS)
PARTS = {"mount": 0, "write": 0.4, "sync": 0.95}  # of the dump that are there

GRACE_SECONDS = 10  # what giving up may take
ENDED = r"nothing saved|log only|incomplete$|full$|complete$"
WENT_ON = r"\S+ \S+ folder |mounted |saving "


def said(guest, target):
    """What the crash kernel said of a target: [(its seconds, text)]."""
    found = re.findall(r"\[ *(\d+\.\d+)\] kdump-capture: target %d: (.*)" % target, guest.console())
    bed.check(found, "the console says nothing of target %d" % target)
    return [(float(seconds), text.strip()) for seconds, text in found]


def time_of(guest, target, pattern):
    """When that was said first."""
    for seconds, text in said(guest, target):
        if re.match(pattern, text):
            return seconds
    raise bed.BedError("the console does not say '%s' of target %d" % (pattern, target))


def check_waited(guest, target, limit):
    """It was given up, and that within @limit seconds after it last went on, by the clock of the crash kernel."""
    last, mib = None, -1
    for seconds, text in said(guest, target):
        progress = re.match(r"\d+ %, (\d+) of ", text)
        if re.match(ENDED, text):
            break
        if re.match(WENT_ON, text) or (progress and int(progress[1]) > mib):
            last, mib = seconds, int(progress[1]) if progress else mib
    else:
        raise bed.BedError("the console does not say what became of target %d" % target)
    bed.check(last is not None, "the console does not say when target %d was begun with" % target)
    took = seconds - last
    bed.check(not text.startswith("complete"), "target %d was not given up" % target)
    bed.note("target %d was given up %.1f s after it last went on, the limit is %d s" % (target, took, limit))
    bed.check(took <= limit + GRACE_SECONDS, "that is too long")


def check_deadline(guest, target, limit):
    """It ended within @limit seconds after it was begun with, whatever it came to."""
    took = time_of(guest, target, ENDED) - time_of(guest, target, WENT_ON)
    bed.note("target %d took %.1f s, the limit is %d s" % (target, took, limit))
    bed.check(took <= limit + GRACE_SECONDS, "that is too long")
    return took


def nfs_stopped(when):
    net = far.make_network()
    server = far.use(ganesha.Ganesha(bed.context.scratch, net))
    guest = far.start(net)
    guest.fill_memory(100)
    far.static(guest)
    guest.configure(*LIMITS, "nfs " + server.what(), "path /dumps", *far.LOCAL, "core_collector makedumpfile -l -d 1")
    n_bytes = PARTS[when] * far.estimate(guest, level=1)
    if not n_bytes:
        server.pause()

    def stop():
        if n_bytes:
            far.wait_stored(guest, server.data / "dumps", n_bytes)
            server.pause()

    far.crash(guest, stop, timeout=600)
    far.check_local(guest)
    check_waited(guest, 1, STALL_SECONDS if n_bytes else CONNECT_SECONDS)
    if n_bytes:
        bed.find_dump(server.data / "dumps").check_nothing_claimed()
    else:
        far.check_none(server.data / "dumps", "at a server that had stopped")


def signalled(signal):
    """Of the attempts, the one at the ssh server is in the middle of the dump."""
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    guest.fill_memory(100)
    far.static(guest)
    far.configure_ssh(guest, server, more=[*far.LOCAL, far.signal_attempts(guest, signal), "core_collector makedumpfile -l -d 1"])
    n_bytes = far.estimate(guest, level=1)

    def hit():
        far.wait_stored(guest, server.dumps, n_bytes / 4)
        guest.type("now")

    far.crash(guest, hit, timeout=600)
    bed.check_in("far: SIG" + signal, guest.console(), "console")
    with far.local(guest) as folder:
        found = [d for d in bed.find_dumps(server.dumps) + bed.find_dumps(folder) if d.vmcore.exists()]
        bed.check(len(found) == 1, "%d targets have a dump" % len(found))
        found[0].check()


def cable(guest, net, act, *lines):
    """A dump over ssh while @act() does something to the network; returns the server."""
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    far.static(guest)
    far.trust(guest, server)
    guest.configure(*lines, *far.ssh_lines(server), *far.LOCAL)
    far.crash(guest, lambda: act(server), timeout=1200)
    return server


def reached_from(server):
    """The addresses that its clients had."""
    return {line.split(" from ")[1].split()[0] for line in server.log().splitlines() if line.startswith("Accepted publickey")}


def forget(server):
    server.log_path.write_text("")


def lan(n=0):
    """How networkd names the NIC."""
    return "[Match]\nMACAddress=%s\n" % network.mac(n)
