# SPDX-License-Identifier: LGPL-2.1-or-later
"""A thousand sparse reloads of Linux 6.12, each read back: no byte is wrong, and it dumps."""

import lightsparse

DEFAULT = False
GUEST = False


def run():
    lightsparse.run("6.12")
