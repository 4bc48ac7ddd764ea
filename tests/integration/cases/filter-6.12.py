# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left out of a core of Debian 13's kernel, with 5-level page tables, is what makedumpfile leaves out."""

import filtercase

GUEST = False
DEFAULT = False


def run():
    filtercase.run("6.12")
