/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CaptureLimits: how many threads a capture has, and how much memory they may take. */
#pragma once

#include "macro.h"

typedef struct CaptureLimits {
        unsigned n_threads;    /* at least 1 */
        size_t bits_bytes_max; /* for the bitmap of pages */
} CaptureLimits;

/* @n_threads and @memory_limit_bytes as they are wanted, 0: not said. Without the first, it is one
 * thread for each of @n_cpus; without the second, 40 % of @available_bytes (0: unknown). Memory
 * limits the threads unless only their number is said. */
CaptureLimits capture_limits_compute(unsigned n_threads, uint64_t memory_limit_bytes,
                                     unsigned n_cpus, uint64_t available_bytes);

/* The same on this machine as it is now. Does not log. */
CaptureLimits capture_limits_choose(unsigned n_threads, uint64_t memory_limit_bytes);
