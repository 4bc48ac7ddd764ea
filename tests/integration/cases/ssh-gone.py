# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server goes for good in the middle of the dump: the next target gets all of it, and the machine is back in time."""

import bed
import far
import farfaults
from servers import sshd

DEFAULT = False
STALL_SECONDS = 60  # of far.PATIENCE


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    guest.fill_memory(100)
    far.static(guest)
    far.configure_ssh(guest, server, more=[*far.LOCAL, "core_collector makedumpfile -l -d 1"])
    n_bytes = far.estimate(guest, level=1)

    def kill():
        far.wait_stored(guest, server.dumps, n_bytes / 2)
        server.kill()

    far.crash(guest, kill, timeout=600)
    bed.find_dump(server.dumps).check_nothing_claimed()
    far.check_local(guest)
    farfaults.check_waited(guest, 1, STALL_SECONDS)
