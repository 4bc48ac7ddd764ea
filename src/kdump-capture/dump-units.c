/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of units: nothing here is as long as the memory, and holes cost nothing. */
#include "dump-units.h"

#include "bits.h"

#define UNITS_MAX ((size_t) 1 << 16)
#define UNIT_PFNS_MIN PAGE_SOURCE_ALIGN_PFNS

/* 4 GiB of 4 KiB pages: 256 TiB in all. */
#define UNIT_PFNS_MAX (UINT64_C(1) << 20)

/* Planned at a time, so that bitmaps are written in pieces of some size: 512 MiB of 4 KiB pages. */
#define STRETCH_PFNS (UINT64_C(1) << 17)

/* Fewer pages than these between valuable ones are taken along: each gap means one more write of
 * descriptors, which are in the order of the pages. */
#define GAP_PAGES 16

typedef struct Entry {
        uint64_t first_pfn;
        uint64_t rank; /* until dump_units_rank(): the number of pages of this one */
} Entry;

struct DumpUnits {
        const PageSource *source;
        uint64_t unit_pfns; /* a power of two */
        Entry *entries;     /* n + 1: the last one has the rank of the end */
        size_t n, start;    /* start: the index of that which is copied first */
        uint8_t *bits;      /* of all units, one behind the other; NULL: not kept */
};

/* Walks over the units of @unit_pfns that hold memory, and fills in @entries unless it is NULL.
 * Returns how many there are, or UNITS_MAX + 1 if too many. */
static size_t units_find(const PageSource *source, uint64_t unit_pfns, Entry *entries)
{
        uint64_t pfn = 0;
        size_t n = 0;

        while (pfn < source->end_pfn) {
                pfn = source->next(source->data, pfn);
                if (pfn >= source->end_pfn || n > UNITS_MAX)
                        break;
                pfn -= pfn % unit_pfns;
                if (entries)
                        entries[n].first_pfn = pfn;
                n++;
                if (__builtin_add_overflow(pfn, unit_pfns, &pfn))
                        break;
        }
        return n;
}

int dump_units_new(const PageSource *source, size_t bits_bytes_max, DumpUnits **ret)
{
        _cleanup_(dump_units_freep) DumpUnits *units = NULL;
        uint64_t unit_pfns = UNIT_PFNS_MIN;
        size_t n;

        for (; n = units_find(source, unit_pfns, NULL), n > UNITS_MAX; unit_pfns *= 2)
                if (unit_pfns == UNIT_PFNS_MAX)
                        return -EINVAL;

        units = calloc(1, sizeof(*units));
        if (!units)
                return -ENOMEM;
        units->source = source;
        units->unit_pfns = unit_pfns;
        units->entries = calloc(n + 1, sizeof(*units->entries));
        if (!units->entries)
                return -ENOMEM;
        units->n = units_find(source, unit_pfns, units->entries);
        while (units->start < units->n &&
               units->entries[units->start].first_pfn + unit_pfns <= source->start_pfn)
                units->start++;
        if (n > 0 && n * (unit_pfns / 8) <= bits_bytes_max)
                units->bits = calloc(n, unit_pfns / 8); /* without it, it takes longer */

        *ret = TAKE_PTR(units);
        return 0;
}

DumpUnits *dump_units_free(DumpUnits *units)
{
        if (!units)
                return NULL;
        free(units->entries);
        free(units->bits);
        free(units);
        return NULL;
}

size_t dump_units_n(const DumpUnits *units)
{
        return units->n;
}

static size_t unit_bytes(const DumpUnits *units)
{
        return (size_t) (units->unit_pfns / 8);
}

size_t dump_units_scratch_bytes(const DumpUnits *units)
{
        return 3 * unit_bytes(units);
}

static size_t unit_n_pfns(const DumpUnits *units, size_t index)
{
        return (size_t) MIN(units->unit_pfns,
                            units->source->end_pfn - units->entries[index].first_pfn);
}

static size_t stretch_bytes(const DumpUnits *units)
{
        return (size_t) (MAX(STRETCH_PFNS, units->unit_pfns) / 8);
}

int dump_stretch_init(DumpStretch *stretch, const DumpUnits *units)
{
        *stretch = (DumpStretch){
                .exists = malloc(stretch_bytes(units)),
                .dumpable = malloc(stretch_bytes(units)),
        };
        return stretch->exists && stretch->dumpable ? 0 : -ENOMEM;
}

void dump_stretch_done(DumpStretch *stretch)
{
        free(stretch->exists);
        free(stretch->dumpable);
        *stretch = (DumpStretch){};
}

