# SPDX-License-Identifier: LGPL-2.1-or-later
"""VmcoreFile: writes the ELF core that qemu made of an x86_64 guest anew, laid out as the guest's own /proc/vmcore would be.

That means (kernel/crash_core.c, crash_prepare_elf64_headers(); fs/proc/vmcore.c, both of v6.12): program headers directly
behind the ELF header, one PT_NOTE, a PT_LOAD of the kernel image at its virtual address, one PT_LOAD per range of System RAM
at its address in the direct map, file offsets congruent to physical addresses modulo the page size. Pages of zeros are holes.
"""

import mmap
import re
import struct

PAGE_BYTES = 4096
COPY_BYTES = 1 << 20
PT_LOAD, PT_NOTE = 1, 4
ET_CORE, EM_X86_64 = 4, 62
EHDR_BYTES, PHDR_BYTES = 64, 56

KERNEL_MAP_VADDR = 0xffffffff80000000
KERNEL_IMAGE_BYTES = 1 << 30  # with KASLR, arch/x86/include/asm/page_64_types.h
DIRECT_MAP_VADDR = {False: 0xffff888000000000, True: 0xff11000000000000}  # lowest, by 5 level paging
ADDRESS_MASK = 0x000ffffffffff000
PRESENT, LEAF = 1, 1 << 7


class RawCore:
    """What qemu wrote: physical memory and notes."""

    def __init__(self, f):
        self.map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        phoff, = struct.unpack_from("<Q", self.map, 32)
        phentsize, phnum = struct.unpack_from("<HH", self.map, 54)
        self.segments, self.notes = [], b""
        for at in range(phoff, phoff + phentsize * phnum, phentsize):
            kind, _, offset, _, paddr, filesz, _, _ = struct.unpack_from("<IIQQQQQQ", self.map, at)
            if kind == PT_NOTE:
                self.notes = self.map[offset:offset + filesz]
            elif kind == PT_LOAD:
                self.segments.append((paddr, paddr + filesz, offset))
        self.keys = vmcoreinfo(self.notes)
        self.level5 = bool(int(self.keys["NUMBER(pgtable_l5_enabled)"]))

    def read(self, paddr, size):
        for start, end, offset in self.segments:
            if start <= paddr and paddr + size <= end:
                return self.map[offset + paddr - start:offset + paddr - start + size]
        raise ValueError("physical address %#x is not in the core" % paddr)

    def entries(self, table, shift, start, end, low):
        """(virtual address, physical address, shift) of what a page table maps within [start, end), in order, down to
        entries of 1 << low bytes."""
        for index, entry in enumerate(struct.unpack("<512Q", self.read(table, PAGE_BYTES))):
            span = 1 << shift
            vaddr = (start & ~((span << 9) - 1)) + index * span
            if not entry & PRESENT or vaddr + span <= start or vaddr >= end:
                continue
            if shift == low or (entry & LEAF and shift <= 30):
                yield vaddr, entry & ADDRESS_MASK & ~(span - 1), shift
            else:
                yield from self.entries(entry & ADDRESS_MASK, shift - 9, max(start, vaddr), min(end, vaddr + span), low)

    def mapped(self, start, end, low):
        root = int(self.keys["SYMBOL(init_top_pgt)"], 16) if "SYMBOL(init_top_pgt)" in self.keys else \
            int(self.keys["SYMBOL(swapper_pg_dir)"], 16)
        table = root - KERNEL_MAP_VADDR + int(self.keys["NUMBER(phys_base)"])
        return self.entries(table, 48 if self.level5 else 39, start, end, low)

    def direct_map(self):
        """The virtual address of physical address 0: KASLR aligns it to 1 GiB."""
        return next(self.mapped(DIRECT_MAP_VADDR[self.level5], KERNEL_MAP_VADDR, 30))[0]

    def kernel_image(self):
        """(virtual address, physical address, bytes)."""
        text = int(self.keys["SYMBOL(_stext)"], 16)
        last, _, shift = list(self.mapped(KERNEL_MAP_VADDR, KERNEL_MAP_VADDR + KERNEL_IMAGE_BYTES, 21))[-1]
        return text, text - KERNEL_MAP_VADDR + int(self.keys["NUMBER(phys_base)"]), last + (1 << shift) - text


