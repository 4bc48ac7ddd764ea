/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DumpSegments: the pages to be written as ranges, for forms that have no word for a single page.
 */
#pragma once

#include "dump-source.h"

typedef struct DumpSegment {
        uint64_t first_pfn, n_pages;
        bool apart; /* from the one before: between them is no memory, or a page that is unreadable
                     */
} DumpSegment;

typedef struct DumpSegments {
        DumpSegment *items; /* in ascending order */
        size_t n_items, n_allocated;

        /* Fewer pages in a row that are not to be written are within a segment: 1, or as many as it
         * took to have no more than so many segments. */
        uint64_t gap_pages;

        uint64_t n_pages;   /* to be written, the next ones included */
        uint64_t n_missing; /* of them: unreadable, in no segment */
} DumpSegments;

/* Told now and then how much memory was looked at, and ends it with an error; @fn may be NULL. */
typedef struct DumpSegmentsProgress {
        int (*fn)(void *data, uint64_t n_pages);
        void *data;
} DumpSegmentsProgress;

/* Asks which pages of @source are to be written, touches each once to see whether it can be read,
 * and makes at most @n_max segments of them, so that memory is bounded by that. Pages for which no
 * segment is left over are missing. Returns 0; -ENOMEM; -EINVAL if there is more memory than a
 * machine can have; the error of @progress. Does not log. */
int dump_segments_find(const PageSource *source, void *reader, size_t n_max,
                       const DumpSegmentsProgress *progress, DumpSegments *ret);
void dump_segments_done(DumpSegments *segments);
