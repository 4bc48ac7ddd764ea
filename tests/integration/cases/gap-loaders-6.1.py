# SPDX-License-Identifier: LGPL-2.1-or-later
"""The gap of each way to load, on Linux 6.1."""

import gaploaders

DEFAULT = False


def run():
    gaploaders.run("")
