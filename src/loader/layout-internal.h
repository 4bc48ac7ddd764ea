/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of Layout share: what is to be laid out, and its places. None of these log. */
#pragma once

#include "layout.h"

#define LAYOUT_PAGE_BYTES UINT64_C(4096)

/* What is asked for, less what was dropped. */
typedef struct LayoutWish {
        const LayoutInputs *inputs;
        uint64_t hole_bytes;            /* whole pages */
        uint64_t elfcorehdr_room_bytes; /* whole pages, enough */
        bool mirror_small, mirror_kernel, mirror_initrd, fallback, live_elfcorehdr;
        /* What is big stays where it is if the size of another thing changes by a little. */
        bool roomy;
} LayoutWish;

/* Is this one of the extents that a sparse load leaves alone? */
bool layout_role_is_big(ExtentRole role);

/* Does @role get a second copy? */
bool layout_wish_mirrors(const LayoutWish *wish, ExtentRole role);

/* Sets all of the extents but their addresses, and the number of leaves. */
void layout_describe(Layout *layout, const LayoutWish *wish);

/* Each places what it is named after from @paddr on, a page, and returns the end of it. */
uint64_t layout_place_small(Layout *layout, uint64_t paddr);
uint64_t layout_place_small_mirrors(Layout *layout, const LayoutWish *wish, uint64_t paddr);
uint64_t layout_place_big(Layout *layout, const LayoutWish *wish, uint64_t paddr);

/* Writes the table of segments, of extents that all have their places. */
void layout_list_segments(Layout *layout);
