# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left out of a core with more and with real data is what makedumpfile leaves out."""

import filtercase

GUEST = False
DEFAULT = False


def run():
    filtercase.run("big")
