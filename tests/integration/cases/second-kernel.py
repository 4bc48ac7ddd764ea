# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second kernel is installed: its base image is built ahead. The running kernel's own files are removed: it stays armed, and is
loaded again for a CPU and memory that come. A boot of the second kernel arms without dracut."""

import shutil

import bed
import guestimage
import plugged

DEFAULT = False

OTHER = "6.12"
PACKAGE, SOURCE, _ = guestimage.KERNELS[OTHER]
SCRIPT = """
echo '%s' >/etc/apt/sources.list.d/kernel.list
apt-get -q update
DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends %s
rm -rf /var/lib/apt/lists/*
""" % (SOURCE, PACKAGE)
AHEAD_SECONDS = 60
REMOVE = "rm -r /boot/vmlinuz-{0} /boot/initrd.img-{0} /boot/config-{0} /boot/System.map-{0} /usr/lib/modules/{0}"
BASE = "ls -d /var/lib/kdumpd/base/%s-*"


def install(image):
    """The image with it, its release, and the folder of an image that boots it."""
    both = guestimage.image_with(image, [], SCRIPT)
    boots = bed.context.scratch / "other"
    boots.mkdir()
    with guestimage.mounted(both / "root.raw", options="ro,noload") as root:
        release, = (p.name for p in (root / "usr/lib/modules").iterdir() if p.name.startswith(OTHER))
        for name in ("vmlinuz", "initrd.img"):
            shutil.copy(root / "boot" / ("%s-%s" % (name, release)), boots / name)
    shutil.copy(both / "info.json", boots / "info.json")
    return both, release, boots


def built(guest):
    """What was built in this boot, by the journal."""
    return guest.run("journalctl -b -o cat --no-pager -u kdump-build.service -u 'kdump-build@*.service' | grep '^Starting '; true")


def run():
    image, release, boots = install(bed.context.image)
    guest = bed.start(image=image)
    guest.run("systemctl enable --now kdump", timeout=200)
    guest.check_armed()
    own = guest.run("uname -r").strip()
    bed.check(not built(guest), "the base image of the running kernel was built: %s" % built(guest))

    unit = "kdump-build@$(systemd-escape %s).service" % release
    guest.run("until systemctl is-active %s | grep -qx activating; do sleep 1; done" % unit, timeout=2 * AHEAD_SECONDS)
    guest.check_armed()
    guest.run("while systemctl is-active %s | grep -qx activating; do sleep 1; done" % unit, timeout=900)
    base = guest.run("%s || journalctl -b --no-pager -u %s" % (BASE % release, unit)).strip()
    bed.check(len(base.splitlines()) == 1, "expected one base image for %s: %s" % (release, base))
    bed.step("%s, %s" % (base, built(guest)))

    before = guest.state()
    guest.run(REMOVE.format(own))
    guest.run("sleep 20")  # it is over when nothing was touched for 15 s
    guest.reload()
    after = guest.state()
    bed.check(after["loads"] == before["loads"] and after["state"] == "armed", "without its files: %s" % after)
    blocks = plugged.plug(guest)
    wanted = plugged.wait_known(guest, after["loaded_n_cpus"] + len(plugged.CPUS), after["loaded_ram_bytes"] + plugged.DIMM_BYTES)
    plugged.use(guest, blocks)
    plugged.quiet(guest, wanted)
    bed.check(wanted["reloads"] == after["reloads"] + 1, "%d reloads" % (wanted["reloads"] - after["reloads"]))
    # Another configuration has the same base image.
    guest.configure("path /var/crash/elsewhere")
    guest.run(BASE % release)

    guest.machine.agent.spawn("systemctl poweroff")
    guest.wait_poweroff()
    guest.image = boots
    guest.boot()
    bed.check(guest.run("uname -r").strip() == release, "another kernel runs")
    text = guest.check_armed()
    bed.check_in(release, text, "kdumpctl status")
    bed.check_in("/var/crash/elsewhere", text, "kdumpctl status")
    bed.check("Starting kdump-build.service" not in built(guest), "dracut ran: %s" % built(guest))
    guest.panic(cpu=0)
    guest.wait_reset()
    with guest.disk("root") as root:
        meta = bed.find_dump(root / "var/crash/elsewhere").check().meta()
        bed.check(meta["kernel_release"] == release, "the dump is of %s" % meta["kernel_release"])
