# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bits of the table that EFI's runtime is found by, and of what names it, fall over before a panic."""

import bed
import lightfirmware
import lightflips

DEFAULT = False
GUEST = False


def run():
    if lightfirmware.missing():
        raise bed.Skip(lightfirmware.missing())
    lightflips.run("6.1", choose=lambda flip: flip.place in ("EFI table", "setup_data"), options=lightfirmware.plain())
