# SPDX-License-Identifier: LGPL-2.1-or-later
"""The certificate is of another authority than the one that is trusted: nothing is sent, the next target gets the dump."""

import bed
import far
from servers import nginx

DEFAULT = False
CA = "/etc/kdump/ca.pem"


def run():
    net = far.make_network()
    server = far.use(nginx.Nginx(bed.context.scratch, net))
    nginx.make_authority(server.folder, "other")
    guest = far.start(net)
    far.static(guest)
    guest.write(CA, (server.folder / "other.pem").read_text())
    far.configure(guest, "url " + server.url(), "ca_file " + CA, *far.LOCAL)
    far.crash(guest)
    bed.check_in("ertificate", guest.console(), "console")
    bed.check(not server.requests(), "the server was asked: %s" % server.requests())
    far.check_local(guest)
