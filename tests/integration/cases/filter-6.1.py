# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left out of a core of Debian 12's kernel is what makedumpfile leaves out."""

import filtercase

GUEST = False


def run():
    filtercase.run("6.1", levels=(31, 1))
