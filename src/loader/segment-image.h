/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SegmentImage: a CrashImage as the arguments of kexec_load(2): whole pages in memory that is there
 * already, so that the system call does nothing but copy. */
#pragma once

#include <linux/kexec.h>

#include "crash-image.h"
#include "kcore-map.h"

/* What one call is handed, sorted by address. */
typedef struct SegmentList {
        struct kexec_segment segments[LAYOUT_SEGMENTS_MAX];
        size_t n;
} SegmentList;

/* Of memory, whether it is copied or cleared. */
uint64_t segment_list_bytes(const SegmentList *list);

typedef struct SegmentImage {
        CrashImage crash;
        SegmentList full;  /* the segments of the layout, in its order */
        SegmentList small; /* of them, those that a sparse load has */
        uint8_t *arena;    /* what the small segments are copied from */
        size_t arena_bytes;
} SegmentImage;

void segment_image_done(SegmentImage *image);

/* Takes over @crash, whose inputs must stay as long as the SegmentImage. Big extents are loaded
 * from where they are; what is small is put together in locked memory. Proves both lists of
 * segments once more (layout_check_segments()). Returns 0; -EINVAL with *reterr_message (the caller
 * frees it), -ENOMEM. Does not log. */
int segment_image_make(CrashImage *crash, const LoaderFacts *facts, SegmentImage *ret,
                       char **reterr_message);

/* Proves what can be of @list: small segments of @image and parts of big ones
 * (layout_check_parts()). Returns as above. */
int segment_image_check_parts(const SegmentImage *image, const LoaderFacts *facts,
                              const SegmentList *list, char **reterr_message);

/* What is loaded, compared with what should be. */
typedef struct SegmentDamage {
        ExtentRole role; /* the first that differs */
        bool mirror;     /* it is its mirror */
        uint64_t paddr;  /* of the first byte that differs */
} SegmentDamage;

typedef enum SegmentScope {
        SEGMENTS_BIG, /* what a sparse load does not write */
        SEGMENTS_ALL, /* but what changes by itself */
} SegmentScope;

/* Reads the crash area back. Returns 0: all is as it should be; 1: *ret says what is not; errors of
 * kcore_map_read(). Does not log. */
int segment_image_verify(const SegmentImage *image, const KcoreMap *map, SegmentScope scope,
                         SegmentDamage *ret);
