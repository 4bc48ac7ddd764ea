# SPDX-License-Identifier: LGPL-2.1-or-later
"""A capture with 1 CPU."""

import bed

DEFAULT = False


def run():
    guest = bed.start()
    guest.configure("nr_cpus 1")
    guest.panic()
    guest.wait_reset()
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "var/crash").check()
        meta = dump.meta()
        bed.check(meta["n_cpus"] == 1, "expected a capture with 1 CPU, not %d" % meta["n_cpus"])
        bed.note("vmcore %.0f MiB in %.1f s" % (meta["vmcore_bytes"] / 2**20, meta["dump_usec"] / 1e6))
