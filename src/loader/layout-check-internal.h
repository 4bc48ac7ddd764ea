/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the layout's check share: all places as one list. None of these log. */
#pragma once

#include <inttypes.h>

#include "layout-check.h"
#include "text.h"

#define CHECK_PAGE_BYTES UINT64_C(4096)
#define CHECK_PLACES_MAX (2 * _EXTENT_ROLE_MAX)

/* Ends a check: the message, and -EINVAL. */
#define REFUSE(reterr_message, ...)                                                                \
        ({                                                                                         \
                (void) strprintf(reterr_message, __VA_ARGS__);                                     \
                -EINVAL;                                                                           \
        })

/* An extent, or its mirror. */
typedef struct CheckPlace {
        ExtentRole role;
        bool mirror;
        Range room;
        Range content; /* from the first byte that is loaded, or will be written by the kernel */
} CheckPlace;

typedef struct CheckPlaces {
        CheckPlace places[CHECK_PLACES_MAX];
        size_t n;
} CheckPlaces;

/* "kernel", or "mirror of kernel". */
#define PLACE_FORMAT "%s%s [%#" PRIx64 ", %#" PRIx64 ")"
#define PLACE_ARGS(place)                                                                          \
        (place)->mirror ? "mirror of " : "", extent_role_to_string((place)->role),                 \
                (place)->room.start, (place)->room.end

static inline bool check_is_page(uint64_t paddr)
{
        return paddr % CHECK_PAGE_BYTES == 0;
}

/* The area of @layout is that of @facts, and its hole is where and as large as it must be. */
int check_area(const Layout *layout, const LoaderFacts *facts, char **reterr_message);

/* What sanity_check_segment_list() of kernel/kexec_core.c looks at. */
int check_kernel_rules(const LoaderFacts *facts, const LayoutCheckSegment *segments, size_t n,
                       char **reterr_message);

/* The table of segments of @layout, whose places are already checked against each other. */
int check_segment_table(const Layout *layout, const LoaderFacts *facts, const CheckPlaces *places,
                        char **reterr_message);
