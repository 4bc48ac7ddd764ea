# SPDX-License-Identifier: LGPL-2.1-or-later
"""The image and the smallest crashkernel= for a dump on a local disk."""

import sizecase

DEFAULT = False


def run():
    sizecase.run("local")
