/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which page frames exist in a vmcore, worked out range by range: nothing here is as long as the
 * memory. */
#pragma once

#include "vmcore.h"

/* Everywhere: @runs as of vmcore_runs(), @page_size_bytes of the crashed kernel, not 0. A page
 * exists if any byte of it is in a run. */

/* The number behind the last page that exists; 0 if none does. */
uint64_t pagemap_max_pfn(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes);

/* How many pages exist. */
uint64_t pagemap_count(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes);

/* The first stretch of pages that exist at or behind @pfn: [*ret_first_pfn, +*ret_n_pages).
 * Stretches that touch come as one only if they are of one run. Returns false if there is none. */
bool pagemap_next(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes, uint64_t pfn,
                  uint64_t *ret_first_pfn, uint64_t *ret_n_pages);

/* Writes the bits of the @n_pages pages from @first_pfn on to @bitmap, of n_pages / 8 bytes,
 * rounded up: lowest bit first, bit 0 is @first_pfn, bits at the end that stand for no page are 0.
 * Returns how many are set. */
uint64_t pagemap_fill(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes,
                      uint64_t first_pfn, uint64_t n_pages, uint8_t *bitmap);
