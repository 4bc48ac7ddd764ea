/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the rules for what the crash kernel may use as memory. */
#include "e820.h"

#define LOW_BYTES (UINT64_C(1) << 20)
#define PAGE_BYTES UINT64_C(4096)

void e820_done(E820 *e820)
{
        free(e820->ranges);
        *e820 = (E820){};
}

static uint64_t page_down(uint64_t paddr)
{
        return paddr & ~(PAGE_BYTES - 1);
}

/* Where the last page of 64 bits would have to end, it ends one page too early; nobody has it. */
static uint64_t page_up(uint64_t paddr)
{
        uint64_t up;

        return __builtin_add_overflow(paddr, PAGE_BYTES - 1, &up) ? page_down(paddr)
                                                                  : page_down(up);
}

/* Real-mode code of the other CPUs and of the switch between 4 and 5 levels of page tables must be
 * below 1 MiB (arch/x86/realmode/init.c; arch/x86/boot/compressed/pgtable_64.c). */
static int add_low(const LoaderFacts *facts, RangeList *ram)
{
        int r;

        for (size_t i = 0; i < facts->ram.n; i++) {
                Range range = facts->ram.ranges[i];

                if (range.start >= LOW_BYTES)
                        break;
                r = range_list_add(ram, range.start, MIN(range.end, LOW_BYTES));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_reserved(const LoaderFacts *facts, RangeList *ram)
{
        int r;

        r = range_list_add(ram, facts->crash.start, facts->crash.end);
        if (r < 0)
                return r;
        r = range_list_add(ram, facts->crash_low.start, facts->crash_low.end);
        if (r < 0)
                return r;
        for (size_t i = 0; i < facts->crash_cma.n; i++) {
                Range range = facts->crash_cma.ranges[i];

                r = range_list_add(ram, range.start, range.end);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int subtract_pages(RangeList *ram, Range range)
{
        return range_list_subtract(ram, page_down(range.start), page_up(range.end));
}

static int ram_of(const LoaderFacts *facts, const RangeList *holes, RangeList *ret)
{
        _cleanup_(range_list_done) RangeList ram = {};
        int r;

        r = add_low(facts, &ram);
        if (r < 0)
                return r;
        r = add_reserved(facts, &ram);
        if (r < 0)
                return r;
        for (size_t i = 0; i < facts->n_map; i++) {
                if (facts->map[i].kind == MEMORY_RAM)
                        continue;
                r = subtract_pages(&ram, facts->map[i].range);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < holes->n; i++) {
                r = subtract_pages(&ram, holes->ranges[i]);
                if (r < 0)
                        return r;
        }
        *ret = ram;
        ram = (RangeList){};
        return 0;
}

static int compare(const void *a, const void *b)
{
        const MemoryRange *x = a, *y = b;

        if (x->range.start != y->range.start)
                return x->range.start < y->range.start ? -1 : 1;
        return (x->kind > y->kind) - (x->kind < y->kind);
}

/* The kernel has room for few (E820_MAX_ENTRIES of arch/x86/include/asm/e820/types.h). */
static void merge_neighbours(E820 *e820)
{
        size_t n = 0;

        for (size_t i = 0; i < e820->n; i++) {
                MemoryRange *last = n > 0 ? &e820->ranges[n - 1] : NULL;
                const MemoryRange *here = &e820->ranges[i];

                if (last && last->kind == here->kind && last->range.end >= here->range.start)
                        last->range.end = MAX(last->range.end, here->range.end);
                else
                        e820->ranges[n++] = *here;
        }
        e820->n = n;
}

int e820_build(const LoaderFacts *facts, const RangeList *holes, E820 *ret)
{
        _cleanup_(range_list_done) RangeList ram = {};
        _cleanup_(e820_done) E820 e820 = {};
        int r;

        r = ram_of(facts, holes, &ram);
        if (r < 0)
                return r;
        e820.ranges = calloc(facts->n_map + ram.n + 1, sizeof(MemoryRange));
        if (!e820.ranges)
                return -ENOMEM;
        for (size_t i = 0; i < facts->n_map; i++)
                if (facts->map[i].kind != MEMORY_RAM && range_bytes(facts->map[i].range) > 0)
                        e820.ranges[e820.n++] = facts->map[i];
        for (size_t i = 0; i < ram.n; i++) {
                Range pages = { page_up(ram.ranges[i].start), page_down(ram.ranges[i].end) };

                if (pages.start < pages.end)
                        e820.ranges[e820.n++] = (MemoryRange){ pages, MEMORY_RAM };
        }
        qsort(e820.ranges, e820.n, sizeof(MemoryRange), compare);
        merge_neighbours(&e820);
        *ret = e820;
        e820 = (E820){};
        return 0;
}

void e820_write(const MemoryRange *ranges, size_t n, uint8_t *ret)
{
        for (size_t i = 0; i < n; i++, ret += E820_ENTRY_BYTES) {
                uint64_t bytes = range_bytes(ranges[i].range);
                uint32_t kind = (uint32_t) ranges[i].kind;

                memcpy(ret, &ranges[i].range.start, 8);
                memcpy(ret + 8, &bytes, 8);
                memcpy(ret + 16, &kind, 4);
        }
}
