# SPDX-License-Identifier: LGPL-2.1-or-later
"""The default configuration: a dump in /var/crash of the root file system."""

import bed


def run():
    guest = bed.start()
    guest.check_armed()
    guest.panic()
    guest.wait_reset()
    bed.check_in("kdump-capture: ", guest.console(), "console")
    bed.check_in("VMCOREINFO lacks", guest.console(), "use of kernel.info")
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "var/crash").check()
        meta = dump.meta()
        bed.note("vmcore %.0f MiB" % (dump.vmcore.stat().st_size / 2**20))
        bed.check_in(bed.PANIC_LINE, meta.get("panic") or "", "panic in meta.json")
