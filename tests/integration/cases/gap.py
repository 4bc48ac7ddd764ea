# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long no crash kernel is loaded during reloads of kdumpd and of Debian's kdump-tools, in the same guest and seen by the
same sampler; and how much of ours is the kernel's own kexec_file_load()."""

import json
import re
import statistics

import bed
import guestimage
import sampler

DEFAULT = False

RELOADS = 20
CALL_FACTOR = 1.1
PACKAGES = ["kdump-tools", "kexec-tools", "makedumpfile", "strace"]
# What the kernel's own postinst would have done, had kdump-tools been there.
SCRIPT = """
sed -i 's/^USE_KDUMP=.*/USE_KDUMP=1/' /etc/default/kdump-tools
/etc/kernel/postinst.d/kdump-tools "$(ls /usr/lib/modules)"
systemctl disable kdump-tools.service
"""
TRACE = "systemd-run -q --unit=tracer strace -f -T -e trace=kexec_file_load,%process -o /root/trace -p %s; " \
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


def traced(guest):
    """One more reload, under strace."""
    pid = guest.run("systemctl show -p MainPID --value kdump").strip()
    guest.run(TRACE.replace("%s", pid))
    with sampler.watching(guest) as watched:
        guest.configure("path /var/crash/traced")
    guest.run("systemctl stop tracer")
    text = guest.run("cat /root/trace")
    calls = [float(took) * 1e6 for took in re.findall(r"kexec_file_load\(.*<([0-9.]+)>", text)]
    bed.check(len(calls) == 1 and len(watched.gaps) == 1, "calls: %s, gaps: %s us" % (calls, watched.gaps))
    bed.note("gap %d us, of them %d us in kexec_file_load()" % (watched.gaps[0], calls[0]))
    bed.check(watched.gaps[0] <= CALL_FACTOR * calls[0], "the gap is more than %.1f times the call" % CALL_FACTOR)
    said = json.loads(guest.run("cat /run/kdumpd/state.json"))["gap_usec"]
    bed.check(said >= watched.gaps[0], "kdumpd says %d us, the gap was longer" % said)


def run():
    image = guestimage.image_with(bed.context.image, PACKAGES, SCRIPT)
    guest = bed.start(image=image)
    peer, own = theirs(guest), ours(guest)
    bed.note("ours to theirs: median %.2f, worst %.2f" % (own[0] / peer[0], own[1] / peer[1]))
    traced(guest)
