#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares two saved dumps of one panic, as libkdumpfile reads them, page by page.

Usage: compare-dumps.py DUMP DUMP

Each may be flattened (also on a bare device, with whatever behind it): `makedumpfile -R` arranges it first. Both must
hold the same pages of the same memory. Prints the number of pages; exits 1 with the first page frames that differ.
"""

import os
import subprocess
import sys
import tempfile

import kdumpfile

PAGE_BYTES = 4096
FLATTENED = b"makedumpfile\0"
SHOWN = 10


def arranged(path, folder):
    """The path of what libkdumpfile can read."""
    with open(path, "rb") as f:
        if f.read(len(FLATTENED)) != FLATTENED:
            return path
    with open(path, "rb") as f:
        result = "%s/%d" % (folder, abs(hash(path)))
        done = subprocess.run(["makedumpfile", "-R", result], stdin=f, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", check=False)
        if done.returncode != 0:
            sys.exit("compare-dumps: '%s' cannot be arranged:\n%s" % (path, done.stdout[-2000:]))
        return result


def page(dump, pfn):
    """None for one that was left out; why not, in words, for one that cannot be read."""
    try:
        return dump.read(kdumpfile.KDUMP_MACHPHYSADDR, pfn * PAGE_BYTES, PAGE_BYTES)
    except kdumpfile.exceptions.NoDataException:
        return None
    except Exception as e:  # each of the other kinds of libkdumpfile's errors means the same here
        return str(e)


def compare(first, second):
    """(pages that both have, lines about those that differ)"""
    sizes = [dump.attr["max_pfn"] for dump in (first, second)]
    if sizes[0] != sizes[1]:
        return 0, ["one ends at pfn %#x, the other at %#x" % tuple(sizes)]
    n, trouble = 0, []
    for pfn in range(sizes[0]):
        ours, theirs = page(first, pfn), page(second, pfn)
        if isinstance(ours, str) or isinstance(theirs, str):
            trouble.append("pfn %#x cannot be read: %s" % (pfn, ours if isinstance(ours, str) else theirs))
        elif ours == theirs:
            n += ours is not None
        elif ours is None or theirs is None:
            trouble.append("pfn %#x is only in the %s" % (pfn, "second" if ours is None else "first"))
        else:
            trouble.append("pfn %#x differs" % pfn)
    return n, trouble


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="compare-dumps-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        n, trouble = compare(*(kdumpfile.kdumpfile(arranged(path, folder)) for path in sys.argv[1:]))
    for line in trouble[:SHOWN]:
        print(line)
    if trouble or n == 0:
        print("%d pages are equal, %d are not" % (n, len(trouble)))
        return 1
    print("%d pages are equal in both dumps" % n)
    return 0


if __name__ == "__main__":
    sys.exit(main())