def vmcoreinfo(notes):
    """The keys of the VMCOREINFO note."""
    at = 0
    while at + 12 <= len(notes):
        namesz, descsz, _ = struct.unpack_from("<III", notes, at)
        desc = at + 12 + (namesz + 3 & ~3)
        if notes[at + 12:at + 12 + namesz].rstrip(b"\0") == b"VMCOREINFO":
            lines = notes[desc:desc + descsz].decode("ascii", "replace").splitlines()
            return dict(line.split("=", 1) for line in lines if "=" in line)
        at = desc + (descsz + 3 & ~3)
    raise ValueError("the core has no vmcoreinfo")


def system_ram(console):
    """[start, end) of what the firmware gave to the kernel, from the kernel's log, whose words
    changed in 2026; page 0 is never used."""
    ranges = re.findall(r"BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] +(?:usable|System RAM)\b", console)
    if not ranges:
        raise ValueError("the kernel log has no map of memory")
    return [(max(int(start, 16), PAGE_BYTES), int(end, 16) + 1) for start, end in ranges]


def page_up(n):
    return -(-n // PAGE_BYTES) * PAGE_BYTES


def copy_sparse(core, f, start, end, offset):
    zeros = bytes(COPY_BYTES)
    for at in range(start, end, COPY_BYTES):
        data = core.read(at, min(COPY_BYTES, end - at))
        if data == zeros[:len(data)]:
            continue
        for page in range(0, len(data), PAGE_BYTES):
            if data[page:page + PAGE_BYTES] != zeros[:PAGE_BYTES]:
                f.seek(offset + at - start + page)
                f.write(data[page:page + PAGE_BYTES])


def headers(core, ranges):
    """The bytes before the memory, and (start, end, offset) of each range in the file."""
    image_vaddr, image_paddr, image_bytes = core.kernel_image()
    direct = core.direct_map()
    count = 2 + len(ranges)
    notes_at = page_up(EHDR_BYTES + count * PHDR_BYTES)
    data_at = notes_at + page_up(len(core.notes))
    places = []
    for start, end in ranges:
        places.append((start // PAGE_BYTES * PAGE_BYTES, page_up(end), data_at))
        data_at += page_up(end) - start // PAGE_BYTES * PAGE_BYTES
    image_at = next(at + image_paddr - start for start, end, at in places if start <= image_paddr < end)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", ET_CORE, EM_X86_64, 1, 0, EHDR_BYTES, 0, 0, EHDR_BYTES, PHDR_BYTES, count, 0, 0, 0)
    size = len(core.notes)
    head += struct.pack("<IIQQQQQQ", PT_NOTE, 0, notes_at, 0, 0, size, size, 0)
    head += struct.pack("<IIQQQQQQ", PT_LOAD, 7, image_at, image_vaddr, image_paddr, image_bytes, image_bytes, 0)
    for (start, end), (_, _, at) in zip(ranges, places):
        head += struct.pack("<IIQQQQQQ", PT_LOAD, 7, at + start % PAGE_BYTES, direct + start, start, end - start,
                            end - start, 0)
    return head.ljust(notes_at, b"\0") + core.notes, places


def write(source, target, console):
    """Writes the core @source of qemu to @target; @console is the text of the guest's kernel log. Returns its vmcoreinfo."""
    with open(source, "rb") as f, open(target, "wb") as out:
        core = RawCore(f)
        head, places = headers(core, system_ram(console))
        out.write(head)
        for start, end, offset in places:
            copy_sparse(core, out, start, end, offset)
        out.truncate(places[-1][2] + places[-1][1] - places[-1][0])
        return core.keys
