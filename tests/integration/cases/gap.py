# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long no crash kernel is loaded during reloads of kdumpd and of Debian's kdump-tools, in the same guest and seen by the
same sampler; how much of ours is the kernel's own system call, also of a reload for a CPU that came, which forks nothing,
and of one that goes back."""

import re
import statistics

import bed
import guestimage
import hotplug
import plugged
import sampler
import shim

DEFAULT = False

RELOADS = 20
CALL_FACTOR = 1.1
CALL_SLACK_USEC = 2000  # of a call that takes less
ROLLBACK_FACTOR = 2.2  # two calls, of which one fails
FAIL_NEXT = "/run/kdumpd/fail-next-load"
PACKAGES = ["kdump-tools", "kexec-tools", "makedumpfile", "strace"]
# What the kernel's own postinst would have done, had kdump-tools been there.
SCRIPT = """
sed -i 's/^USE_KDUMP=.*/USE_KDUMP=1/' /etc/default/kdump-tools
/etc/kernel/postinst.d/kdump-tools "$(ls /usr/lib/modules)"
systemctl disable kdump-tools.service
"""
TRACE = "systemd-run -q --unit=tracer strace -f -T -e trace=kexec_load,kexec_file_load,%process -o /root/trace -p %s; " \
        "until grep -qs '^TracerPid:.*[1-9]' /proc/%s/status; do sleep 0.1; done"


def tell(name, watched):
    gaps = watched.gaps
    bed.check(len(gaps) == RELOADS, "%s: %d gaps were seen during %d reloads: %s us" % (name, len(gaps), RELOADS, gaps))
    bed.note("%s: median %.0f ms, worst %.0f ms (%d samples, at most %d us between two)" %
             (name, statistics.median(gaps) / 1e3, max(gaps) / 1e3, watched.samples, watched.longest_usec))
    return statistics.median(gaps), max(gaps)


def theirs(guest):
    guest.run("systemctl enable --now kdump-tools", timeout=300)
    with sampler.watching(guest) as watched:
        for _ in range(RELOADS):
            guest.run("kdump-config reload", timeout=200)
    guest.run("systemctl disable --now kdump-tools", timeout=300)
    return tell("kdump-config reload", watched)


def ours(guest):
    guest.run("systemctl enable --now kdump", timeout=300)
    guest.check_armed()
    with sampler.watching(guest) as watched:
        for n in range(RELOADS):
            guest.configure("path /var/crash/%d" % n)
    return tell("kdumpctl reload", watched)


def trace(guest, act):
    """What happens while act() does, under strace. Returns (its lines, microseconds of each load, the gaps)."""
    pid = guest.run("systemctl show -p MainPID --value kdump").strip()
    guest.run("rm -f /root/trace; " + TRACE.replace("%s", pid))
    with sampler.watching(guest) as watched:
        act()
    guest.run("systemctl stop tracer")
    text = guest.run("cat /root/trace")
    calls = [float(took) * 1e6 for took in re.findall(r"kexec_(?:file_)?load\(.*<([0-9.]+)>", text)]
    return text, calls, watched.gaps


def one_load(guest, name, act):
    text, calls, gaps = trace(guest, act)
    bed.check(len(calls) == 1 and len(gaps) == 1, "%s: calls: %s, gaps: %s us" % (name, calls, gaps))
    bed.note("%s: gap %d us, of them %d us in the system call" % (name, gaps[0], calls[0]))
    bed.check(gaps[0] <= CALL_FACTOR * calls[0] + CALL_SLACK_USEC, "the gap is more than %.1f times the call" % CALL_FACTOR)
    said = guest.state()["gap_usec"]
    bed.check(said >= gaps[0], "kdumpd says %d us, the gap was longer" % said)
    return text


def plug(guest):
    before = guest.state()
    hotplug.plug_cpu(guest, plugged.CPUS[0])
    plugged.wait_known(guest, before["loaded_n_cpus"] + 1, before["loaded_ram_bytes"])


def fail(guest):
    guest.write(FAIL_NEXT, "")
    guest.write("/etc/kdump.conf", "path /var/crash/failing\n")
    guest.wait_state("degraded", "failed to load")


def rolled_back(guest):
    shim.preload(guest, FAIL_NEXT)
    _, calls, gaps = trace(guest, lambda: fail(guest))
    bed.check(len(calls) == 2 and len(gaps) == 1, "rollback: calls: %s, gaps: %s us" % (calls, gaps))
    bed.note("rollback: gap %d us, the calls took %d and %d us" % (gaps[0], *calls))
    bed.check(gaps[0] <= ROLLBACK_FACTOR * calls[1], "the gap is more than %.1f times the call" % ROLLBACK_FACTOR)


def run():
    image = guestimage.image_with(bed.context.image, PACKAGES, SCRIPT)
    guest = bed.start(image=image)
    peer, own = theirs(guest), ours(guest)
    bed.note("ours to theirs: median %.2f, worst %.2f" % (own[0] / peer[0], own[1] / peer[1]))
    one_load(guest, "reload", lambda: guest.configure("path /var/crash/traced"))
    text = one_load(guest, "hotplug", lambda: plug(guest))
    forks = re.findall(r".*\b(?:clone3?|v?fork|execve)\(.*", text)
    bed.check(not forks, "a reload for a CPU forked: %s" % forks)
    rolled_back(guest)
