# SPDX-License-Identifier: LGPL-2.1-or-later
"""While the dump is written, the supervisor is killed: the log is safe, nothing claims to be complete."""

import interrupt


def run():
    interrupt.run(interrupt.SUPERVISOR, "KILL", "the capture ended before its time: failsafe")
