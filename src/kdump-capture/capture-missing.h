/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MissingPages: which pages could not be read: bad memory, mostly, so that someone wants to know.
 */
#pragma once

#include "macro.h"

#define MISSING_RANGES_MAX 32

typedef struct MissingRange {
        uint64_t first_pfn, last_pfn;
} MissingRange;

/* Ordered, with a gap before each. */
typedef struct MissingPages {
        MissingRange ranges[MISSING_RANGES_MAX];
        size_t n_ranges;
        bool more;             /* there was no room for all: these are the lowest */
        uint64_t left_out_pfn; /* if so: the lowest for which there was none */
} MissingPages;

/* Pages may come in any order, and more than once. */
void missing_pages_add(MissingPages *missing, uint64_t pfn);

/* For a person: "0x9f, 0x100-0x1ff and others"; *ret is NULL if there are none. Returns 0 or
 * -ENOMEM. Does not log. */
int missing_pages_text(const MissingPages *missing, char **ret);
