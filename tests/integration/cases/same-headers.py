# SPDX-License-Identifier: LGPL-2.1-or-later
"""A crash kernel that our segments have loaded is told the same of CPUs and memory as one that kexec_file_load(2) has."""

import light
import lightfirmware
import lightheaders

DEFAULT = False
GUEST = False

MACHINES = {
    "2 CPUs": {"cpus": 2},
    "6 GiB, high": {"memory_mib": 6144, "crashkernel": "192M,high"},
    "OVMF": {"memory_mib": 1024},
}


def run():
    for kernel in ("6.1", "6.12"):
        for name, arguments in MACHINES.items():
            if name == "OVMF" and lightfirmware.missing():
                continue
            options = lightfirmware.plain() if name == "OVMF" else ()
            with light.armed(kernel, options=options, **arguments) as armed:
                lightheaders.compare("Linux %s, %s" % (kernel, name), armed)
