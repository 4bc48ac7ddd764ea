# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forwarder: what listens at this machine's loopback, in a Network, and busy when a case wants it to be."""

import os
import sys

from servers.server import HERE, Server


class Forwarder(Server):
    """@to_port: at the loopback."""

    name = "forward"

    def __init__(self, scratch, net, to_port, port=None):
        super().__init__(scratch, net)
        self.to_port, self.port = to_port, port or to_port
        self.state = self.folder / "state"

    def launch(self):
        self.set_busy(False)
        self.process = self.spawn(sys.executable, HERE / "forward.py", self.address, self.port, self.to_port, self.state,
                                  "/proc/%d/ns/net" % os.getpid())
        self.wait_bound(self.port)

    def set_busy(self, busy):
        """Answers 503, and breaks the connections that there are as soon as they carry something."""
        self.state.write_text("busy" if busy else "")
