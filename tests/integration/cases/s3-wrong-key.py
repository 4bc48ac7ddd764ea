# SPDX-License-Identifier: LGPL-2.1-or-later
"""The object store does not know the signature: the next target gets the dump."""

import fars3

DEFAULT = False


def run():
    fars3.refused()
