# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process that writes the dump is stopped: the log is safe, nothing claims to be complete."""

import interrupt


def run():
    interrupt.run(interrupt.CHILD, "STOP", "no progress on")
