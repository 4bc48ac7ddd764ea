#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares a saved vmcore, as libkdumpfile reads it, with a raw ELF core of the same memory.

Usage: compare-pages.py VMCORE RAW_ELF_CORE

Every byte of every PT_LOAD of the raw core must read back the same at its physical address, pages of
zeros included. Prints the number of pages; exits 1 with the first page frame that differs or cannot be
read.
"""
import mmap
import struct
import sys

import kdumpfile

PAGE_BYTES = 4096
BATCH_BYTES = 1 << 20

PT_LOAD = 1
PN_XNUM = 0xFFFF


def elf_segments(core):
    """(paddr, file offset, bytes in the file, bytes in memory) of each PT_LOAD."""
    if core[:6] != b"\x7fELF\x02\x01":
        sys.exit("compare-pages: the raw core is no 64 bit little endian ELF file")
    phoff, shoff = struct.unpack_from("<QQ", core, 32)
    phentsize, phnum = struct.unpack_from("<HH", core, 54)
    if phnum == PN_XNUM:
        (phnum,) = struct.unpack_from("<I", core, shoff + 44)
    for i in range(phnum):
        kind, _, offset, _, paddr, filesz, memsz, _ = struct.unpack_from(
            "<IIQQQQQQ", core, phoff + i * phentsize)
        if kind == PT_LOAD and memsz > 0:
            yield paddr, offset, filesz, memsz


class Comparison:
    def __init__(self, vmcore, core):
        self.dump = kdumpfile.kdumpfile(vmcore)
        self.core = core

    def raw(self, segment, start, size):
        """The bytes of a segment from start on; what the file does not hold is zero."""
        _, offset, filesz, _ = segment
        data = self.core[offset + start:offset + min(start + size, max(filesz, start))]
        return data + bytes(size - len(data))

    def saved(self, paddr, size):
        return self.dump.read(kdumpfile.KDUMP_MACHPHYSADDR, paddr, size)

    def check(self, segment, start, size):
        """What is wrong with this piece of a segment; None if nothing is."""
        try:
            if self.saved(segment[0] + start, size) == self.raw(segment, start, size):
                return None
            trouble = "differs"
        except Exception as e:  # each kind of libkdumpfile's errors means the same here
            trouble = f"cannot be read: {e}"
        return f"pfn {(segment[0] + start) // PAGE_BYTES:#x} {trouble}"

    def first_trouble(self, segment, start, size):
        """As check(), page by page."""
        end = start + size
        while start < end:
            step = min(PAGE_BYTES - (segment[0] + start) % PAGE_BYTES, end - start)
            trouble = self.check(segment, start, step)
            if trouble:
                return trouble
            start += step
        return None

    def run(self, segment):
        memsz = segment[3]
        for start in range(0, memsz, BATCH_BYTES):
            size = min(BATCH_BYTES, memsz - start)
            if self.check(segment, start, size):
                trouble = self.first_trouble(segment, start, size)
                if trouble:
                    return trouble
        return None


def count_pages(segments):
    """Different page frames: segments may overlap."""
    n, last = 0, 0
    for paddr, _, _, memsz in sorted(segments):
        first = max(paddr // PAGE_BYTES, last)
        end = -(-(paddr + memsz) // PAGE_BYTES)
        n += max(end - first, 0)
        last = max(last, end)
    return n


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[2], "rb") as f, \
            mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as core:
        segments = list(elf_segments(core))
        comparison = Comparison(sys.argv[1], core)
        for segment in segments:
            trouble = comparison.run(segment)
            if trouble:
                print(trouble)
                return 1
    print(f"{count_pages(segments)} pages are equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
