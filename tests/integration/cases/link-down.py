# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cable is out for 20 s in the middle of the dump: it goes on, on the same server."""

import time

import bed
import far
import farfaults

DEFAULT = False
OUT_SECONDS = 20


def run():
    net = far.make_network()
    guest = far.start(net)
    guest.fill_memory(100)
    n_bytes = far.estimate(guest, level=1)

    def pull(server):
        far.wait_stored(guest, server.dumps, n_bytes / 3)
        net.cable(up=False)
        time.sleep(OUT_SECONDS)
        net.cable(up=True)

    server = farfaults.cable(guest, net, pull, "target_timeout %ds" % bed.seconds(120), "core_collector makedumpfile -l -d 1")
    far.check_dump(server.dumps)
    with far.local(guest) as folder:
        far.check_log_only(folder)
