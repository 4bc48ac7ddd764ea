# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdumpctl verify --target, for targets that are good, full, wrong or not there; nothing is left behind at any of them."""

import bed
import far
from servers import ganesha, sshd

DEFAULT = False
VERIFY = "kdumpctl verify --target"


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    small = far.use(sshd.Sshd(bed.context.scratch, net, port=2222, size_mib=8))
    export = far.use(ganesha.Ganesha(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    far.configure_ssh(guest, server, more=["nfs " + export.what(), "path /dumps"])
    bed.note(guest.run(VERIFY, timeout=200).strip().replace("\n", "\nnote: "))
    bed.check(not list(server.dumps.rglob("*")), "left at the server: %s" % list(server.dumps.rglob("*")))
    bed.check(not [p for p in export.data.rglob("*") if p.is_file()], "left at the export")

    export.pause()
    status, said = guest.status(VERIFY, timeout=200)
    bed.check(status != 0, "an NFS server that has stopped is fine: %s" % said)
    export.resume()

    guest.write(far.KEY, small.key, 0o600)
    guest.write(far.KNOWN_HOSTS, server.known_hosts() + small.known_hosts(), 0o600)
    far.configure(guest, *far.ssh_lines(small))
    status, said = guest.status(VERIFY, timeout=200)
    bed.check(status != 0, "8 MiB are enough: %s" % said)
    small.kill()
    status, said = guest.status(VERIFY, timeout=200)
    bed.check(status != 0, "a server that is down is fine: %s" % said)
    bed.check_in(small.address, said, "what is wrong")
