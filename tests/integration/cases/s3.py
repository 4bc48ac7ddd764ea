# SPDX-License-Identifier: LGPL-2.1-or-later
"""url s3://bucket/prefix at Ceph's object store, which checks signatures: a dump of more than 100 MiB in parts, the same as
that of the same panic on a disk. No secret is where others see it."""

import fars3

DEFAULT = False


def run():
    fars3.save_large()
