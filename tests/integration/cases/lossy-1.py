# SPDX-License-Identifier: LGPL-2.1-or-later
"""1 % of the frames are lost each way, and all take 30 ms: the dump arrives."""

import bed
import far
import farfaults

DEFAULT = False


def run():
    net = far.make_network()
    guest = far.start(net)
    server = farfaults.cable(guest, net, lambda server: net.cable(loss=0.01, delay_msec=30), "target_timeout 120s")
    far.check_dump(server.dumps)
    bed.note("frames: %s" % net.counts())
