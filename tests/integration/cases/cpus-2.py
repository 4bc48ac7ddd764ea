# SPDX-License-Identifier: LGPL-2.1-or-later
"""A capture with 2 CPUs. The boot CPU is the one that panics: from another one it cannot be woken
(disable_cpu_apicid=), and of two CPUs there would be one left."""

import bed

DEFAULT = False


def run():
    guest = bed.start()
    guest.configure("nr_cpus 2")
    guest.panic(cpu=0)
    guest.wait_reset()
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "var/crash").check()
        meta = dump.meta()
        bed.check(meta["n_cpus"] == 2, "expected a capture with 2 CPUs, not %d" % meta["n_cpus"])
        bed.note("vmcore %.0f MiB in %.1f s" % (meta["vmcore_bytes"] / 2**20, meta["dump_usec"] / 1e6))
