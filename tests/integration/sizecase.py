# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures for a kind of target how large its image is, and the smallest crashkernel= (to 8M) with which a guest of 2 GiB
gets its dump there."""

import bed
import far
from servers import ganesha, nginx, sshd

STEP, TRIES = 8, 6
# What each must do with, in MiB
MOST = {"local": 112, "ssh": 128, "nfs": 128, "url": 128}
CA = "/etc/kdump/ca.pem"


def to_local(net):
    return None, lambda guest: None


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


TARGETS = {"local": to_local, "ssh": to_ssh, "nfs": to_nfs, "url": to_https}


def complete(folder):
    """How many dumps there have a vmcore under its final name."""
    return sum(any(n in d.files for n in ("vmcore", "vmcore.flat")) for d in bed.find_dumps(folder))


def captured(guest, folder, before):
    if folder:
        return complete(folder) == before + 1
    with guest.disk("root") as root:
        return complete(root / "var/crash") == 1


def works(net, size, kind, folder, configure):
    before = complete(folder) if folder else 0
    guest = None
    try:
        guest = far.start(net, snapshot=False, crashkernel="crashkernel=%dM" % size, kinds=[kind])
        if folder:
            far.static(guest)
            configure(guest)
        state = guest.state()
        bed.step("%s: base image %.1f MiB, overlay %d bytes" % (kind, state["base_bytes"] / 2**20, state["overlay_bytes"]))
        far.crash(guest, timeout=200)
        return captured(guest, folder, before)
    except bed.BedError as e:
        bed.step("%d MiB: %s" % (size, str(e)[:200]))
        return False
    finally:
        if guest:
            guest.kill()


def smallest(net, kind):
    """From what it must do with, down or up to the smallest that works."""
    folder, configure = TARGETS[kind](net)
    size = MOST[kind]
    step = -STEP if works(net, size, kind, folder, configure) else STEP
    for _ in range(TRIES):
        size += step
        if works(net, size, kind, folder, configure) == (step > 0):
            break
    else:
        raise bed.BedError("%s: no end of it at %dM" % (kind, size))
    return size if step > 0 else size + STEP


def run(kind):
    size = smallest(far.make_network(), kind)
    bed.note("%s: smallest crashkernel= that works: %dM (%dM does not)" % (kind, size, size - STEP))
    bed.check(size <= MOST[kind], "%s does not work with %dM" % (kind, MOST[kind]))
