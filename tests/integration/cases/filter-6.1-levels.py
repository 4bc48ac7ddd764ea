# SPDX-License-Identifier: LGPL-2.1-or-later
"""As filter-6.1, at the other levels."""

import filtercase

GUEST = False
DEFAULT = False


def run():
    filtercase.run("6.1", levels=(17, 15, 7, 3))
