#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the inputs that fuzzing began with, by hand and well-formed: make-seeds.py FOLDER, one folder in it for
each target. To be merged into corpus/<target>, see HACKING.md."""

import gzip
import lzma
import struct
import sys
import zlib
from pathlib import Path

EM_X86_64, EM_AARCH64, EM_RISCV = 62, 183, 243
KERNEL_MAP, DIRECT_MAP = 0xffffffff80000000, 0xffff888000000000
INFO = b"OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff80001000\nOFFSET(uts_namespace.name)=4\n"
M64 = (1 << 64) - 1


def note(name, kind, data):
    def pad(b):
        return b + bytes(-len(b) % 4)
    return struct.pack("<III", len(name) + 1, len(data), kind) + pad(name + b"\0") + pad(data)


def core(segments, notes, machine=EM_X86_64, by_section=False, length_bits=0, phnum=None, half_is_lost=0):
    """@segments: (vaddr, paddr, memsz, filesz, offset)"""
    n = len(segments) + 1
    at = 64 + 56 * n + 64
    count = 0xffff if by_section else n if phnum is None else phnum
    head = b"\x7fELF\x02\x01\x01" + bytes(7) + bytes([half_is_lost, length_bits])
    head += struct.pack("<HHIQQQIHHHHHH", 4, machine, 1, 0, 64, 64 + 56 * n, 0, 64, 56, count, 64, 1, 0)
    head += struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), len(notes), 0)
    for vaddr, paddr, memsz, filesz, offset in segments:
        head += struct.pack("<IIQQQQQQ", 1, 7, offset, vaddr, paddr, filesz, memsz, 0)
    head += struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, n, 0, 0)
    return head + notes


def vmcore_seeds():
    usual = note(b"CORE", 1, bytes(336)) + note(b"VMCOREINFO", 0, INFO + b"NUMBER(phys_base)=0\n")
    ram = [(DIRECT_MAP + p, p, 4096, 4096, 4096 + p) for p in (0, 4096, 16384)]
    image = [(KERNEL_MAP + 0x1000, 0x1000, 0x4000, 0x4000, 8192)]
    arm = note(b"VMCOREINFO", 0, b"PAGESIZE=4096\nNUMBER(VA_BITS)=48\nNUMBER(kimage_voffset)=0xffff800000000000\n"
               b"SYMBOL(swapper_pg_dir)=ffff800000001000\nSYMBOL(_stext)=ffff800000080000\nNUMBER(PHYS_OFFSET)=0x0\n")
    yield core(image + ram, usual)
    yield core(ram, usual, by_section=True)
    yield core(ram, usual, length_bits=20)
    yield core(ram, note(b"LINUX", 0x700, bytes(100)) + usual, EM_AARCH64, length_bits=29)
    yield core(ram, arm, EM_AARCH64, length_bits=16)
    yield core(ram, usual, EM_RISCV)
    yield core([(DIRECT_MAP, 0, 1 << 40, 1 << 40, 4096), (0, 1 << 63, 1 << 63, 0, 0), (0, M64, 1, 0, 0)], usual)
    yield core([(0, 100 * i, 250 - i, 50, i) for i in range(12)], usual)
    yield core(ram, struct.pack("<III", 5, 0xffffffff, 0) + b"VMCOREINFO\0" + bytes(9))
    yield core(ram, b"", phnum=0xfffe, length_bits=22)
    yield core([(DIRECT_MAP, 0, 1 << 20, 1 << 20, 4096), (0, 1 << 21, 1 << 20, 1 << 19, 100), (0, 1 << 22, 5000, 0, 0),
                (0, (1 << 22) + 6000, 5000, 5000, 7)], usual, length_bits=22, half_is_lost=1)
    yield core([(DIRECT_MAP, 100, 1 << 20, 1 << 20, 64)], usual, length_bits=19)


def vmcoreinfo_seeds():
    yield INFO
    yield b"SYMBOL(mem_section)=ffff888000000000\nSIZE(a)=64\nOFFSET(page.flags)=0\nLENGTH(a)=11\nNUMBER(a)=-129\n"
    yield b"NUMBER(VA_BITS)=0xffffffffffffffff\nNUMBER(a)=-9223372036854775808\nNUMBER())=-9223372036854775809\n=\n"
    yield b"CRASHTIME=1700000000\nKERNELOFFSET=1d000000\nno equals sign\n\nOSRELEASE=a=b\nOSRELEASE"
    yield b"A=1\0\0\0"


def btf(types, header_bytes=24):
    """@types: (kind, flag, name, size or type, entries: (name, word ...)); a name may be None."""
    strings, words = b"\0", b""

    def at(name):
        nonlocal strings
        if name is None:
            return 0
        strings += name + b"\0"
        return len(strings) - len(name) - 1

    for kind, flag, name, size, entries in types:
        words += struct.pack("<III", at(name), flag << 31 | kind << 24 | len(entries), size)
        for entry in entries:
            words += struct.pack("<%dI" % len(entry), at(entry[0]), *entry[1:])
    head = struct.pack("<HBBIIIII", 0xeb9f, 1, 0, header_bytes, 0, len(words), len(words), len(strings))
    return head + bytes(header_bytes - 24) + words + strings


def btf_seeds():
    a_struct, a_union, enum, typedef, const = 4, 5, 6, 8, 10
    page = (a_struct, 0, b"page", 64, [(b"flags", 0, 0), (None, 2, 64)])
    inner = (a_union, 0, None, 40, [(None, 3, 0), (b"a", 4, 64)])
    head = (a_struct, 0, b"list_head", 16, [(b"next", 0, 0), (b"b", 5, 64)])
    yield btf([page, inner, head, (typedef, 0, b"t", 5, []), (const, 0, None, 6, []),
               (a_struct, 1, b"a", 8, [(b"c", 0, 3 << 24 | 8), (b"a", 1, 16), (b"b", 6, 64)])])
    yield btf([page, (typedef, 0, b"t", 2, [])])
    yield btf([(a_struct, 0, b"a", 8, [(None, 1, 0), (None, 1, 0)])], 32)
    yield btf([(enum, 0, b"pageflags", 4, [(b"A", 0), (b"PG_lru", 5)]), (enum, 1, None, 4, [(b"B", 0xffffffff)])])
    yield btf([(a_struct, 0, b"b", 8, [(b"a", 9, 0)])])
    yield btf([(30, 0, None, 0, [])])


def memory(mode, text, words):
    """An input of FuzzCore. @words: {paddr: value}"""
    records = b"".join(struct.pack("<HQ", paddr // 8, value & M64) for paddr, value in words.items())
    return bytes([mode]) + struct.pack("<H", len(text)) + text + records


def tables(root, root_bits, page_shift, index_bits, n_levels, vaddr, paddr, level, entry):
    """Maps @vaddr to @paddr at @level. @entry(paddr, is_last, level) makes a descriptor."""
    words, table = {}, root
    for i in range(n_levels - 1, level - 1, -1):
        shift = page_shift + index_bits * i
        bits = root_bits - shift if i == n_levels - 1 else index_bits
        at = table + (vaddr >> shift & (1 << bits) - 1) * 8
        table = root + ((n_levels - i) << page_shift)
        words[at] = entry(paddr if i == level else table, i == level, i)
    return words


def kmem_seeds():
    def x86(p, last, level):
        return p | 3 | (0x80 if last and level else 0)

    def arm(p, last, level):
        return p | 0x700 | (1 if last and level else 3)

    def lpa2(p, last, level):
        return p & (1 << 50) - 1 | p >> 50 << 8 | 0x400 | (1 if last and level else 3)

    def lpa(p, last, level):
        return p & (1 << 48) - 1 | p >> 48 << 12 | 0x400 | (1 if last and level else 3)

    cases = [
        (0, 0x1000, 48, 12, 4, x86, 0xffffc90000000000), (1, 0x1000, 57, 12, 5, x86, 0xffa0000000000000),
        (2, 0x10000, 48, 12, 4, arm, 0xffff800010000000), (3, 0x10000, 52, 12, 5, lpa2, 0xffff800010000000),
        (4, 0x10000, 52, 14, 4, lpa2, 0xffff800010000000), (5, 0x10000, 52, 16, 3, lpa, 0xffff800010000000),
    ]
    for mode, root, bits, page_shift, n_levels, entry, vaddr in cases:
        for level in range(min(3, n_levels)):
            words = tables(root, bits, page_shift, page_shift - 3, n_levels, vaddr, 0, level, entry)
            vaddrs = [vaddr + 0x123, DIRECT_MAP, KERNEL_MAP + 0x1000, 0xffff000000001000, M64, vaddr - 1]
            words.update({0x40000 - 64 + 8 * i: v for i, v in enumerate(vaddrs)})
            yield memory(mode, b"SYMBOL(init_uts_ns)=%x\nOFFSET(uts_namespace.name)=4\n" % vaddr, words)
    yield memory(6, b"PAGESIZE=65536\nNUMBER(VA_BITS)=42\nSYMBOL(_stext)=fffffe0010080000\nNUMBER(PHYS_OFFSET)=0x0\n",
                 {0x3fff8: 0xfffffc0000000000})
    yield memory(0, b"NUMBER(sme_mask)=140737488355328\nNUMBER(phys_base)=-4096\nNUMBER(KERNEL_IMAGE_SIZE)=536870912\n",
                 {0x40000 - 64: KERNEL_MAP + 0x2000})
    # The image, in 2 MiB pages with a hole, and the direct map, which has the root.
    image = {0x2000 + 8 * 510: 0x3003, 0x3000: 0x83, 0x3010: 0x400083, 0x4000: 0x83}
    yield memory(0, b"", {0x1000 + 8 * 511: 0x2003, 0x1000 + 8 * 273: 0x4003, **image})
    yield memory(1, b"", {0x1000 + 8 * 511: 0x5003, 0x1000 + 8 * 273: 0x6003, 0x5000 + 8 * 511: 0x2003, 0x6000: 0x4003, **image})


def put(words, paddr, data):
    data += bytes(-len(data) % 8)
    for i in range(0, len(data), 8):
        words[paddr + i] = struct.unpack_from("<Q", data, i)[0]


def ring(messages, count_bits=4, size_bits=9, first_id=16, states=None):
    """As the kernel of v6.12 makes it: descriptors at 0x2000, infos at 0x3000, text at 0x6000."""
    words, lpos = {}, 0
    for i, text in enumerate(messages):
        number, size = first_id + i, 8 + len(text) + 7 & ~7
        begin, after = (3, 3) if not text else (lpos, lpos + size)
        if text:
            if lpos >> size_bits != (after - 1) >> size_bits:
                after = (after >> size_bits << size_bits) + size
            start = lpos & (1 << size_bits) - 1 if after == lpos + size else 0
            put(words, 0x6000 + start, struct.pack("<Q", number) + text)
            lpos = after
        state = states[i] if states else 2
        slot = number & (1 << count_bits) - 1
        put(words, 0x2000 + 24 * slot, struct.pack("<QQQ", state << 62 | number, begin, after))
        put(words, 0x3000 + 88 * slot, struct.pack("<QQQ", i, i * 1500000000, len(text)))
    put(words, 0x100, struct.pack("<Q", KERNEL_MAP + 0x1000))
    put(words, 0x1000, struct.pack("<QQQQQ", count_bits, DIRECT_MAP + 0x2000, DIRECT_MAP + 0x3000,
                                   first_id + len(messages) - 1, first_id))
    put(words, 0x1000 + 56, struct.pack("<QQ", size_bits, DIRECT_MAP + 0x6000))
    return words


def records(messages, bytes_of_log=512, first=0, flags=()):
    """@flags: of each message, by its number: LOG_NEWLINE 2, LOG_PREFIX 4, LOG_CONT 8, above the level."""
    words, log, at = {}, bytearray(bytes_of_log), first
    for i, text in enumerate(messages):
        length = 16 + len(text) + 3 & ~3
        if at + length > bytes_of_log:
            at = 0
        log[at:at + 16 + len(text)] = struct.pack("<QHHHBB", i * 1500000000, length, len(text), 0, 0,
                                                     (flags[i] << 3 if i < len(flags) else 0)) + text
        at += length
    put(words, 0x2000, bytes(log))
    put(words, 0x100, struct.pack("<QIIQ", DIRECT_MAP + 0x2000, bytes_of_log, first, at))
    return {paddr: value for paddr, value in words.items() if value}


def dmesg_seeds():
    log = [b"Linux version 6.1.0", b"", b"two\nlines\n", b"\x01\xff\x7f\ttab", b"Kernel panic - not syncing: sysrq"]
    yield memory(0, b"", ring(log))
    yield memory(0, b"", ring(log * 3, size_bits=7))
    yield memory(0, b"", ring(log, states=[0, 1, 2, 3, 2]))
    yield memory(0, b"", ring(log, count_bits=13, size_bits=17, first_id=5))
    yield memory(0, b"SIZE(prb_desc)=0\nSIZE(printk_info)=0\n", ring([b"the same over and over"], 12, 16))
    yield memory(1, b"", records(log))
    yield memory(1, b"", records(log, 160, 100))
    yield memory(1, b"SIZE(printk_log)=12\n", records([b"", b"", b"BUG: x"]))
    yield memory(2, b"", {})
    # One line in pieces: as records of their own up to v5.9, and later one that may still grow.
    yield memory(1, b"", records([b"cpu 0:", b" idle", b" done", b"", b"next"], flags=[4, 8, 10, 2, 6]))
    yield memory(0, b"", ring([b"cpu 0: idle done", b"next"], states=[1, 2]))


def page(pfn, flags=0, compound=0, mapping=0, private=0, mapcount=-1, refcount=1):
    """A struct page of section 1 of fuzz-page-filter.c"""
    at = 0x40000 + pfn % 4096 * 64
    return {at: flags, at + 8: compound, at + 24: mapping, at + 40: private,
            at + 48: mapcount & 0xffffffff | refcount << 32}


def folio(pfn, order, memmap, hugetlb, is_mask=False, **head):
    words = page(pfn, flags=head.pop("flags", 0) | 1 << 16, **head)
    compound = ~((64 << order) - 1) | 1 if is_mask else memmap + pfn * 64 | 1
    for i in range(1, min(1 << order, 16)):
        words.update(page(pfn + i, compound=compound))
    at = 0x40000 + (pfn + 1) % 4096 * 64
    words[at] = order | hugetlb << 8
    words[at + 16] = (2 if hugetlb else 1) | order << 8
    return words


def filter_seeds():
    lru, private, swap, poison, slab = 1 << 4, 1 << 13, 1 << 10 | 1 << 19, 1 << 23, 1 << 9
    anon, file, vmemmap, vmemmap5 = 0xffff888001234561, 0xffff888001234560, 0xffffea0000000000, 0xffd4000000000000
    last = 0x80000 - 8
    for mode in range(9):
        is_old, base = mode in (3, 4), vmemmap5 if mode == 5 else vmemmap
        buddy, offline = (-129, -257) if is_old else (-268435456, -251658240)
        words = {}
        for i, p in enumerate([
                page(4096, lru, mapping=anon, mapcount=0), page(4097, lru, mapping=file), page(4098, swap),
                page(4099, lru | private, mapping=file), page(4100, poison), page(4101, mapcount=offline),
                page(4102, slab, mapping=anon), page(4112, private=3, mapcount=buddy, refcount=0),
                page(4104, private=9, mapcount=buddy, refcount=0), page(5120, mapcount=-150994944, refcount=0),
                folio(4128, 2, base, False, mode == 5, flags=lru, mapping=anon, mapcount=0),
                folio(4608, 9, base, True, mode == 5, mapcount=-1 if is_old else -201326592)]):
            words.update(p)
            if i < 2 or i > 8:
                yield memory(mode, b"", p)
        yield memory(mode, b"", words)
    for unset in (31, 23, 1, 2, 12):
        yield memory(1, b"", {**page(4097, lru, mapping=file), last: unset})
    yield memory(0, b"", {0x9010: vmemmap | 0xb})  # section 1 was never online
    yield memory(0, b"", {0x9000: vmemmap | 0xb})  # nor the kernel
    yield memory(0, b"", {0x9010: 0, 0x9020: vmemmap + 4096 | 0xf})
    yield memory(1, b"", {0x1400: DIRECT_MAP + 0x3000, 0x3000: 4, 0x3008: DIRECT_MAP + 0x30000,
                          0x3010: DIRECT_MAP + 0x31000, 0x3040: 13, 0x3048: DIRECT_MAP + 0x32000})
    yield memory(2, b"SYMBOL(_end)=ffffffff80004000\n", {0x41000 + i * 64: 1 << 12 for i in range(4)})  # PG_reserved
    yield memory(0, b"SIZE(page)=32\n", {})
    yield memory(1, b"SIZE(page)=128\nNUMBER(SECTION_SIZE_BITS)=27\n", {})
    yield memory(6, b"NUMBER(SECTION_SIZE_BITS)=28\nSYMBOL(vmemmap)=ffffea0000000000\n", {})
    yield memory(0, b"NUMBER(sme_mask)=140737488355328\nLENGTH(mem_section)=1\n", {})


def dump(how, pages, patches=(), length_bits=0):
    """An input of fuzz-kdump-file.c. @pages: (kind, data)"""
    data = bytes([how, length_bits, len(patches)])
    data += b"".join(struct.pack("<HQ", index, value & M64) for index, value in patches)
    return data + b"".join(struct.pack("<BH", kind, len(d)) + d for kind, d in pages)


def flat(records, end=True):
    """@records: (offset, data)"""
    data = b"makedumpfile\0\0\0\0" + struct.pack(">QQ", 1, 1) + bytes(4096 - 32)
    data += b"".join(struct.pack(">QQ", offset, len(d)) + d for offset, d in records)
    return data + (struct.pack(">QQ", M64, M64) if end else b"")


def dump_seeds():
    hole, left_out, missing, v3, is_flat, backwards, ends, split, as_it_is = 0x80, 0x81, 0x82, 3, 4, 8, 16, 32, 64
    lzo = b"\x15lzo!\x20" + bytes(15) + b"\xea\x0c\0\x11\0\0"
    snappy = b"\x80\x20\0s" + b"\xfe\1\0" * 63 + b"\xfa\1\0"
    zstd = b"\x28\xb5\x2f\xfd\x60\0\x0f\x03\x80\0z"
    packed = [(1, zlib.compress(b"zlib" * 1024, 9)), (2, lzo), (4, snappy), (0x20, zstd)]
    every = [(0, b"as it is")] + packed + [(hole, b""), (left_out, b""), (missing, b""), (8, b"?")]
    status, sub, descs = 424 // 8, 4096 // 8, 4 * 4096 // 8
    for how in (0, 2, v3, split, split | v3, is_flat, is_flat | ends, is_flat | ends | backwards):
        yield dump(how, every + every)
    yield dump(0, packed * 3)
    yield dump(0, [(0, b""), (0, b""), (1, packed[0][1])], [(status, 4096 << 32)])
    yield dump(0, packed, [(descs + 3, 5 * 4096), (descs + 4, 0)])
    yield dump(0, every, [(54, 2 << 32 | 0x10000)])  # larger blocks
    yield dump(0, every, [(54, 1 << 32 | 1)])
    yield dump(0, every, [(sub + 12, 1 << 36), (54, 1 << 20 << 32 | 1)], length_bits=43)
    yield dump(0, every, [(sub + 7, 1 << 25), (sub + 5, 1 << 20)], length_bits=26)
    yield dump(is_flat, every, [(0x8000 + 512, 0), (0x8000 + 515, 5)])
    yield dump(as_it_is, [])
    yield dump(as_it_is, []) + flat([(0, b"KDUMP   "), (2, b"later"), (8, b"next"), (4, b"again")])
    yield dump(as_it_is, []) + flat([(8, b"a" * 20), (0, b"b" * 9), (1 << 62, b"c")], end=False)
    yield dump(as_it_is, []) + b"DISKDUMP" + bytes(100)


def shell_seeds():
    yield b"# SUSE\nKDUMP_SAVEDIR=\"file:///var/crash\"\nKDUMP_DUMPLEVEL=31\nKDUMP_DUMPFORMAT='lzo'\n"
    yield b"export A=b; A+=\" c\\\n d\" B\\\n=x\nif [ -f x ] && . y; then A=$(z \"${q:-'}'}\" `w`); fi # end\n"
    yield b"f() { A=(b c); }\ncase x in a) A=b ;; esac\nA=~/x\nB=$'y' C=$((1 + 2))|x&\n(D=e)\ncat <<<x >y\n"
    yield b"A=\"\\$x \\`\"'y'\nB=\"$(a \"$(b)\")\"\nC=`x '`' y`\ncat <<E\nA=b\nE\n"
    yield b"A='b\nB=c"


def sftp(how, messages):
    """An input of fuzz-sftp.c. @messages: (type, the rest)"""
    return bytes([how]) + b"".join(struct.pack(">IB", len(d) + 1, kind) + d for kind, d in messages)


def sftp_seeds():
    version, status, handle, attrs, extended = 2, 101, 102, 105, 201

    def text(b):
        return struct.pack(">I", len(b)) + b

    def number(id, *words):
        return struct.pack(">%dI" % (len(words) + 1), id, *words)

    def ok(id, code=0):
        return (status, number(id, code) + text(b"why") + text(b"en"))

    def room(id, blocks):
        return (extended, number(id) + struct.pack(">11Q", 4096, 4096, 99, 99, blocks, 9, 9, 9, 9, 0, 255))

    plain = (version, number(3))
    hello = (version, number(3) + b"".join(text(b) for b in (
        b"posix-rename@openssh.com", b"1", b"statvfs@openssh.com", b"2", b"fsync@openssh.com", b"1")))
    opened = (handle, number(3) + text(b"\0\0\0\0"))
    whole = [hello, ok(1), room(2, 1 << 20), opened] + [ok(i) for i in range(4, 16)]
    for how in (15, 0, 0x2f):
        yield sftp(how, whole + [(handle, number(16) + text(b"h")), ok(17), ok(18)])
    yield sftp(15, [hello, ok(1, 4), (attrs, number(2, 13) + bytes(16)), room(3, 0), (handle, number(4) + text(b"h"))])
    yield sftp(15, [hello, ok(1), room(2, 9), opened, ok(5), ok(4), ok(6, 4), room(7, 9), room(12, 0)])
    yield sftp(15, [plain, ok(1), (handle, number(2) + text(b"h"))] + [ok(i, 8) for i in range(3, 16)])
    yield sftp(0x1f, whole[:6]) + b"\0" + sftp(0, [hello, (handle, number(13) + text(b"h")),
                                                 (attrs, number(14, 1) + bytes(8))])[1:]
    yield sftp(15, [hello, (status, number(1, 0))])
    yield b"\x0f" + struct.pack(">IB", 34001, 2)


def s3_seeds():
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    yield head + b"<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Bucket>b</Bucket>" \
        b"<Key>k</Key><UploadId>2~a.b-c_d</UploadId></InitiateMultipartUploadResult>"
    yield head + b"<Error><Code>SlowDown</Code><Message>a &amp; &quot;b&quot; &#39;</Message><RequestId/></Error>"
    yield head + b"<CompleteMultipartUploadResult><!-- x --><ETag>&quot;a-1&quot;</ETag></CompleteMultipartUploadResult>"
    yield b"<s:Error><![CDATA[<Code>]]><s:Code> x </s:Code></s:Error>"
    yield b"<html><body>Bad gateway</body></html>"


def raw_header(sequence, folder, parts, version=1, n_parts=None):
    data = struct.pack("<16sIIQ64s", b"kdumpd raw dump", version, len(parts) if n_parts is None else n_parts, sequence,
                       folder)
    for name, offset, size in parts:
        data += struct.pack("<64sQQII", name, offset, size, 0, 0)
    return data.ljust(4096, b"\0")


def raw_seeds():
    log, core = (b"vmcore-dmesg.txt", 8192, 100), (b"vmcore.flat", 12288, 4096)
    yield raw_header(1, b"host-date", [log, core]) + raw_header(2, b"host-date", [log]) + bytes(8192)
    yield raw_header(2, b"host-date", [log, core, core]) + raw_header(1, b"", []) + bytes(8192)
    yield raw_header(3, b"..", [log]) + raw_header(4, b"a", [(b"x/y", 8192, 1)]) + bytes(4096)
    yield raw_header(1, b"a", [(b"x", 1 << 63, 1 << 63), (b"y", 8193, 1)]) + bytes(8192)
    yield raw_header((1 << 64) - 1, b"a", [], n_parts=33) + raw_header(9, b"a", [], version=2) + bytes(4096)
    yield raw_header(1, b"a", [])


def purgatory(how, patches):
    """An input of fuzz-purgatory.c. @patches: (where, offset, value)"""
    return bytes([how]) + b"".join(struct.pack("<BHQ", where, offset, value & M64) for where, offset, value in patches)


def purgatory_seeds():
    block, header, elf, anywhere, leaves = range(5)
    live, no_fallback, damaged_header, wild_faults = 1, 2, 4, 8
    targets, extents, resets, stage = 128, 160, 104, 112

    def extent(i, field):
        return extents + 40 * i + field

    yield purgatory(0, [])
    yield purgatory(live, [(anywhere, 0x40, 0xff)])
    yield purgatory(live, [(elf, 0, 0)])
    yield purgatory(live, [(elf, 56, 3), (elf, 64 + 2 * 56, 4)])
    yield purgatory(no_fallback, [(anywhere, 0x58, 1), (anywhere, 0x59, 2)])
    yield purgatory(0, [(leaves, 0, 1)])
    for action in (1, 2, 3):
        for at in (2, 3, 4, 5, 6):
            yield purgatory(0, [(block, stage, action << 32 | at), (anywhere, 0x40, 1)])
    yield purgatory(live, [(block, 16, 1 << 32), (block, 24, 3)])
    yield purgatory(live, [(block, extent(1, 0), M64), (block, extent(2, 8), M64 >> 1)])
    yield purgatory(live, [(block, extent(0, 16), 0), (block, extent(1, 24), 3), (block, 88, 287)])
    yield purgatory(0, [(block, targets, 0), (block, targets + 16, 0), (block, resets, 0x0504030201 << 24 | 7)])
    yield purgatory(0, [(block, targets, 0), (block, targets + 16, 0), (block, 28, 0)])
    yield purgatory(0, [(header, 24, 0), (header, 40, 0)])
    yield purgatory(0, [(header, 24, 3), (header, 32, M64), (header, 64, 0x0504030201)])
    yield purgatory(0, [(header, 40, 0x10000000), (header, 16, M64)])
    yield purgatory(0, [(block, 32, 0x10000000), (block, 40, M64 - 3)])
    yield purgatory(damaged_header | wild_faults, [(header, 16, M64), (header, 24, 1 << 40)])
    yield purgatory(wild_faults, [(header, 24, 1 << 41), (header, 32, 1 << 42)])
    yield purgatory(wild_faults, [(header, 32, 1 << 40), (header, 40, 1 << 41), (header, 52, 0x80)])
    yield purgatory(wild_faults, [(block, 32, 1 << 43), (block, extent(1, 0), 1 << 44)])


def bzimage(payload, at=0x300, size=None, patches=()):
    """@size: what is said to become of it; None: nothing is said. @patches: (offset, value, bytes)"""
    if size is not None:
        payload += struct.pack("<I", size)
    kernel = bytes(at) + payload
    kernel += bytes(-len(kernel) % 16)
    data = bytearray(1024)
    for offset, value, n in ((0x1f1, 1, 1), (0x1f4, len(kernel) // 16, 4), (0x1fe, 0xaa55, 2), (0x200, 0x6aeb, 2),
                             (0x206, 0x20f, 2), (0x211, 1, 1), (0x230, 1 << 21, 4), (0x234, 1, 1), (0x236, 0x3f, 2),
                             (0x238, 2047, 4), (0x248, at, 4), (0x24c, len(payload), 4), (0x258, 1 << 24, 8),
                             (0x260, 1 << 20, 4), *patches):
        data[offset:offset + n] = value.to_bytes(n, "little")
    data[0x202:0x206] = b"HdrS"
    return bytes(data) + kernel


def bzimage_seeds():
    elf = b"\177ELF" + bytes(range(64)) * 3
    zstd = b"\x28\xb5\x2f\xfd\x20" + bytes([len(elf)]) + (len(elf) << 3 | 1).to_bytes(3, "little") + elf
    yield bzimage(gzip.compress(elf, 9, mtime=0))
    yield bzimage(gzip.compress(b"MZ" + elf, 9, mtime=0))
    yield bzimage(lzma.compress(elf, check=lzma.CHECK_CRC32), size=len(elf))
    yield bzimage(zstd, size=len(elf))
    yield bzimage(b"BZh9", size=len(elf))
    yield bzimage(gzip.compress(bytes(1 << 20)), patches=[(0x236, 3, 2)])
    yield bzimage(zstd, size=1, patches=[(0x1f1, 0, 1)])
    yield bzimage(zstd, size=len(elf), patches=[(0x248, 0xfffffff0, 4)])


def memory_map_seeds():
    ram = b"00001000-0009fbff : System RAM\n00100000-7ffdbfff : System RAM\n"
    yield b"00000000-00000fff : Reserved\n" + ram + b"  2a600000-2b5fffff : Kernel code\n" \
        b"  2c6ae000-2c9fffff : Kernel bss\n  6d000000-7cffffff : Crash kernel\n7ffdc000-7fffffff : Reserved\n" \
        b"b0000000-bfffffff : PCI MMCONFIG 0000 [bus 00-ff]\n  b0000000-bfffffff : Reserved\n" \
        b"    b0000000-bfffffff : pnp 00:04\n"
    yield ram + b"  6f000000-7effffff : Crash kernel\n100000000-1ffffffff : System RAM\n" \
        b"  1ef000000-1feffffff : Crash kernel\n"
    yield ram + b"  20000000-23ffffff : GART\n80000000-80000fff : ACPI Tables\n" \
        b"80001000-80001fff : ACPI Non-volatile Storage\n100000000-10fffffff : Persistent Memory\n" \
        b"  100200000-10fffffff : System RAM (kmem)\n110000000-11fffffff : Persistent Memory (legacy)\n" \
        b"80002000-80002fff : reserved"
    yield b"00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n"
    yield ram + b"90000000-8fffffff : System RAM\n"
    yield ram + b"80000000-8fffffff : Reserved\n88000000-ffffffffffffffff : ACPI Tables\n"


def kcore(segments, n=None, length_bits=0, **patches):
    """@segments: (type, offset, vaddr, paddr, size)"""
    head = bytearray(struct.pack("<4s4B7xBHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, length_bits, 4, 62, 1, 0, 64, 0, 0, 64, 56,
                                 len(segments) if n is None else n, 0, 0, 0))
    for at, data in patches.items():
        head[int(at[1:]):int(at[1:]) + len(data)] = data
    return bytes(head) + b"".join(struct.pack("<IIQQQQQQ", kind, 7, offset, vaddr, paddr, size, size, 4096)
                                  for kind, offset, vaddr, paddr, size in segments)


def kcore_seeds():
    direct, text = 0xffff888000000000, 0xffffffff81000000
    note, vmalloc = (4, 0x300, 0, 0, 0x40), (1, 0x490000003000, 0xffffc90000000000, M64, 0x1fffffffffff)
    kernel = (1, 0x1000, text, 0x1000000, 0x1000)
    low, high = (1, 0x400, direct, 0, 0x1000), (1, 0x2000, direct + 0x1000, 0x1000, 0x2000000)
    yield kcore([note, vmalloc, kernel, high, low], length_bits=24)
    yield kcore([kernel, high, low, low]) + bytes(0x600)
    yield kcore([(1, 0x400, direct, 0, 0x1000), (1, 0x400, text, 0, 0x1000)])
    yield kcore([note])
    yield kcore([low, (1, (1 << 63) - 0x1000, direct, 0x1000, 0x1001)])
    yield kcore([low, (1, 0x400, direct, M64 - 1, 2)])
    yield kcore([high], n=0xffff)
    yield kcore([high], n=0xfffe, length_bits=22)
    yield kcore([high], a32=b"\xff" * 8)


def main():
    seeds = {"fuzz-btf": btf_seeds, "fuzz-vmcore": vmcore_seeds, "fuzz-vmcoreinfo": vmcoreinfo_seeds, "fuzz-kmem": kmem_seeds,
             "fuzz-dmesg": dmesg_seeds, "fuzz-page-filter": filter_seeds, "fuzz-kdump-file": dump_seeds,
             "fuzz-shell-settings": shell_seeds, "fuzz-sftp": sftp_seeds, "fuzz-s3-xml": s3_seeds,
             "fuzz-raw-store": raw_seeds, "fuzz-bzimage": bzimage_seeds, "fuzz-kcore-map": kcore_seeds,
             "fuzz-memory-map": memory_map_seeds, "fuzz-purgatory": purgatory_seeds}
    for name, make in seeds.items():
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for i, data in enumerate(make()):
            (folder / ("seed-%02d" % i)).write_bytes(data)


if __name__ == "__main__":
    main()
