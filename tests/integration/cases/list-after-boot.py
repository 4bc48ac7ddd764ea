# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole walk: the guest comes back, kdump arms itself again, and `kdumpctl list` shows the dump."""

import json

import bed


def run():
    guest = bed.start()
    guest.panic()
    guest.wait_reset()
    guest.boot()
    guest.check_armed()
    bed.check_in(bed.PANIC_LINE, guest.run("kdumpctl list"), "kdumpctl list")
    dumps = json.loads(guest.run("kdumpctl list --json"))
    bed.check(len(json.dumps(dumps)) > 2, "kdumpctl list --json is empty")
