/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CaptureCounts: how many pages were left out, and as what. */
#pragma once

#include "page-filter.h"
#include "record.h"

typedef struct CaptureCounts {
        uint64_t n_excluded[_PAGE_CLASS_MAX]; /* by class; PAGE_KEPT is not used */
        uint64_t n_before; /* a saved dump that is the source had left them out */
} CaptureCounts;

void capture_counts_record(const CaptureCounts *counts, DumpRecord *record);

/* What there is of each class, for a person: "12 free, 3 user data". *ret is NULL if there is none.
 * Returns 0 or -ENOMEM. Does not log. */
int capture_counts_text(const CaptureCounts *counts, char **ret);
