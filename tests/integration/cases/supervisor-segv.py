# SPDX-License-Identifier: LGPL-2.1-or-later
"""While the dump is written, the supervisor dies of SIGSEGV: the log is safe, nothing claims to be complete."""

import interrupt

DEFAULT = False


def run():
    interrupt.run(interrupt.SUPERVISOR, "SEGV", "the capture ended before its time: failsafe")
