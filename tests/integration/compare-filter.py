#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares what two vmcores of the same raw ELF core have left out: ours, and one that another program made at the same level.

Usage: compare-filter.py RAW_ELF_CORE OUR_VMCORE PEER_VMCORE

Both are kdump-compressed files. These are violations, each printed, and make the exit status 1:
  - a page that the peer keeps and we do not, unless the workload of rawcore.py has poisoned it;
  - a page with a mark of that workload that we keep and the peer does not;
  - a page of a program's own memory (ANONMARK, HUGEMARK) that we keep at a level that leaves such pages out;
  - a page of ours that libkdumpfile does not read back as it is in the raw core;
  - a page that only we keep and that is not kept by a rule of ours that is stricter (kernelpages.py);
  - more than 0.5 % of such pages.
Pages that only we keep are counted by what they are: a filter may be more careful.
"""

import collections
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import kdumpfile  # noqa: E402
from kernelpages import KernelPages  # noqa: E402
from vmcorefile import PAGE_BYTES, RawCore  # noqa: E402

MARKS = ("ANONMARK", "HUGEMARK", "CACHMARK", "TMPFMARK", "FREEMARK", "POISMARK")
OF_PROGRAMS = ("ANONMARK", "HUGEMARK")
POISONED = "POISMARK"
LEVEL_USER = 8
BATCH_PAGES = 256
SHOWN = 8  # pages of a violation
EXTRA_SHARE_MAX = 0.005


class Dump:
    """The header and the bitmaps of a kdump-compressed file; bitmaps as integers, bit n is page frame n."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            head = f.read(464)
            if head[:8] != b"KDUMP   ":
                sys.exit("compare-filter: '%s' is not in the kdump-compressed format" % path)
            self.version, = struct.unpack_from("<i", head, 8)
            self.block_bytes, sub_blocks, bitmap_blocks = struct.unpack_from("<iii", head, 428)
            f.seek(self.block_bytes)
            sub = f.read(104)
            self.level, = struct.unpack_from("<i", sub, 8)
            self.max_pfn, = struct.unpack_from("<Q", sub, 96)
            f.seek(self.block_bytes * (1 + sub_blocks))
            size = bitmap_blocks // 2 * self.block_bytes
            self.exists = int.from_bytes(f.read(size), "little")
            self.kept = int.from_bytes(f.read(size), "little")


