# SPDX-License-Identifier: LGPL-2.1-or-later
"""raw device: the next start of kdumpd moves the dump to path, once."""

import bed
import far

DEFAULT = False


def shut_down(guest):
    guest.machine.agent.spawn("systemctl poweroff")
    guest.wait_poweroff()


def run():
    guest = bed.start()
    guest.configure("raw " + bed.DISK_PATH % "scratch", "path /srv/moved")
    guest.panic()
    guest.wait_reset()
    with guest.disk("root") as root:
        far.check_none(root / "srv/moved", "before it was moved")
    guest.boot()
    far.wait(guest, "ls /srv/moved/*/vmcore* >/dev/null 2>&1 && ! ls /srv/moved/*/*incomplete* >/dev/null 2>&1", timeout=200)
    bed.check_in(bed.PANIC_LINE, guest.run("kdumpctl list"), "kdumpctl list")
    guest.check_armed()
    guest.run("systemctl restart kdump && sleep 5")
    shut_down(guest)
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "srv/moved")
        dump.check_log()
        bed.check(dump.meta().get("status") == "complete", "meta.json: %s" % dump.meta())
        bed.note("moved: %s" % " ".join(dump.files))
        flat = "vmcore" not in dump.files
        far.check_readers(far.Stream(dump.folder).vmcore if flat else dump.vmcore, dump.meta()["kernel_release"], flat)
