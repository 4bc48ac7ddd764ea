/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PageSource: the pages that the writing side writes, wherever they come from; capture fills it in.
 */
#pragma once

#include "macro.h"

/* A bitmap of pages: bit (pfn & 7) of byte pfn >> 3. Every @first_pfn of a bitmap is a multiple
 * of 8. */
typedef struct PageSource {
        void *data; /* given to each function but guarded() */
        uint32_t page_size_bytes;
        uint64_t end_pfn; /* one past the last page */

        /* Fills the bitmap @bits of @n_pfns pages from @first_pfn on; bits behind the last one of
         * its last byte are 0. The answer for a page never changes. exists: it is memory. dumpable:
         * it is to be written; never more than exists. */
        void (*exists)(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits);
        void (*dumpable)(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits);

        /* Shows at most @n_pages dumpable pages from @pfn on: *ret_n_pages of them (at least one),
         * contiguous, valid until the next call. Touch them inside guarded() only. Returns 0, or
         * why it cannot show them all: with @n_pages 1, this page is unreadable. */
        int (*window)(void *data, uint64_t pfn, size_t n_pages, const uint8_t **ret,
                      size_t *ret_n_pages);

        /* Calls @fn(@fn_data); -EFAULT if it touched a page that is not there after all. @fn is
         * then left in the middle: it must hold nothing, and its progress must be in memory. */
        int (*guarded)(int (*fn)(void *fn_data), void *fn_data);
} PageSource;
