# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bits of what is loaded fall over before a panic of Linux 6.1: what has one good copy is dumped all the same."""

import lightflips

DEFAULT = False
GUEST = False


def run():
    lightflips.run("6.1")
