# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bits of the table that EFI's runtime is found by, and of what names it, fall over before a panic."""

import os

import bed
import lightflips
from lightplatforms import OVMF

DEFAULT = False
GUEST = False


def run():
    if not os.path.exists(OVMF):
        raise bed.Skip("the package 'ovmf' is not installed")
    lightflips.run("6.1", choose=lambda flip: flip.place in ("EFI table", "setup_data"), options=("-bios", OVMF))
