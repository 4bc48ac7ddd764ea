# SPDX-License-Identifier: LGPL-2.1-or-later
"""Someone else answers in the server's place, with another host key: not one byte of the dump leaves, as a capture of all
that was sent shows, and the next target gets it."""

import bed
import far
from servers import network, sshd

DEFAULT = False
HANDSHAKE_BYTES = 4096  # a client's banner and key exchange


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    far.configure_ssh(guest, server, more=far.LOCAL)
    for name in ("host_key", "host_key.pub"):
        (server.folder / name).unlink()
    sshd.make_key(server.folder / "host_key")
    server.restart()
    server.log_path.write_text("")
    capture = net.capture()
    far.crash(guest)
    far.check_local(guest)
    connections = {}
    for source, port, host, to, n in network.segments(capture):
        if (host, to) == (server.address, server.port):
            connections[source, port] = connections.get((source, port), 0) + n
    bed.check(connections, "nobody connected")
    bed.note("bytes sent, for each connection: %s" % sorted(connections.values()))
    bed.check(max(connections.values()) < HANDSHAKE_BYTES, "more than a handshake was sent")
    bed.check_not_in("Accepted", server.log(), "log of the server")
    bed.check_in("not the one that was pinned", guest.console(), "console")
    far.check_none(server.dumps, "at the wrong server")
