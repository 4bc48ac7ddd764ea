# SPDX-License-Identifier: LGPL-2.1-or-later
"""64 GiB of memory are captured inside crashkernel=192M; choosing the pages is timed beside makedumpfile, in the same crash
kernel. MAKEDUMPFILE= names another build of it (with the libraries of Debian)."""

import os
import re
from pathlib import Path

import bed
import guestimage

DEFAULT = False

MEMORY_MIB = 64 << 10
PACKAGES = ["makedumpfile", "libsnappy1v5", "libzstd1"]
# From the root file system, which the crash kernel of kdumpd has not mounted yet.
PEER = """mkdir -p /run/root
mount -o ro,noload UUID=%s /run/root
cd /run/root/usr
lib64/ld-linux-x86-64.so.2 --library-path lib/x86_64-linux-gnu bin/makedumpfile --dry-run -l -d 31 \\
        --message-level 31 /proc/vmcore /run/dry 2>&1 | grep -a STEP | while read -r line; do
        echo "<4>peer: $line" >/dev/kmsg
done
cd /
umount /run/root""" % guestimage.ROOT_UUID


def peer_steps(console):
    """Seconds of each of makedumpfile's steps; a step may be taken more than once."""
    steps = {}
    for name, took in re.findall(r"peer: .*?STEP \[([^]]*?) *\] *: *([0-9.]+) seconds", console):
        steps[name] = steps.get(name, 0) + float(took)
    bed.check(steps, "makedumpfile showed no steps")
    steps.pop("Copying data", None)
    return steps


def run():
    image = guestimage.image_with(bed.context.image, PACKAGES, ":")
    guest = bed.start(image=image, crashkernel="crashkernel=192M", memory_mib=MEMORY_MIB)
    if os.environ.get("MAKEDUMPFILE"):
        guest.write("/usr/bin/makedumpfile", Path(os.environ["MAKEDUMPFILE"]).read_bytes(), 0o755)
    guest.script("/usr/local/bin/pre", *PEER.splitlines())
    guest.write("/etc/kdump.conf", "kdump_pre /usr/local/bin/pre\n")
    guest.run("systemctl enable --now kdump", timeout=200)
    guest.check_armed()
    guest.panic()
    guest.wait_reset(timeout=600)
    steps = peer_steps(guest.console())
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "var/crash").check()
        meta = dump.meta()
        bed.note("vmcore %.0f MiB of 64 GiB" % (dump.vmcore.stat().st_size / 2**20))
    peer = sum(steps.values())
    bed.note("makedumpfile: %s" % ", ".join("%s %.2f s" % step for step in steps.items()))
    own = meta["plan_usec"] / 1e6
    bed.note("choosing the pages: %.2f s, makedumpfile %.2f s: %.1f times as fast" % (own, peer, peer / own))
