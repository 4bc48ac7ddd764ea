# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shim: has a guest's kdumpd fail at a load, as with a file that cannot be read (shim-kexec.c)."""

import bed
from machine import quiet

DROPIN = """[Service]
Environment=LD_PRELOAD=/root/shim.so SHIM_FLAG=%s
MemoryDenyWriteExecute=no
"""


def preload(guest, flag):
    """From now on a load fails if there is a file @flag, which is then removed; armed on return."""
    library = bed.context.scratch / "shim.so"
    quiet("gcc", "-shared", "-fPIC", "-O2", "-o", library, bed.HERE / "shim-kexec.c")
    guest.write("/root/shim.so", library.read_bytes(), 0o755)
    guest.write("/etc/systemd/system/kdump.service.d/shim.conf", DROPIN % flag)
    guest.run("systemctl daemon-reload && systemctl restart kdump", timeout=120)
    guest.check_armed()
