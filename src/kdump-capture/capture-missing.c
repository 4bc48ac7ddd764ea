/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the ranges that missing pages make, and how they are told. */
#include "capture-missing.h"

#include <stdio.h>

#include "io.h"

/* The number of ranges that end before @pfn and do not touch it. */
static size_t ranges_before(const MissingPages *missing, uint64_t pfn)
{
        size_t i = 0;

        while (i < missing->n_ranges && missing->ranges[i].last_pfn + 1 < pfn)
                i++;
        return i;
}

static void range_insert(MissingPages *missing, size_t at, uint64_t pfn)
{
        MissingRange *ranges = missing->ranges;

        /* Room that ranges leave when they join is not for what lies behind others. */
        if (missing->more && pfn > missing->left_out_pfn)
                return;
        if (missing->n_ranges == MISSING_RANGES_MAX) {
                missing->more = true;
                missing->left_out_pfn =
                        at == MISSING_RANGES_MAX ? pfn : ranges[MISSING_RANGES_MAX - 1].first_pfn;
                if (at == MISSING_RANGES_MAX)
                        return;
                missing->n_ranges--;
        }
        memmove(&ranges[at + 1], &ranges[at], (missing->n_ranges - at) * sizeof(*ranges));
        ranges[at] = (MissingRange){ .first_pfn = pfn, .last_pfn = pfn };
        missing->n_ranges++;
}

static void range_join_next(MissingPages *missing, size_t at)
{
        MissingRange *ranges = missing->ranges;

        if (at + 1 == missing->n_ranges || ranges[at].last_pfn + 1 != ranges[at + 1].first_pfn)
                return;
        ranges[at].last_pfn = ranges[at + 1].last_pfn;
        missing->n_ranges--;
        memmove(&ranges[at + 1], &ranges[at + 2], (missing->n_ranges - at - 1) * sizeof(*ranges));
}

void missing_pages_add(MissingPages *missing, uint64_t pfn)
{
        size_t at = ranges_before(missing, pfn);
        MissingRange *range = &missing->ranges[at];

        if (at == missing->n_ranges || pfn + 1 < range->first_pfn)
                range_insert(missing, at, pfn);
        else if (pfn + 1 == range->first_pfn)
                range->first_pfn = pfn;
        else if (pfn == range->last_pfn + 1) {
                range->last_pfn = pfn;
                range_join_next(missing, at);
        }
}

static int range_format(const MissingRange *range, char *text, size_t size)
{
        if (range->first_pfn == range->last_pfn)
                return snprintf(text, size, "0x%llx", (unsigned long long) range->first_pfn);
        return snprintf(text, size, "0x%llx-0x%llx", (unsigned long long) range->first_pfn,
                        (unsigned long long) range->last_pfn);
}

int missing_pages_text(const MissingPages *missing, char **ret)
{
        char text[MISSING_RANGES_MAX * sizeof("0x0123456789abcdef-0x0123456789abcdef, ")];
        size_t used = 0;

        *ret = NULL;
        if (missing->n_ranges == 0)
                return 0;
        for (size_t i = 0; i < missing->n_ranges; i++) {
                if (i > 0)
                        used += (size_t) snprintf(text + used, sizeof(text) - used, ", ");
                used += (size_t) range_format(&missing->ranges[i], text + used,
                                              sizeof(text) - used);
        }
        return strprintf(ret, "%s%s", text, missing->more ? " and others" : "");
}
