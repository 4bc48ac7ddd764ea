/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memmap: where the struct pages of the crashed kernel are in physical memory, section by section
 * (SPARSEMEM_EXTREME with VMEMMAP, include/linux/mmzone.h). */
#pragma once

#include "kmem.h"

typedef struct Memmap Memmap;

typedef enum MemmapState {
        MEMMAP_ABSENT,  /* not there, or not to be made sense of */
        MEMMAP_OFFLINE, /* never put online: there is no data in these pages */
        MEMMAP_MAPPED,  /* struct pages are contiguous from @paddr on */
        MEMMAP_TABLE,   /* @paddr is that of the page table entry of their first page */
} MemmapState;

typedef struct MemmapPlace {
        MemmapState state;
        uint64_t paddr;
        uint64_t end_pfn; /* of the pages for which this holds: the end of the section */
} MemmapPlace;

/* Finds the memmap of every section in which there is memory; 8 bytes each stay in use.
 * @page_size_bytes is that of the crashed kernel, @struct_bytes of its struct page. Not for use by
 * several threads at a time. Returns 0; on failure, *reterr_message (caller frees) says why:
 * -ENODATA without the keys in VMCOREINFO, -EBADMSG if the table of sections makes no sense,
 * -EOPNOTSUPP for another memory model. A single section that makes no sense is absent. Does not
 * log. */
int memmap_new(Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info, uint32_t page_size_bytes,
               uint32_t struct_bytes, Memmap **ret, char **reterr_message);
Memmap *memmap_free(Memmap *memmap); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Memmap *, memmap_free);

/* All of these may be called by several threads at a time. */

/* Where the struct page of @pfn is. */
MemmapPlace memmap_find(const Memmap *memmap, uint64_t pfn);

/* Where the struct page of page 0 is, or would be, in the kernel's addresses. */
uint64_t memmap_vaddr(const Memmap *memmap);

/* The page that a page table @entry maps. Returns false if it maps none. */
bool memmap_entry(const Memmap *memmap, uint64_t entry, uint64_t *ret_paddr);

/* How many sections with memory there are, and how many of them are absent. */
size_t memmap_n_sections(const Memmap *memmap, size_t *ret_n_absent);

/* From now on, that a section says it is offline does not count. */
void memmap_distrust_online(Memmap *memmap);

/* The pages that the way to the memmap goes through, [*ret_paddr, + *ret_bytes) one after the
 * other: the table of sections and page tables. Returns false behind the last one. */
bool memmap_pages(const Memmap *memmap, size_t i, uint64_t *ret_paddr, uint64_t *ret_bytes);
