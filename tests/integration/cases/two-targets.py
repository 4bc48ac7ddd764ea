# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three targets that answer: each gets the log and meta.json, the first one the dump."""

import bed
import far
from servers import ganesha, sshd

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    export = far.use(ganesha.Ganesha(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    far.configure_ssh(guest, server, more=["nfs " + export.what(), "path /dumps", *far.LOCAL])
    far.crash(guest)
    far.check_dump(server.dumps)
    far.check_log_only(export.data / "dumps")
    with far.local(guest) as folder:
        far.check_log_only(folder)
