# SPDX-License-Identifier: LGPL-2.1-or-later
"""5 % of the frames are lost each way, and all take 100 ms: log and meta.json arrive, and progress keeps the dump alive until
target_deadline, however short the limit for standing still."""

import bed
import far
import farfaults

DEFAULT = False
DEADLINE_SECONDS = 180


def run():
    net = far.make_network()
    guest = far.start(net)
    server = farfaults.cable(guest, net, lambda server: net.cable(loss=0.05, delay_msec=100), "target_timeout 60s",
                                   "target_connect 120s", "target_deadline %ds" % DEADLINE_SECONDS)
    dump = bed.find_dump(server.dumps)
    dump.check_log()
    meta = dump.meta()
    bed.note("frames: %s" % net.counts())
    bed.note("meta.json: %s" % {k: meta.get(k) for k in ("status", "reason", "n_pages", "n_pages_missing")})
    took = farfaults.check_deadline(guest, 1, DEADLINE_SECONDS)
    bed.check(dump.vmcore.exists() or took >= DEADLINE_SECONDS, "it was given up before its deadline")
