# SPDX-License-Identifier: LGPL-2.1-or-later
"""The image and the smallest crashkernel= for a dump by NFS."""

import sizecase

DEFAULT = False


def run():
    sizecase.run("nfs")
