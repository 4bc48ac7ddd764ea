# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left out of a core of Debian 11's kernel is what makedumpfile leaves out."""

import filtercase

GUEST = False
DEFAULT = False


def run():
    filtercase.run("5.10")
