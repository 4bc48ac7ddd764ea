# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process that writes the dump dies of SIGSEGV: the log is safe, nothing claims to be complete."""

import interrupt


def run():
    interrupt.run(interrupt.CHILD, "SEGV", "the attempt was killed by signal 11")
