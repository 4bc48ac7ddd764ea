# SPDX-License-Identifier: LGPL-2.1-or-later
"""The load fails after the kernel has freed the old image: the generation before is armed again at once."""

import json

import bed
from machine import quiet

DROPIN = """[Service]
Environment=LD_PRELOAD=/root/shim.so SHIM_FLAG=/run/kdumpd/fail-next-load
MemoryDenyWriteExecute=no
"""


def run():
    guest = bed.start()
    shim = bed.context.scratch / "shim.so"
    quiet("gcc", "-shared", "-fPIC", "-O2", "-o", shim, bed.HERE / "shim-kexec.c")
    guest.write("/root/shim.so", shim.read_bytes(), 0o755)
    guest.write("/etc/systemd/system/kdump.service.d/shim.conf", DROPIN)
    guest.run("systemctl daemon-reload && systemctl restart kdump", timeout=120)
    guest.check_armed()
    before = json.loads(guest.run("cat /run/kdumpd/state.json"))

    guest.write("/run/kdumpd/fail-next-load", "")
    guest.write("/etc/kdump.conf", "path /var/crash/elsewhere\n")
    guest.wait_state("degraded", "failed to load")
    text = guest.check_armed()
    after = json.loads(guest.run("cat /run/kdumpd/state.json"))
    bed.check(after["generation"] == before["generation"], "generation %s is armed, not %s again" %
              (after["generation"], before["generation"]))
    bed.check_in("is armed again", guest.run("journalctl -b -u kdump --no-pager"), "journal")
    bed.check_in("ms", text, "kdumpctl status")
    bed.note("gap with the rollback: %.0f ms" % (after["gap_usec"] / 1e3))
    guest.panic()
    guest.wait_reset()
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
