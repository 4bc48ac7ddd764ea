# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gaploaders: how long no crash kernel is loaded, by each way to load the same image in the same guest, as one sampler outside of
them sees it, and as strace times the system call."""

import re
import statistics
from pathlib import Path

import bed
import guestimage
import sampler

LOADS = 20
TRACED = 5
SPARSE_USEC, FULL_USEC = 5000, 100000
PACKAGES = ["kdump-tools", "kexec-tools", "makedumpfile", "strace"]
# What the kernel's own postinst would have done, had kdump-tools been there.
SCRIPT = """
sed -i 's/^USE_KDUMP=.*/USE_KDUMP=1/' /etc/default/kdump-tools
for release in $(ls /usr/lib/modules); do /etc/kernel/postinst.d/kdump-tools "$release"; done
systemctl disable kdump-tools.service
"""
TOOL = "/usr/local/bin/armtool"
FILES = """
cd /var/lib/kdumpd && base=$(ls -d base/*/ | head -1) && generation=$(ls -d generation/[0-9]*/ | tail -1) &&
cat $base/vmlinuz > /root/vmlinuz && cat $base/initrd.img > /root/initrd &&
truncate -s %512 /root/initrd && cat $generation/overlay.cpio >> /root/initrd &&
python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["cmdline"])' $generation/generation.json > /root/cmdline &&
stat -c %s /root/vmlinuz /root/initrd
"""


def tell(name, watched, wanted, call):
    gaps = watched.gaps[-wanted:]
    bed.check(len(watched.gaps) in (wanted, wanted + 1), "%s: %d gaps were seen during %d loads: %s us" %
              (name, len(watched.gaps), wanted, watched.gaps))
    bed.note("%-28s gap median %6.1f ms, worst %6.1f ms%s (at most %d us between two samples)" %
             (name, statistics.median(gaps) / 1e3, max(gaps) / 1e3,
              "; the call %.1f ms by strace" % (call / 1e3) if call else "", watched.longest_usec))
    return statistics.median(gaps)


def theirs(guest):
    guest.run("systemctl enable --now kdump-tools", timeout=300)
    with sampler.watching(guest) as watched:
        for _ in range(LOADS):
            guest.run("kdump-config reload", timeout=200)
    guest.run("systemctl disable --now kdump-tools", timeout=300)
    return tell("kdump-config reload", watched, LOADS, 0)


def tool(guest, commands, trace=False):
    lines = "".join(c + "\n" for c in commands)
    guest.write("/root/commands", lines)
    strace = "strace -T -e trace=kexec_load,kexec_file_load -o /root/trace " if trace else ""
    out = guest.run("%s%s /root/vmlinuz /root/initrd \"$(cat /root/cmdline)\" < /root/commands" % (strace, TOOL), timeout=300)
    bed.check(out.count("loaded ") == len(commands) + 1, "not all was loaded: %s" % out)
    return out


def ours(guest, name, command):
    """@command: with %d, another each time."""
    commands = [command % i if "%d" in command else command for i in range(LOADS)]
    with sampler.watching(guest) as watched:
        tool(guest, commands)
    tool(guest, commands[:TRACED], trace=True)
    calls = [float(s) * 1e6 for s in re.findall(r"= 0 <([0-9.]+)>", guest.run("cat /root/trace"))][-TRACED:]
    return tell(name, watched, LOADS, statistics.median(calls))


def run(kernel):
    own = bed.context.image if not kernel else guestimage.prepare(bed.context.build_dir, False, kernel)[0]
    guest = bed.start(image=guestimage.image_with(own, PACKAGES, SCRIPT), kernel="")
    bed.note(guest.run("uname -r").strip())
    peer = theirs(guest)
    guest.run("systemctl enable --now kdump", timeout=300)
    guest.check_armed()
    bed.note("kernel and initramfs: %s bytes" % " and ".join(guest.run(FILES).split()))
    guest.run("systemctl stop kdump", timeout=60)
    guest.write(TOOL, (Path(bed.context.build_dir) / "tests/integration/armtool").read_bytes(), 0o755)
    full = ours(guest, "kexec_load(2), all of it", "whole")
    sparse = ours(guest, "kexec_load(2), sparse", "next")
    ours(guest, "kexec_load(2), after an edit", "edit %d")
    by_file = ours(guest, "kexec_file_load(2)", "file")
    bed.note("sparse is %.0f times shorter than kexec_file_load(2), %.0f times than kdump-config; all of it %.1f and %.1f times" %
             (by_file / sparse, peer / sparse, by_file / full, peer / full))
    bed.check(sparse <= SPARSE_USEC, "a sparse load takes %.1f ms" % (sparse / 1e3))
    bed.check(full <= FULL_USEC, "a load of all of it takes %.1f ms" % (full / 1e3))
