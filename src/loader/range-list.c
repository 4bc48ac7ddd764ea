/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the lists of ranges and what is done to them. */
#include "range-list.h"

#define ROOM ((size_t) 256)

void range_list_done(RangeList *list)
{
        if (!list)
                return;
        free(list->ranges);
        *list = (RangeList){ 0 };
}

/* The first range that ends at @paddr or later, or the number of ranges. */
static size_t find_end(const RangeList *list, uint64_t paddr)
{
        size_t low = 0, high = list->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (list->ranges[middle].end < paddr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Puts @n_new ranges in place of those in [first, last). The array has room for a multiple of 256,
 * so that nothing has to remember for how many. */
static int list_replace(RangeList *list, size_t first, size_t last, const Range *new_ranges,
                        size_t n_new)
{
        size_t n = list->n - (last - first) + n_new;

        if (n > list->n) {
                Range *ranges =
                        reallocarray(list->ranges, ALIGN_UP(n, ROOM), sizeof(*list->ranges));

                if (!ranges)
                        return -ENOMEM;
                list->ranges = ranges;
        }
        if (list->n > last && first + n_new != last)
                memmove(list->ranges + first + n_new, list->ranges + last,
                        (list->n - last) * sizeof(*list->ranges));
        for (size_t i = 0; i < n_new; i++)
                list->ranges[first + i] = new_ranges[i];
        list->n = n;
        return 0;
}

int range_list_add(RangeList *list, uint64_t start, uint64_t end)
{
        Range range = { start, end };
        size_t first, last;

        if (start > end)
                return -EINVAL;
        if (start == end)
                return 0;
        first = find_end(list, start);
        for (last = first; last < list->n && list->ranges[last].start <= end; last++) {
                range.start = MIN(range.start, list->ranges[last].start);
                range.end = MAX(range.end, list->ranges[last].end);
        }
        return list_replace(list, first, last, &range, 1);
}

int range_list_subtract(RangeList *list, uint64_t start, uint64_t end)
{
        size_t first, last, n_left = 0;
        Range left[2];

        if (start > end)
                return -EINVAL;
        if (start == end)
                return 0;
        first = find_end(list, start);
        if (first < list->n && list->ranges[first].end == start)
                first++;
        for (last = first; last < list->n && list->ranges[last].start < end; last++) {
                Range range = list->ranges[last];

                if (range.start < start)
                        left[n_left++] = (Range){ range.start, start };
                if (range.end > end)
                        left[n_left++] = (Range){ end, range.end };
        }
        return list_replace(list, first, last, left, n_left);
}

int range_list_copy(const RangeList *from, RangeList *ret)
{
        RangeList copy = { 0 };
        int r;

        r = list_replace(&copy, 0, 0, from->ranges, from->n);
        if (r < 0)
                return r;
        *ret = copy;
        return 0;
}

uint64_t range_list_bytes(const RangeList *list)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < list->n; i++)
                bytes += range_bytes(list->ranges[i]);
        return bytes;
}

bool range_list_overlaps(const RangeList *list, Range range)
{
        for (size_t i = find_end(list, range.start);
             range.start < range.end && i < list->n && list->ranges[i].start < range.end; i++)
                if (range_overlaps(list->ranges[i], range))
                        return true;
        return false;
}

bool range_list_contains(const RangeList *list, Range range)
{
        size_t i = find_end(list, range.end);

        return range.start <= range.end &&
               (range.start == range.end ||
                (i < list->n && range_contains(list->ranges[i], range)));
}
