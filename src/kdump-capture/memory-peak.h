/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MemoryPeak: the least memory that was left in the crash kernel. The supervisor looks, as often as
 * it wakes, and the attempt writes it into its record. None of these log. */
#pragma once

#include "memory-info.h"
#include "record.h"

typedef struct MemoryPeak {
        uint64_t total_bytes;           /* the last seen: it grows when the kernel frees its own */
        uint64_t least_available_bytes; /* UINT64_MAX: not seen yet */
        uint64_t sampled_usec;
} MemoryPeak;

/* Is shared with the processes that are forked afterwards. Returns NULL if there is no memory for
 * it, which the others take for "nothing is known". */
MemoryPeak *memory_peak_new(void);
MemoryPeak *memory_peak_free(MemoryPeak *peak);
DEFINE_CLEANUP(MemoryPeak *, memory_peak_free);

/* Takes what was read of /proc/meminfo into account. */
void memory_peak_take(MemoryPeak *peak, const MemoryInfo *info);

/* Looks at /proc/meminfo; not more than some times a second unless @now. */
void memory_peak_sample(MemoryPeak *peak, bool now);

/* Sets the memory_… members of @record as far as they are known. */
void memory_peak_record(const MemoryPeak *peak, DumpRecord *record);
