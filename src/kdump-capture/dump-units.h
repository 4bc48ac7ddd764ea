/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DumpUnits: the memory cut into units of work, and how many pages to be written come before each.
 */
#pragma once

#include "dump-source.h"

typedef struct DumpUnits DumpUnits;

/* One unit, as it is copied. */
typedef struct DumpUnit {
        uint64_t first_pfn;
        size_t n_pfns;
        uint64_t rank;       /* the number of pages to be written before it */
        uint64_t n_pages;    /* to be written of it */
        const uint8_t *bits; /* which ones */
        const uint8_t *now;  /* of them, those of this round; may be @bits itself */
} DumpUnit;

/* Several units next to each other, as they are planned. */
typedef struct DumpStretch {
        size_t first, end;            /* indices of units */
        uint64_t first_pfn;           /* of @exists and @dumpable */
        size_t n_pfns;                /* a multiple of 8, but for the last page of all */
        uint8_t *exists, *dumpable;   /* owned by whoever made it with dump_stretch_init() */
        uint64_t n_exist, n_dumpable; /* set by dump_units_plan() */
} DumpStretch;

/* Finds the units of @source that hold any memory, at most 64 Ki of them; they grow with the
 * memory. The bitmap of pages to be written is kept if it takes no more than @bits_bytes_max.
 * Returns 0; -ENOMEM; -EINVAL if there is more than a machine can have. Does not log, nor do the
 * others. */
int dump_units_new(const PageSource *source, size_t bits_bytes_max, DumpUnits **ret);
DumpUnits *dump_units_free(DumpUnits *units); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(DumpUnits *, dump_units_free);

size_t dump_units_n(const DumpUnits *units);

/* The room that dump_units_get() needs. */
size_t dump_units_scratch_bytes(const DumpUnits *units);

/* First pass. Stretches cover all units, each from the end of the one before; different ones may be
 * planned by different threads. dump_stretch_next(): the one that begins with unit @first; false if
 * there is none. dump_units_plan() asks which of its pages are to be written. */
int dump_stretch_init(DumpStretch *stretch, const DumpUnits *units);
void dump_stretch_done(DumpStretch *stretch);
bool dump_stretch_next(const DumpUnits *units, size_t first, DumpStretch *stretch);
void dump_units_plan(DumpUnits *units, void *reader, DumpStretch *stretch);

/* Between the passes, once: returns the number of pages to be written. */
uint64_t dump_units_rank(DumpUnits *units);

/* Second pass: the unit that is the number @i to be copied, from source->start_pfn on. */
size_t dump_units_nth(const DumpUnits *units, size_t i);

/* Second pass: how many times to go over all units, 1 or 2. In the first round those of their pages
 * are copied which the source calls valuable, with what little lies between them. */
unsigned dump_units_n_rounds(const DumpUnits *units);

/* By any number of threads. *ret may point into @scratch, of dump_units_scratch_bytes(). */
void dump_units_get(const DumpUnits *units, size_t index, unsigned round, void *reader,
                    uint8_t *scratch, DumpUnit *ret);