def bits(number):
    """The bits that are set, in order."""
    for at, byte in enumerate(number.to_bytes((number.bit_length() + 7) // 8, "little")):
        while byte:
            low = byte & -byte
            yield at * 8 + low.bit_length() - 1
            byte ^= low


def runs(number, longest):
    """(first, end) of the runs of set bits, no longer than @longest."""
    first = end = -1
    for bit in bits(number):
        if bit != end or bit - first == longest:
            if first >= 0:
                yield first, end
            first = bit
        end = bit + 1
    if first >= 0:
        yield first, end


def marked_pages(core):
    """Mark -> the pages that begin with it."""
    found = {mark: bytearray() for mark in MARKS}
    last = max(end for _, end, _ in core.segments) // PAGE_BYTES + 1
    for bitmap in found.values():
        bitmap.extend(bytes(last // 8 + 1))
    names = {mark.encode(): found[mark] for mark in MARKS}
    for start, end, offset in core.segments:
        for paddr in range(-(-start // PAGE_BYTES) * PAGE_BYTES, end - 7, PAGE_BYTES):
            at = offset + paddr - start
            bitmap = names.get(core.map[at:at + 8])
            if bitmap is not None:
                pfn = paddr // PAGE_BYTES
                bitmap[pfn // 8] |= 1 << pfn % 8
    return {mark: int.from_bytes(bitmap, "little") for mark, bitmap in found.items()}


class Contents:
    """Reads the pages of a vmcore and of the raw core and compares them."""

    def __init__(self, path, core):
        self.dump = kdumpfile.kdumpfile(path)
        self.core = core

    def same(self, first, end):
        """Where the raw core has only a part of a page, only that is compared."""
        try:
            saved = self.dump.read(kdumpfile.KDUMP_MACHPHYSADDR, first * PAGE_BYTES, (end - first) * PAGE_BYTES)
        except Exception as e:  # each kind of libkdumpfile's errors means the same here
            return str(e)
        for start, stop, offset in self.core.segments:
            low, high = max(start, first * PAGE_BYTES), min(stop, end * PAGE_BYTES)
            if low < high and saved[low - first * PAGE_BYTES:high - first * PAGE_BYTES] != \
                    self.core.map[offset + low - start:offset + high - start]:
                return "differs"
        return None

    def troubles(self, kept):
        """(pfn, what) of each page that is not as it should be."""
        for first, end in runs(kept, BATCH_PAGES):
            if self.same(first, end):
                for pfn in range(first, end):
                    what = self.same(pfn, pfn + 1)
                    if what:
                        yield pfn, what


class Report:
    def __init__(self):
        self.violations = 0

    def line(self, count, text):
        print("%8d  %s" % (count, text))

    def violation(self, core, pages, text):
        """One line, and the first of the pages with how they begin."""
        count = pages.bit_count()
        self.line(count, text + (": VIOLATION" if count else ""))
        self.violations += count
        for _, pfn in zip(range(SHOWN), bits(pages)):
            print("          pfn %#x begins with %r" % (pfn, core.read(pfn * PAGE_BYTES, 24)))


def explain_extra(report, core, extra, n_peer):
    """Says what the pages are that only we keep."""
    kernel, kinds = KernelPages(core), collections.Counter()
    unexplained = 0
    for pfn in bits(extra):
        text, explained = kernel.explain(pfn)
        kinds[text] += 1
        unexplained |= 0 if explained else 1 << pfn
    report.line(extra.bit_count(), "pages kept by us only, %.2f %% of the peer's" % (100 * extra.bit_count() / max(n_peer, 1)))
    for text, count in kinds.most_common():
        report.line(count, "  " + text)
    report.violation(core, unexplained, "pages kept by us only for no known reason")
    if extra.bit_count() > EXTRA_SHARE_MAX * n_peer:
        report.violation(core, extra, "pages are more than %.1f %%" % (100 * EXTRA_SHARE_MAX))


def compare_sets(report, core, ours, peer):
    marked = marked_pages(core)
    lost, extra = peer.kept & ~ours.kept, ours.kept & ~peer.kept
    report.line(ours.kept.bit_count(), "pages kept by us")
    report.line(peer.kept.bit_count(), "pages kept by the peer")
    report.line((lost & marked[POISONED]).bit_count(), "poisoned pages kept by the peer only")
    report.violation(core, lost & ~marked[POISONED], "other pages kept by the peer only")
    explain_extra(report, core, extra, peer.kept.bit_count())
    for mark in MARKS:
        report.line((ours.kept & marked[mark]).bit_count(), "pages with %s kept by us, of %d" %
                    (mark, marked[mark].bit_count()))
        report.violation(core, extra & marked[mark], "pages with %s kept by us only" % mark)
    if ours.level & LEVEL_USER:
        for mark in OF_PROGRAMS:
            report.violation(core, ours.kept & marked[mark], "pages with %s kept at level %d" % (mark, ours.level))


def compare_contents(report, core, ours):
    troubles = list(Contents(ours.path, core).troubles(ours.kept))
    for pfn, what in troubles[:SHOWN]:
        print("          pfn %#x %s" % (pfn, what))
    report.line(ours.kept.bit_count() - len(troubles), "pages of ours are as in the raw core")
    report.line(len(troubles), "pages of ours are not" + (": VIOLATION" if troubles else ""))
    report.violations += len(troubles)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    ours, peer = Dump(sys.argv[2]), Dump(sys.argv[3])
    if ours.level != peer.level:
        sys.exit("compare-filter: our vmcore is of level %d, the peer's of level %d" % (ours.level, peer.level))
    report = Report()
    with open(sys.argv[1], "rb") as f:
        core = RawCore(f)
        print("level %d, %s" % (ours.level, core.keys["OSRELEASE"]))
        report.violation(core, peer.exists & ~ours.exists, "pages that exist only for the peer")
        compare_sets(report, core, ours, peer)
        compare_contents(report, core, ours)
    print("%d violations" % report.violations)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
