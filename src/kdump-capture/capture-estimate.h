/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CaptureEstimate: how large a dump of a source would be at each dump level, and how much of a CPU
 * it would take, from all struct pages and some of the pages themselves. */
#pragma once

#include "capture-source.h"
#include "compress.h"

#define ESTIMATE_LEVELS_MAX 32

/* How much is compressed to know how it shrinks. */
#define ESTIMATE_SAMPLE_BYTES (UINT64_C(64) << 20)

/* Pages [first_pfn, end_pfn). */
typedef struct EstimateRange {
        uint64_t first_pfn, end_pfn;
} EstimateRange;

typedef struct EstimateRequest {
        const Compressor *compressor;
        unsigned levels[ESTIMATE_LEVELS_MAX]; /* 0 to 31 */
        size_t n_levels;
        uint64_t sample_bytes;
        const EstimateRange *reserved; /* memory that no dump will have; any order */
        size_t n_reserved;
} EstimateRequest;

typedef struct EstimateLevel {
        unsigned level;
        uint64_t n_pages, memory_bytes; /* that are kept */
        uint64_t vmcore_bytes;
        uint64_t cpu_usec; /* of one CPU of this machine, to read and compress them */
} EstimateLevel;

typedef struct CaptureEstimate {
        uint64_t n_pages;         /* that exist and are not reserved */
        uint64_t n_pages_sampled; /* looked at */
        uint64_t n_pages_zero;    /* of these, zero */
        uint64_t n_pages_unreadable;
        CaptureCounts counts; /* of the level that leaves out most, in the whole memory */
        EstimateLevel levels[ESTIMATE_LEVELS_MAX]; /* as in the request */
} CaptureEstimate;

/* @source must not have been filtered. Its memory may change meanwhile. Returns 0; -ENOMEM; -EINVAL
 * if a level is not one. Logs what cannot be decided. */
int capture_estimate(CaptureSource *source, const EstimateRequest *request, CaptureEstimate *ret);

/* The memory of the crash kernel in @text, which is /proc/iomem and is changed. Returns how many of
 * @n_max ranges it fills. */
size_t capture_estimate_reserved(char *text, uint32_t page_size_bytes, EstimateRange *ranges,
                                 size_t n_max);
