#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Saves a small core in every form, to a file and through a pipe, and reads each back, byte for byte.

Usage: save-formats.py KDUMP_CAPTURE

The readers are written from the descriptions of the formats. What the flattened form becomes is also compared with
what `makedumpfile -R` makes of it, if there is one: MAKEDUMPFILE= or in PATH.
"""

import contextlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

PAGE = 4096
DIRECT_MAP, KERNEL_MAP = 0xffff888000000000, 0xffffffff80000000
VMCOREINFO = b"OSRELEASE=6.1.0-test\nPAGESIZE=4096\nCRASHTIME=1700000000\n"
ET_CORE, EM_X86_64, PT_LOAD, PT_NOTE = 4, 62, 1, 4
INCOMPLETE = 0x8  # in the status of a kdump header
MISSING = object()


def note(name, kind, data):
    name += b"\0"
    return struct.pack("<III", len(name), len(data), kind) + name + bytes(-len(name) % 4) + data + bytes(-len(data) % 4)


class Memory:
    """Pages of all kinds in two runs, and the core that holds them."""

    RUNS = ((0x10, 700), (0x1000, 900))  # first page frame, pages
    IMAGE = (0x1010, 64)

    def __init__(self):
        rng = random.Random(1)
        self.pages = {}
        for first, n in self.RUNS:
            for pfn in range(first, first + n):
                kind = pfn % 5
                self.pages[pfn] = (bytes(PAGE) if kind == 0 or 0x1100 <= pfn < 0x1180 else
                                   rng.randbytes(PAGE) if kind < 3 else
                                   bytes((pfn + i) % 7 for i in range(PAGE)))
        self.notes = note(b"VMCOREINFO", 0, VMCOREINFO)

    def write(self, path, n_lost=0):
        """The core as /proc/vmcore is laid out; without its last pages, for which the headers stay."""
        segments = [(KERNEL_MAP, *self.IMAGE)] + [(DIRECT_MAP + first * PAGE, first, n) for first, n in self.RUNS]
        headers, offset = [], PAGE
        headers.append(struct.pack("<IIQQQQQQ", PT_NOTE, 0, offset, 0, 0, len(self.notes), len(self.notes), 0))
        body = self.notes + bytes(-len(self.notes) % PAGE)
        for vaddr, first, n in segments:
            headers.append(struct.pack("<IIQQQQQQ", PT_LOAD, 7, PAGE + len(body), vaddr, first * PAGE, n * PAGE,
                                       n * PAGE, 0))
            body += b"".join(self.pages[first + i] for i in range(n))
        head = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack("<HHIQQQIHHHHHH", ET_CORE, EM_X86_64, 1, 0, 64, 0, 0,
                                                               64, 56, len(headers), 0, 0, 0)
        data = (head + b"".join(headers)).ljust(PAGE, b"\0") + body
        path.write_bytes(data[:len(data) - n_lost * PAGE])


def unflatten(data):
    """What a stream of records becomes."""
    signature, kind, version = struct.unpack_from(">16sqq", data)
    assert (signature.rstrip(b"\0"), kind, version) == (b"makedumpfile", 1, 1), "no flattened file"
    out, at, seen = bytearray(), 4096, []
    while True:
        offset, size = struct.unpack_from(">qq", data, at)
        at += 16
        if (offset, size) == (-1, -1):
            break
        out.extend(bytes(max(offset + size - len(out), 0)))
        out[offset:offset + size] = data[at:at + size]
        seen.append((offset, offset + size))
        at += size
    assert at == len(data), "bytes behind the end"
    seen.sort()
    assert all(a[1] <= b[0] for a, b in zip(seen, seen[1:])), "a range is there twice: readers do not agree which counts"
    return bytes(out)


def read_kdump(data):
    """(status, notes, {page frame: bytes or MISSING}) of a kdump-compressed file with zlib."""
    assert data[:8] == b"KDUMP   ", "no kdump header"
    status, block, sub_blocks, bitmap_blocks = struct.unpack_from("<Iiii", data, 424)
    note_offset, note_size = struct.unpack_from("<QQ", data, block + 48)
    bitmap = block * (1 + sub_blocks)
    half = bitmap_blocks // 2 * block
    kept, descs = data[bitmap + half:bitmap + 2 * half], bitmap + 2 * half
    pages = {}
    for pfn in (i * 8 + k for i, byte in enumerate(kept) if byte for k in range(8) if byte >> k & 1):
        offset, size, flags, _ = struct.unpack_from("<QIIQ", data, descs + 24 * len(pages))
        stored = data[offset:offset + size]
        pages[pfn] = MISSING if offset == 0 else zlib.decompress(stored) if flags == 1 else stored
    return status, data[note_offset:note_offset + note_size], pages


def read_elf(data):
    """(flags, notes, {page frame: bytes}, {page frame of the kernel's image: virtual address}) of an ELF core."""
    assert data[:7] == b"\x7fELF\2\1\1", "no ELF file"
    kind, machine, _, _, phoff, _, flags, _, _, phnum, _, _, _ = struct.unpack_from("<HHIQQQIHHHHHH", data, 16)
    assert (kind, machine) == (ET_CORE, EM_X86_64)
    notes, pages, image = b"", {}, {}
    for i in range(phnum):
        kind, _, offset, vaddr, paddr, filesz, memsz, _ = struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)
        assert offset + filesz <= len(data), "a segment reaches behind the end"
        if kind == PT_NOTE:
            notes += data[offset:offset + filesz]
            continue
        assert filesz == memsz
        if vaddr < KERNEL_MAP:
            assert vaddr == DIRECT_MAP + paddr
        for at in range(0, filesz, PAGE):
            page = data[offset + at:offset + at + PAGE]
            if vaddr >= KERNEL_MAP:
                image[(paddr + at) // PAGE] = vaddr + at
                continue
            assert (paddr + at) // PAGE not in pages, "a page is in two segments"
            pages[(paddr + at) // PAGE] = page
    return flags, notes, pages, image


class Case:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.memory = Memory()
        self.source, self.cut = folder / "core", folder / "core-cut"
        self.memory.write(self.source)
        self.memory.write(self.cut, n_lost=10)
        self.peer = os.environ.get("MAKEDUMPFILE") or shutil.which("makedumpfile")

    def save(self, source, form, pipe):
        """(exit status, bytes that were written, result)"""
        target = "-" if pipe else self.folder / "dump"
        command = [self.program, "save", source, target, "--compress=zlib", "--threads=2", "--json"]
        command += [f"--format={form}"] if form else []
        if form == "elf":
            command.remove("--compress=zlib")
        if not pipe:
            with contextlib.suppress(FileNotFoundError):
                target.unlink()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        told = done.stderr if pipe else done.stdout
        data = done.stdout if pipe else target.read_bytes()
        return done.returncode, data, json.loads(told[told.index(b"{"):])

    def check_pages(self, pages, n_lost):
        lost = set(sorted(self.memory.pages)[len(self.memory.pages) - n_lost:])
        for pfn, page in self.memory.pages.items():
            found = pages.get(pfn, MISSING)
            assert (found is MISSING) == (pfn in lost), f"page {pfn:#x} is {'there' if pfn in lost else 'missing'}"
            assert found is MISSING or found == page, f"page {pfn:#x} differs"
        assert not set(pages) - set(self.memory.pages), "there are pages that are no memory"

    def check_kdump(self, data, n_lost):
        status, notes, pages = read_kdump(data)
        assert bool(status & INCOMPLETE) == bool(n_lost), f"status {status:#x}"
        assert notes == self.memory.notes
        self.check_pages(pages, n_lost)

    def check_flat(self, data, n_lost):
        plain = unflatten(data)
        self.check_kdump(plain, n_lost)
        if not self.peer:
            return
        made = self.folder / "made"
        with contextlib.suppress(FileNotFoundError):
            made.unlink()
        subprocess.run([self.peer, "-R", made], input=data, stdout=subprocess.DEVNULL, check=True)
        assert made.read_bytes() == plain, f"'{self.peer} -R' makes something else of it"

    def check_elf(self, data, n_lost):
        flags, notes, pages, image = read_elf(data)
        assert flags == (1 if n_lost else 0)
        assert notes == self.memory.notes
        self.check_pages(pages, n_lost)
        first, n = self.memory.IMAGE
        assert image == {first + i: KERNEL_MAP + i * PAGE for i in range(n)}
        if n_lost:
            return
        again = self.folder / "again"  # and by our own reader
        again.write_bytes(data)
        status, saved, _ = self.save(again, "kdump", False)
        assert status == 0
        self.check_kdump(saved, 0)

    def run(self, form, pipe, n_lost):
        status, data, told = self.save(self.cut if n_lost else self.source, form, pipe)
        assert status == (3 if n_lost else 0), f"exit status {status}"
        form = form or ("flat" if pipe else "kdump")
        assert (told["status"], told["format"]) == ("incomplete" if n_lost else "complete", form)
        assert (told["n_pages"], told["n_pages_missing"]) == (len(self.memory.pages), n_lost)
        getattr(self, f"check_{form}")(data, n_lost)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="kdumpd-test-") as folder:
        case = Case(sys.argv[1], Path(folder))
        failed = False
        for form, pipe in ((None, False), ("kdump", False), ("flat", False), ("elf", False), (None, True),
                           ("flat", True), ("elf", True)):
            for n_lost in (0, 10):
                name = f"{form or 'no format'} to a {'pipe' if pipe else 'file'}, {n_lost} pages unreadable"
                try:
                    case.run(form, pipe, n_lost)
                    print(f"ok: {name}")
                except AssertionError as e:
                    failed = True
                    print(f"FAILED: {name}: {e}")
        print(f"with {case.peer}" if case.peer else "without makedumpfile")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
