# SPDX-License-Identifier: LGPL-2.1-or-later
"""The connection breaks when a tenth, a half and nine tenths of the dump are there: it goes on where it was, on the same
server."""

import bed
import far
from servers import network, sshd

DEFAULT = False
PARTS = (0.1, 0.5, 0.9)
MORE = 1.25  # of what is not sent twice: protocol, log, estimate


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    guest.fill_memory(100)
    far.static(guest)
    far.configure_ssh(guest, server, more=[*far.LOCAL, "core_collector makedumpfile -l -d 1"])
    n_bytes = far.estimate(guest, level=1)
    capture = net.capture()

    def kill():
        for part in PARTS:
            far.wait_stored(guest, server.dumps, part * n_bytes)
            bed.check(server.kill_sessions() > 0, "nobody was connected")

    far.crash(guest, kill, timeout=600)
    dump = far.check_dump(server.dumps)
    sent, size = network.bytes_to(capture, server.address, server.port), dump.vmcore.stat().st_size
    bed.note("%.1f MiB were sent for %.1f MiB" % (sent / 2**20, size / 2**20))
    bed.check(sent < MORE * size, "much was sent again")
