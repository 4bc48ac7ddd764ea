# SPDX-License-Identifier: LGPL-2.1-or-later
"""The image and the smallest crashkernel= for a dump by https."""

import sizecase

DEFAULT = False


def run():
    sizecase.run("url")
