/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PageSource: the pages that the writing side writes, wherever they come from; capture fills it in.
 */
#pragma once

#include "macro.h"

/* Ranges that dumpable() and valuable() are asked for begin and end at multiples of this, but for
 * the last page. */
#define PAGE_SOURCE_ALIGN_PFNS UINT64_C(4096)

/* A bitmap of pages: bit (pfn & 7) of byte pfn >> 3. Every @first_pfn of a bitmap is a multiple
 * of 8. Bits behind the last page of its last byte are 0. */
typedef struct PageSource {
        void *data; /* given to the functions that take no reader; these may run in many threads */
        uint32_t page_size_bytes;
        uint64_t end_pfn; /* one past the last page */

        /* Those from here on are wanted before those up to here: the kernel's image tells what all
         * the rest is. 0: no telling. */
        uint64_t start_pfn;

        /* Fills the bitmap @bits of @n_pfns pages from @first_pfn on with those that are memory. */
        void (*exists)(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits);

        /* The first page that is memory at or behind @pfn; UINT64_MAX if there is none. */
        uint64_t (*next)(void *data, uint64_t pfn);

        /* What one thread needs to read pages. Returns 0 or -ENOMEM. */
        int (*reader_new)(void *data, void **ret_reader);
        void (*reader_free)(void *reader); /* accepts NULL */

        /* Fills @bits with the pages that are to be written; those that are not memory do not
         * count. The answer for a page never changes, but may be expensive. */
        void (*dumpable)(void *reader, uint64_t first_pfn, size_t n_pfns, uint8_t *bits);

        /* Fills @bits with the pages that are wanted most if not all can be written; those that are
         * not to be written do not count. As dumpable() otherwise. NULL: there is no telling. */
        void (*valuable)(void *reader, uint64_t first_pfn, size_t n_pfns, uint8_t *bits);

        /* Shows at most @n_pages dumpable pages from @pfn on: *ret_n_pages of them (at least one),
         * contiguous, valid until the next call. Touch them inside guarded() only. Returns 0, or
         * why it cannot show them all: with @n_pages 1, this page is unreadable. */
        int (*window)(void *reader, uint64_t pfn, size_t n_pages, const uint8_t **ret,
                      size_t *ret_n_pages);

        /* Told of each dumpable page that is not written: mostly, as it cannot be shown, or
         * touched. By any thread. NULL: nobody wants to know. */
        void (*missing)(void *data, uint64_t pfn);

        /* Calls @fn(@fn_data); -EFAULT if it touched a page that is not there after all. @fn is
         * then left in the middle: it must hold nothing, and its progress must be in memory. */
        int (*guarded)(int (*fn)(void *fn_data), void *fn_data);
} PageSource;
