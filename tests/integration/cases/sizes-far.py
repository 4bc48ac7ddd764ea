# SPDX-License-Identifier: LGPL-2.1-or-later
"""How large the image for each kind of server is, and the smallest crashkernel= (to 8M) with which a guest of 2 GiB gets its
dump there."""

import bed
import far
from servers import ganesha, nginx, sshd

DEFAULT = False
LOW, HIGH, STEP = 104, 168, 8
CA = "/etc/kdump/ca.pem"


def to_ssh(net):
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    return server.dumps, lambda guest: far.configure_ssh(guest, server)


def to_nfs(net):
    server = far.use(ganesha.Ganesha(bed.context.scratch, net))
    return server.data / "dumps", lambda guest: far.configure(guest, "nfs " + server.what(), "path /dumps")


def to_https(net):
    server = far.use(nginx.Nginx(bed.context.scratch, net))

    def configure(guest):
        guest.write(CA, server.ca.read_text())
        far.configure(guest, "url " + server.url(), "ca_file " + CA)
    return server.dumps, configure


def works(net, size, kind, folder, configure):
    before = len(bed.find_dumps(folder))
    guest = None
    try:
        guest = far.start(net, snapshot=False, crashkernel="crashkernel=%dM" % size, kinds=[kind])
        far.static(guest)
        configure(guest)
        state = guest.state()
        bed.step("%s: base image %.1f MiB, overlay %d bytes" % (kind, state["base_bytes"] / 2**20, state["overlay_bytes"]))
        far.crash(guest, timeout=200)
        found = bed.find_dumps(folder)
        return len(found) == before + 1 and any(n in found[-1].files for n in ("vmcore", "vmcore.flat"))
    except bed.BedError as e:
        bed.step("%d MiB: %s" % (size, str(e)[:200]))
        return False
    finally:
        if guest:
            guest.kill()


def run():
    net = far.make_network()
    for kind, make in (("ssh", to_ssh), ("nfs", to_nfs), ("url", to_https)):
        folder, configure = make(net)
        low, high = LOW, HIGH
        while high - low > STEP:
            middle = (low + high) // 2
            if works(net, middle, kind, folder, configure):
                high = middle
            else:
                low = middle
        bed.check(high < HIGH, "%s does not work with %dM" % (kind, HIGH - STEP))
        bed.note("%s: smallest crashkernel= that works: %dM (%dM does not)" % (kind, high, low))
