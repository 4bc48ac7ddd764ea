# SPDX-License-Identifier: LGPL-2.1-or-later
"""The load fails after the kernel has freed the old image: the generation before is armed again at once."""

import json

import bed
import shim

FAIL_NEXT = "/run/kdumpd/fail-next-load"


def run():
    guest = bed.start()
    shim.preload(guest, FAIL_NEXT)
    before = json.loads(guest.run("cat /run/kdumpd/state.json"))

    guest.write(FAIL_NEXT, "")
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
