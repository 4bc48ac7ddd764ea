/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the question which page frames exist, from the runs of memory in a vmcore. */
#include "pagemap.h"

static uint64_t run_first_pfn(const MemoryRun *run, uint64_t page_size_bytes)
{
        return run->start_paddr / page_size_bytes;
}

/* Not by rounding up, which could overflow; runs are never empty. */
static uint64_t run_end_pfn(const MemoryRun *run, uint64_t page_size_bytes)
{
        return (run->end_paddr - 1) / page_size_bytes + 1;
}

uint64_t pagemap_max_pfn(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes)
{
        return n_runs > 0 ? run_end_pfn(&runs[n_runs - 1], page_size_bytes) : 0;
}

uint64_t pagemap_count(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes)
{
        uint64_t n_pages = 0, counted_pfn = 0;

        for (size_t i = 0; i < n_runs; i++) {
                uint64_t first_pfn = MAX(run_first_pfn(&runs[i], page_size_bytes), counted_pfn);
                uint64_t end_pfn = run_end_pfn(&runs[i], page_size_bytes);

                if (end_pfn <= first_pfn)
                        continue;
                n_pages += end_pfn - first_pfn;
                counted_pfn = end_pfn;
        }
        return n_pages;
}

/* The first run that ends behind the beginning of page @pfn; n_runs if none does. */
static size_t run_search(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes,
                         uint64_t pfn)
{
        size_t low = 0, high = n_runs;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (run_end_pfn(&runs[middle], page_size_bytes) <= pfn)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool pagemap_next(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes, uint64_t pfn,
                  uint64_t *ret_first_pfn, uint64_t *ret_n_pages)
{
        size_t i = run_search(runs, n_runs, page_size_bytes, pfn);
        uint64_t first_pfn;

        if (i == n_runs)
                return false;

        first_pfn = MAX(run_first_pfn(&runs[i], page_size_bytes), pfn);
        *ret_first_pfn = first_pfn;
        *ret_n_pages = run_end_pfn(&runs[i], page_size_bytes) - first_pfn;
        return true;
}

static void bits_set(uint8_t *bitmap, uint64_t first, uint64_t n)
{
        for (; n > 0 && first % 8 != 0; first++, n--)
                bitmap[first / 8] |= (uint8_t) (1U << (first % 8));
        memset(bitmap + first / 8, 0xff, n / 8);
        for (first += n / 8 * 8, n %= 8; n > 0; first++, n--)
                bitmap[first / 8] |= (uint8_t) (1U << (first % 8));
}

uint64_t pagemap_fill(const MemoryRun *runs, size_t n_runs, uint64_t page_size_bytes,
                      uint64_t first_pfn, uint64_t n_pages, uint8_t *bitmap)
{
        uint64_t end_pfn, pfn = first_pfn, n_set = 0;

        memset(bitmap, 0, DIV_ROUND_UP(n_pages, 8));
        if (__builtin_add_overflow(first_pfn, n_pages, &end_pfn))
                end_pfn = UINT64_MAX;

        while (pfn < end_pfn) {
                uint64_t at, n;

                if (!pagemap_next(runs, n_runs, page_size_bytes, pfn, &at, &n) || at >= end_pfn)
                        break;
                n = MIN(n, end_pfn - at);
                bits_set(bitmap, at - first_pfn, n);
                n_set += n;
                pfn = at + n;
        }
        return n_set;
}
