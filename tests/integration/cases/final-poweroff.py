# SPDX-License-Identifier: LGPL-2.1-or-later
"""final_action poweroff: after a good dump the machine is off."""

import bed

DEFAULT = False


def run():
    guest = bed.start()
    guest.configure("final_action poweroff")
    guest.panic()
    guest.wait_poweroff()
    with guest.disk("root") as root:
        bed.find_dump(root / "var/crash").check()
