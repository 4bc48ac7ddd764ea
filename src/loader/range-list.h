/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ranges of physical memory: sorted, none touching another, none empty. None of these log. */
#pragma once

#include "macro.h"

/* Physical addresses in bytes; @end is not inside. */
typedef struct Range {
        uint64_t start, end;
} Range;

typedef struct RangeList {
        Range *ranges;
        size_t n;
} RangeList;

void range_list_done(RangeList *list);

static inline uint64_t range_bytes(Range range)
{
        return range.end - range.start;
}

static inline bool range_overlaps(Range a, Range b)
{
        return a.start < b.end && b.start < a.end;
}

static inline bool range_contains(Range outer, Range inner)
{
        return outer.start <= inner.start && inner.end <= outer.end;
}

/* Both return 0; -ENOMEM, or -EINVAL if @start > @end. An empty range changes nothing. */
int range_list_add(RangeList *list, uint64_t start, uint64_t end);
int range_list_subtract(RangeList *list, uint64_t start, uint64_t end);
int range_list_copy(const RangeList *from, RangeList *ret);
uint64_t range_list_bytes(const RangeList *list);
bool range_list_overlaps(const RangeList *list, Range range);
bool range_list_contains(const RangeList *list, Range range);
