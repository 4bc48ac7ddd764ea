/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PageFilter: which pages of the crashed kernel are left out at a dump level, with the meaning that
 * makedumpfile(8) gives to levels, but for bit 1, which is about what is in a page. What cannot be
 * decided is kept; so is what a reader cannot do without: the kernel image, the log, page tables,
 * the table of memory sections and what is reserved of the lowest 1 MiB, unless it is poisoned or
 * offline. */
#pragma once

#include "kmem.h"
#include "page-walk.h"

typedef struct PageFilter PageFilter;

/* Pages that exist, by class; those that are left out are in all but the first. */
typedef struct PageCounts {
        uint64_t n_pages[_PAGE_CLASS_MAX];
        uint64_t n_unreadable; /* of the kept ones: their struct pages could not be had */
} PageCounts;

/* Prepares everything that needs @kmem, which is not kept; @vmcore must live longer. @level: 0 to
 * 31. For use by one thread. Returns 0; on failure nothing can be left out, and *reterr_message
 * (caller frees, may be NULL) says why: -ENODATA, -EBADMSG or -EOPNOTSUPP as memmap_new() and
 * page_layout_load(), -ENOMEM. Does not log. */
int page_filter_new(Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info, uint32_t page_size_bytes,
                    unsigned level, PageFilter **ret, char **reterr_message);
PageFilter *page_filter_free(PageFilter *filter); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(PageFilter *, page_filter_free);

/* What the caller should warn of: classes that are kept though @level asks to leave them out, and
 * memory that is kept whole. Owned by @filter; may be NULL. */
char *const *page_filter_warnings(const PageFilter *filter);

/* The classes that are left out, a set of PAGE_CLASS_BIT(). */
unsigned page_filter_classes(const PageFilter *filter);

/* What one thread needs to classify, some 5 KiB. */
typedef struct PageFilterReader PageFilterReader;

/* @view is one of @vmcore, both must live longer: what it showed before a page_filter_classify() is
 * not valid behind it. Returns 0 or -ENOMEM. Does not log. */
int page_filter_reader_new(const Vmcore *vmcore, VmcoreView *view, PageFilterReader **ret);
PageFilterReader *page_filter_reader_free(PageFilterReader *reader); /* accepts NULL */
DEFINE_CLEANUP(PageFilterReader *, page_filter_reader_free);

/* Every range begins at a multiple of this. A free block never crosses one, as the largest has 1024
 * pages; a folio may. So the answer for a page is the same, whatever range it is asked in. */
#define PAGE_FILTER_ALIGN_PAGES PAGE_WALK_PAGES

/* Clears in @bits those of @n_pages pages from @first_pfn on that are left out, and adds all to
 * @counts. On entry @bits are the pages that exist, as of pagemap_fill(): lowest bit first, and 0
 * behind the last one in its byte. May be called by several threads, each with its own reader.
 * Returns 0, or -EINVAL if @first_pfn is not aligned. Does not log. */
int page_filter_classify(const PageFilter *filter, PageFilterReader *reader, uint64_t first_pfn,
                         size_t n_pages, uint8_t *bits, PageCounts *counts);
