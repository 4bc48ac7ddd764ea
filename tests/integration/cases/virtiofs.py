# SPDX-License-Identifier: LGPL-2.1-or-later
"""virtiofs tag: a folder of the host."""

import bed
import far
import machine
from servers import virtiofsd

DEFAULT = False


def run():
    server = far.use(virtiofsd.Virtiofsd(bed.context.scratch))
    guest = far.start(far.make_network(), options=server.qemu_options(machine.MEMORY_MIB))
    far.configure(guest, "virtiofs " + virtiofsd.TAG, "path /dumps")
    far.crash(guest)
    far.check_dump(server.data / "dumps")
