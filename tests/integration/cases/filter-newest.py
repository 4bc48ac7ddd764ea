# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left out of a core of the newest kernel of Debian is what makedumpfile leaves out."""

import filtercase

GUEST = False
DEFAULT = False


def run():
    filtercase.run("newest")
