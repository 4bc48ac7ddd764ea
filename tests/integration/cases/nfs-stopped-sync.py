# SPDX-License-Identifier: LGPL-2.1-or-later
"""The NFS server stops (SIGSTOP) when nearly all is written: the next target gets the dump, and the machine is back in time."""

import farfaults

DEFAULT = False


def run():
    farfaults.nfs_stopped("sync")
