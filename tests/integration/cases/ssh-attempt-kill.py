# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILL hits the attempts themselves in the middle of a dump over ssh: it ends up complete at one of the targets."""

import farfaults

DEFAULT = False


def run():
    farfaults.signalled("KILL")
