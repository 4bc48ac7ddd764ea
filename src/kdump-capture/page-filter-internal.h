/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of PageFilter share among themselves; nobody else includes this. */
#pragma once

#include "memmap.h"
#include "page-filter.h"

/* Pages [first_pfn, end_pfn). */
typedef struct PfnRange {
        uint64_t first_pfn, end_pfn;
} PfnRange;

/* Pages that are kept unless they must not be read: sorted and disjoint. */
typedef struct PfnRanges {
        PfnRange *ranges;
        size_t n;
} PfnRanges;

struct PageFilter {
        PageRules rules;
        PageRules protected_rules; /* of the protected pages: of a balloon or poisoned only */
        unsigned level;
        Memmap *memmap;
        PfnRanges protected;
        char **warnings;
};

/* Finds the pages that a reader of the dump cannot do without: those of the kernel's image as far
 * as VMCOREINFO names places in it, of the lowest 1 MiB as far as it is reserved, of the log, and
 * of the ways to them. What cannot be found is left out. Of @rules the layout and the place of the
 * struct pages are used. Returns 0 or -ENOMEM. */
int page_filter_protect(PfnRanges *ranges, Kmem *kmem, const Vmcoreinfo *info,
                        const PageRules *rules, const Memmap *memmap, uint32_t page_size_bytes);

/* The first of @ranges that ends behind @pfn; n if none does. */
size_t pfn_ranges_find(const PfnRanges *ranges, uint64_t pfn);
