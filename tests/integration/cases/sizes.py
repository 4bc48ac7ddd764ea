# SPDX-License-Identifier: LGPL-2.1-or-later
"""How large the base image and the overlay are; with --all, the smallest crashkernel= that will do (to 16M)."""

import json

import bed

DEFAULT = False


def works(size):
    guest = bed.start(snapshot=False, crashkernel="crashkernel=%dM" % size)
    try:
        if guest.status("systemctl enable --now kdump", timeout=200)[0] != 0:
            return False
        guest.panic()
        guest.wait_reset(timeout=200)
        with guest.disk("root") as root:
            found = bed.find_dumps(root / "var/crash")
            return len(found) == 1 and found[0].vmcore.exists()
    except bed.BedError as e:
        bed.step("%d MiB: %s" % (size, str(e)[:200]))
        return False
    finally:
        guest.kill()


def run():
    guest = bed.start()
    state = json.loads(guest.run("cat /run/kdumpd/state.json"))
    bed.note("base image %.1f MiB, overlay %d bytes" % (state["base_bytes"] / 2**20, state["overlay_bytes"]))
    guest.kill()
    low, high = 64, 256
    while high - low > 16:
        middle = (low + high) // 2
        if works(middle):
            high = middle
        else:
            low = middle
    bed.note("smallest crashkernel= that works: %dM (%dM does not)" % (high, low))
