# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of interrupted captures share: a core made up, a reader of what was saved of it, and the program."""

import contextlib
import ctypes
import json
import mmap
import os
import random
import struct
import subprocess
import time
import zlib

PAGE_BYTES = 4096
PT_LOAD = 1
EXIT_INCOMPLETE = 3
STATUS_INCOMPLETE = 0x8
FLAG_ZLIB, FLAG_LZO = 1, 2
DIRECT_MAP_VADDR = 0xffff888000000000
FIRST_PADDR = 1 << 20


# A capture may have ended before it is met where it should be.
TRIES_MAX = 20
POLL_SECONDS = 0.0003


class Failure(Exception):
    pass


def check(condition, text, *values):
    if not condition:
        raise Failure(text % values)


def make_core(path, mib, seed):
    """An ELF core of @mib MiB of memory: text, noise, zeros and pages of one word, mixed."""
    noise = random.Random(seed)
    n_pages = mib * 256
    data_at = PAGE_BYTES
    with open(path, "wb") as f:
        f.write(b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
            "<HHIQQQIHHHHHH", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0))
        f.write(struct.pack("<IIQQQQQQ", PT_LOAD, 7, data_at, DIRECT_MAP_VADDR + FIRST_PADDR, FIRST_PADDR,
                            n_pages * PAGE_BYTES, n_pages * PAGE_BYTES, 0))
        f.write(bytes(data_at - f.tell()))
        for pfn in range(n_pages):
            kind = noise.randrange(8)
            if kind == 0:
                f.write(bytes(PAGE_BYTES))
            elif kind == 1:
                f.write(bytes([0x6b, pfn % 7]) * (PAGE_BYTES // 2))
            elif kind < 5:
                f.write(noise.randbytes(PAGE_BYTES))
            else:
                f.write(noise.randbytes(PAGE_BYTES // 2 - 40) + (b"%d of many " % pfn * 400)[:PAGE_BYTES // 2 + 40])


def incomplete(target):
    """The name of a dump until it is whole."""
    return target.with_name(target.name + "-incomplete")


class Core:
    """Physical memory in an ELF core."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        phoff, = struct.unpack_from("<Q", self.map, 32)
        size, count = struct.unpack_from("<HH", self.map, 54)
        headers = [struct.unpack_from("<IIQQQQ", self.map, phoff + i * size) for i in range(count)]
        self.segments = [(paddr, paddr + filesz, offset) for kind, _, offset, _, paddr, filesz in headers
                         if kind == PT_LOAD]

    def same(self, pfn, page):
        """Is @page what the core has of it, or of the part that it has?"""
        start, end = pfn * PAGE_BYTES, (pfn + 1) * PAGE_BYTES
        for first, stop, offset in self.segments:
            low, high = max(first, start), min(stop, end)
            if low < high and self.map[offset + low - first:offset + high - first] != page[low - start:high - start]:
                return False
        return True


def lzo_decode(data):
    lzo = lzo_decode.__dict__.setdefault("library", ctypes.CDLL("liblzo2.so.2"))
    out, size = ctypes.create_string_buffer(PAGE_BYTES), ctypes.c_size_t(PAGE_BYTES)
    if lzo.lzo1x_decompress_safe(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size), None) != 0:
        return None
    return out.raw[:size.value]


def zlib_decode(data):
    try:
        return zlib.decompress(data)
    except zlib.error:
        return None


DECODERS = {0: bytes, FLAG_ZLIB: zlib_decode, FLAG_LZO: lzo_decode}


class Dump:
    """A kdump-compressed file, read by a reader of its own."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            head = f.read(464)
            check(head[:8] == b"KDUMP   ", "'%s' has no header", path)
            self.status, block, sub_blocks, bitmap_blocks = struct.unpack_from("<Iiii", head, 424)
            f.seek(block * (1 + sub_blocks) + bitmap_blocks // 2 * block)
            bitmap = f.read(bitmap_blocks // 2 * block)
            self.pfns = [at * 8 + bit for at, byte in enumerate(bitmap) if byte for bit in range(8) if byte >> bit & 1]
            descs = f.read(24 * len(self.pfns)).ljust(24 * len(self.pfns), b"\0")
            self.descs = list(struct.iter_unpack("<QIIQ", descs))
        descs_end = block * (1 + sub_blocks + bitmap_blocks) + 24 * len(self.pfns)
        self.data_at = -(-descs_end // PAGE_BYTES) * PAGE_BYTES + PAGE_BYTES  # behind the page of zeros

    @property
    def incomplete(self):
        return bool(self.status & STATUS_INCOMPLETE)

    def check_pages(self, core):
        """Every page is as in @core, or is said to be missing. Returns the numbers of those that are there."""
        there = []
        with open(self.path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for pfn, (offset, size, flags, _) in zip(self.pfns, self.descs):
                if offset == 0:
                    continue
                page = DECODERS[flags](data[offset:offset + size])
                check(page is not None and len(page) == PAGE_BYTES, "pfn %#x does not decode", pfn)
                check(core.same(pfn, page), "pfn %#x differs", pfn)
                there.append(pfn)
        return there

    def described_bytes(self):
        """Of the blocks behind the page of zeros, all those that hold data which a descriptor points to."""
        blocks = set()
        for offset, size, _, _ in self.descs:
            if offset >= self.data_at:
                blocks.update(range(offset // PAGE_BYTES, (offset + size - 1) // PAGE_BYTES + 1))
        return len(blocks) * PAGE_BYTES

    def arrived_bytes(self):
        """The same, whether there are descriptors for it or not."""
        total, at = 0, self.data_at
        fd = os.open(self.path, os.O_RDONLY)
        try:
            end = os.fstat(fd).st_size
            while at < end:
                try:
                    start = os.lseek(fd, at, os.SEEK_DATA)
                except OSError:  # ENXIO: a hole up to the end
                    break
                at = os.lseek(fd, start, os.SEEK_HOLE)
                total += at - start
        finally:
            os.close(fd)
        return total


class Program:
    """kdump-capture."""

    def __init__(self, path):
        self.path = path

    def save_argv(self, core, target, options):
        return [self.path, "save", str(core), str(target), *options]

    def start(self, core, target, options, environment=None):
        return subprocess.Popen(self.save_argv(core, target, options), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env=dict(os.environ, **(environment or {})))

    def stop_at(self, core, target, options, size, number):
        """Starts a capture and sends it a signal as soon as its file is so long, or it has ended."""
        partial = incomplete(target)
        for path in (partial, target):
            path.unlink(missing_ok=True)
        process = self.start(core, target, options)
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                if partial.stat().st_size >= size:
                    break
            time.sleep(POLL_SECONDS)
        process.send_signal(number)
        return process

    def save(self, core, target, options, environment=None):
        """Returns (exit status, messages)."""
        process = self.start(core, target, options, environment)
        _, messages = process.communicate(timeout=600)
        text = messages.decode(errors="replace")
        check(process.returncode in (0, 1, EXIT_INCOMPLETE) and "Sanitizer" not in text and "runtime error" not in text,
              "save ended with %d:\n%s", process.returncode, text)
        return process.returncode, text

    def repair(self, target):
        """Returns (exit status, result or None, messages)."""
        done = subprocess.run([self.path, "repair", str(target), "--json"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=600)
        text = done.stderr.decode(errors="replace")
        check(done.returncode in (0, 1, EXIT_INCOMPLETE), "repair ended with %d:\n%s", done.returncode, text)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, text