bool dump_stretch_next(const DumpUnits *units, size_t first, DumpStretch *stretch)
{
        uint64_t pfns = MAX(STRETCH_PFNS, units->unit_pfns), block;
        size_t end = first;

        if (first >= units->n)
                return false;

        block = units->entries[first].first_pfn / pfns;
        while (end < units->n && units->entries[end].first_pfn / pfns == block)
                end++;
        stretch->first = first;
        stretch->end = end;
        stretch->first_pfn = units->entries[first].first_pfn;
        stretch->n_pfns = (size_t) (units->entries[end - 1].first_pfn - stretch->first_pfn) +
                          unit_n_pfns(units, end - 1);
        return true;
}

/* The pages of one unit that are to be written. */
static void unit_ask(const DumpUnits *units, size_t index, void *reader, const uint8_t *exists,
                     uint8_t *bits)
{
        size_t n_pfns = unit_n_pfns(units, index), size = DIV_ROUND_UP(n_pfns, 8);

        units->source->dumpable(reader, units->entries[index].first_pfn, n_pfns, bits);
        for (size_t i = 0; i < size; i++)
                bits[i] &= exists[i];
}

void dump_units_plan(DumpUnits *units, void *reader, DumpStretch *stretch)
{
        const PageSource *source = units->source;
        size_t size = DIV_ROUND_UP(stretch->n_pfns, 8);

        source->exists(source->data, stretch->first_pfn, stretch->n_pfns, stretch->exists);
        memset(stretch->dumpable, 0, size);
        stretch->n_exist = bits_count_bytes(stretch->exists, size);
        stretch->n_dumpable = 0;

        for (size_t i = stretch->first; i < stretch->end; i++) {
                Entry *entry = &units->entries[i];
                size_t at = (size_t) ((entry->first_pfn - stretch->first_pfn) / 8);
                size_t bytes = DIV_ROUND_UP(unit_n_pfns(units, i), 8);

                unit_ask(units, i, reader, stretch->exists + at, stretch->dumpable + at);
                entry->rank = bits_count_bytes(stretch->dumpable + at, bytes);
                stretch->n_dumpable += entry->rank;
                if (units->bits)
                        memcpy(units->bits + i * unit_bytes(units), stretch->dumpable + at, bytes);
        }
}

uint64_t dump_units_rank(DumpUnits *units)
{
        uint64_t rank = 0;

        for (size_t i = 0; i <= units->n; i++) {
                uint64_t n_pages = units->entries[i].rank;

                units->entries[i].rank = rank;
                rank += n_pages;
        }
        return rank;
}

size_t dump_units_nth(const DumpUnits *units, size_t i)
{
        return (units->start + i) % units->n;
}

unsigned dump_units_n_rounds(const DumpUnits *units)
{
        return units->source->valuable ? 2 : 1;
}

/* Adds to @now the pages of @bits that lie between two of its own, where these are few. */
static void round_close_gaps(const uint8_t *bits, uint8_t *now, size_t n_pfns)
{
        size_t start = bits_find(now, 0, n_pfns, true), end;

        while (start < n_pfns) {
                end = bits_find(now, start, n_pfns, false);
                start = bits_find(now, end, n_pfns, true);
                if (start == n_pfns || bits_count(bits, end, start) >= GAP_PAGES)
                        continue;
                for (; end < start; end++)
                        now[end / 8] |= (uint8_t) (bits[end / 8] & (1U << (end % 8)));
        }
}

/* The pages of @unit for @round; both rounds find the same. */
static void round_ask(const DumpUnits *units, unsigned round, void *reader, const DumpUnit *unit,
                      uint8_t *now)
{
        size_t size = DIV_ROUND_UP(unit->n_pfns, 8);

        units->source->valuable(reader, unit->first_pfn, unit->n_pfns, now);
        for (size_t i = 0; i < size; i++)
                now[i] &= unit->bits[i];
        round_close_gaps(unit->bits, now, unit->n_pfns);
        for (size_t i = 0; round > 0 && i < size; i++)
                now[i] = unit->bits[i] & (uint8_t) ~now[i];
}

void dump_units_get(const DumpUnits *units, size_t index, unsigned round, void *reader,
                    uint8_t *scratch, DumpUnit *ret)
{
        const PageSource *source = units->source;
        const Entry *entry = &units->entries[index];
        uint8_t *exists = scratch + unit_bytes(units), *now = exists + unit_bytes(units);

        *ret = (DumpUnit){
                .first_pfn = entry->first_pfn,
                .n_pfns = unit_n_pfns(units, index),
                .rank = entry->rank,
                .n_pages = entry[1].rank - entry->rank,
                .bits = units->bits ? units->bits + index * unit_bytes(units) : scratch,
        };
        ret->now = ret->bits;
        if (ret->n_pages == 0)
                return;
        if (!units->bits) {
                source->exists(source->data, ret->first_pfn, ret->n_pfns, exists);
                unit_ask(units, index, reader, exists, scratch);
        }
        if (source->valuable) {
                round_ask(units, round, reader, ret, now);
                ret->now = now;
        }
}
