# SPDX-License-Identifier: LGPL-2.1-or-later
"""failure_action shell: a shell answers on the console, with the memory at hand; leaving it ends with the final action."""

import bed

DEFAULT = False


def run():
    guest = bed.start()
    guest.configure("ext4 UUID=00000000-dead-4000-8000-000000000000", "target_timeout 5s",
                    "failure_action shell")
    guest.panic()
    # Nobody reads the line before the prompt is there.
    guest.wait_console(r"failure action: a shell on the console[^\n]*\n# ")
    guest.type("head -c 4 /proc/vmcore | tail -c 3; echo \" is at hand, $((6 * 7))\"")
    guest.wait_console("ELF is at hand, 42", timeout=60)
    guest.type("exit")
    guest.wait_console("final action: reboot", timeout=60)
    guest.wait_reset(timeout=60)
