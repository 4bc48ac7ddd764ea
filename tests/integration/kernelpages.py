# SPDX-License-Identifier: LGPL-2.1-or-later
"""KernelPages: what a page of a raw x86_64 core is, by its struct page, in words: for people who ask why a page was kept.
Nothing here is shared with the page filter."""

import struct

from vmcorefile import KERNEL_MAP_VADDR, PAGE_BYTES

SECTION_MAP_MASK = ~0xfff
MAPCOUNT_RESERVE = -128  # below it, a _mapcount is a page type
ORDER_MAX = 22


class KernelPages:
    def __init__(self, core):
        self.core = core
        self.keys = core.keys
        self.struct_bytes = self.number("SIZE(page)")
        self.memmap = self.find_memmap()

    def number(self, key, default=None):
        text = self.keys.get(key)
        if text is None:
            return default
        return int(text, 16) if key.startswith("SYMBOL") else int(text, 0)

    def physical(self, vaddr):
        if vaddr >= KERNEL_MAP_VADDR:
            return vaddr - KERNEL_MAP_VADDR + self.number("NUMBER(phys_base)")
        page = vaddr & -PAGE_BYTES
        start, paddr, _ = next(self.core.mapped(page, page + PAGE_BYTES, 12))
        return paddr + vaddr - start

    def u64(self, vaddr):
        return struct.unpack("<Q", self.core.read(self.physical(vaddr), 8))[0]

    def find_memmap(self):
        """Where the struct page of page 0 is, from the first section (mm/sparse.c, sparse_encode_mem_map())."""
        section = self.u64(self.number("SYMBOL(mem_section)"))
        return self.u64(section + self.number("OFFSET(mem_section.section_mem_map)")) & SECTION_MAP_MASK

    def field(self, pfn, member, form, default=None):
        offset = self.number("OFFSET(page.%s)" % member, default)
        data = self.core.read(self.physical(self.memmap + pfn * self.struct_bytes + offset), struct.calcsize(form))
        return struct.unpack(form, data)[0]

    def compound(self, pfn):
        """Since v7.1 the field has another name."""
        return self.field(pfn, "compound_head" if "OFFSET(page.compound_head)" in self.keys else "compound_info", "<Q")

    def has(self, flags, name):
        bit = self.number("NUMBER(%s)" % name)
        return bit is not None and bool(flags >> bit & 1)

    def is_type(self, mapcount, name):
        value = self.number("NUMBER(PAGE_%s_MAPCOUNT_VALUE)" % name)
        if value is None:
            return False
        mask = 0xffffffff if value & 0xffffff else 0xff000000
        return mapcount & mask == value & 0xffffffff

    def free_block(self, pfn):
        """The order of the free block that the page is in, and whether its first page agrees with itself; or None."""
        for order in range(self.number("LENGTH(zone.free_area)")):
            head = pfn >> order << order
            if self.is_type(self.field(head, "_mapcount", "<I"), "BUDDY"):
                size = self.field(head, "private", "<Q")
                if size <= ORDER_MAX and pfn < head + (1 << size):
                    sane = head % (1 << size) == 0 and self.field(head, "_refcount", "<I") == 0
                    return size, sane
        return None

    def head(self, pfn):
        """The first page of the folio that a tail page says it is of."""
        value = self.compound(pfn) & ~1
        inverse = ~value & (1 << 64) - 1
        if inverse & (inverse + 1) == 0:  # a mask, since v7.1
            value &= self.memmap + pfn * self.struct_bytes
        return (value - self.memmap) // self.struct_bytes

    def words(self, pfn):
        """What struct page says."""
        try:
            if self.compound(pfn) & 1:
                return "a tail; its head: " + self.own_words(self.head(pfn))
            block = self.free_block(pfn)
        except (StopIteration, ValueError):
            return "without a struct page"
        if block:
            return "free" + ("" if block[1] else ", but the block contradicts itself")
        return self.own_words(pfn)

    def own_words(self, pfn):
        flags = self.field(pfn, "flags", "<Q")
        mapcount = self.field(pfn, "_mapcount", "<I")
        words = [name for name in ("PG_lru", "PG_private", "PG_slab", "PG_hwpoison") if self.has(flags, name)]
        words += [name.lower() for name in ("OFFLINE", "SLAB", "HUGETLB", "UNACCEPTED") if self.is_type(mapcount, name)]
        if not words and mapcount - (1 << 32) * (mapcount >> 31) < MAPCOUNT_RESERVE:
            words.append("page type %#x" % (mapcount >> 24))
        if self.field(pfn, "mapping", "<Q") & 1:
            words.append("anonymous")
        if flags & self.number("NUMBER(PG_head_mask)"):
            words.append("a head")
        if self.field(pfn, "_refcount", "<I") == 0:
            words.append("not referenced")
        return ", ".join(words) or "in use by the kernel"

    def is_partial(self, pfn):
        """Is some of the page in no segment of the core? The peer takes whole pages only."""
        first, last = pfn * PAGE_BYTES, (pfn + 1) * PAGE_BYTES
        return not any(start <= first and last <= end for start, end, _ in self.core.segments)

    def rule(self, words):
        """Which rule of ours, stricter than the peer's, keeps such a page; or None."""
        head = words.rsplit("head: ", 1)[-1]
        if "contradicts" in words:
            return "a free block that contradicts itself"
        if "not referenced" in head and ("PG_lru" in head or "anonymous" in head):
            return "not referenced by anyone"
        if "anonymous" in head and "page type" in head:
            return "of a page type, so not anonymous"
        if "PG_hwpoison" in head and "PG_hwpoison" not in words.split("head: ")[0] and "tail" in words:
            return "a sound page beside a poisoned one"
        return None

    def explain(self, pfn):
        """(text, is it explained)"""
        words = self.words(pfn)
        rule = "only a part of the page is in the core" if self.is_partial(pfn) else self.rule(words)
        return "%s: %s" % (rule or "unexplained", words), rule is not None
