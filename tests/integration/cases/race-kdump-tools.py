# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same guest panics under Debian's kdump-tools and under kdumpd, at level 31; how long each takes is noted. kdumpd
says whose image is loaded, and takes over from kdump-tools."""

import bed
import guestimage

DEFAULT = False

PACKAGES = ["kdump-tools", "kexec-tools", "makedumpfile"]
# What the kernel's own postinst would have done, had kdump-tools been there.
SCRIPT = """
sed -i 's/^USE_KDUMP=.*/USE_KDUMP=1/' /etc/default/kdump-tools
/etc/kernel/postinst.d/kdump-tools "$(ls /usr/lib/modules)"
systemctl disable kdump-tools.service
"""

THEIRS = {"panic": bed.PANIC_LINE, "log": "saved dmesg content in", "vmcore": "saved vmcore in"}
OURS = {"panic": bed.PANIC_LINE, "log": "saving vmcore-dmesg.txt complete", "vmcore": "saving vmcore complete"}


def timed(guest, patterns):
    """Seconds from the panic's line to the log, the vmcore and the reset."""
    guest.run("sync")
    guest.panic()
    seen, reset = guest.watch_end(patterns, timeout=400)
    missing = [name for name, when in seen.items() if when is None]
    bed.check(not missing, "the console never showed: %s" % ", ".join(missing))
    return {"log": seen["log"] - seen["panic"], "vmcore": seen["vmcore"] - seen["panic"],
            "reset": reset - seen["panic"]}


def theirs(image):
    guest = bed.start(image=image)
    guest.run("systemctl enable --now kdump-tools", timeout=300)
    bed.check_in("ready to kdump", guest.run("kdump-config show"), "kdump-config show")
    bed.check_in("loaded by something other than kdumpd", guest.run("kdumpctl status"), "kdumpctl status")
    return timed(guest, THEIRS)


def ours(image):
    """A user who comes from kdump-tools."""
    guest = bed.start(image=image)
    guest.run("systemctl enable --now kdump-tools", timeout=300)
    guest.run("systemctl disable --now kdump-tools", timeout=300)
    guest.run("systemctl enable --now kdump", timeout=300)
    guest.check_armed()
    times = timed(guest, OURS)
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
    return times


def run():
    image = guestimage.image_with(bed.context.image, PACKAGES, SCRIPT)
    peer, own = theirs(image), ours(image)
    for name in ("log", "vmcore", "reset"):
        bed.note("%-6s after the panic: %.1f s, kdump-tools %.1f s, ratio %.2f" %
                 (name, own[name], peer[name], own[name] / peer[name]))
