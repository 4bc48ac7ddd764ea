# SPDX-License-Identifier: LGPL-2.1-or-later
"""The object store answers 503 and breaks connections for 15 s in the middle of the dump: it arrives all the same."""

import fars3

DEFAULT = False


def run():
    fars3.save_while_busy()
