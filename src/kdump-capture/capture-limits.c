/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the arithmetic of threads and memory: the memory of a crash kernel is small. */
#include "capture-limits.h"

#include <fcntl.h>
#include <sched.h>

#include "memory-info.h"
#include "pipeline.h"

/* The program itself, its libraries, VMCOREINFO and the notes. */
#define FIXED_BYTES (UINT64_C(8) << 20)

/* What the reader of one thread takes: a buffer where mapping is not possible, and the page tables
 * of its window. */
#define READER_BYTES ((UINT64_C(1) << 20) + (UINT64_C(64) << 10))

/* 128 GiB of 4 KiB pages. */
#define BITS_BYTES_MAX (UINT64_C(4) << 20)

CaptureLimits capture_limits_compute(unsigned n_threads, uint64_t memory_limit_bytes,
                                     unsigned n_cpus, uint64_t available_bytes)
{
        uint64_t budget_bytes = available_bytes / 5 * 2, bits_bytes, left_bytes, fit;
        unsigned wanted = n_threads > 0 ? n_threads : n_cpus;

        if (memory_limit_bytes > 0)
                budget_bytes = memory_limit_bytes;
        else if (n_threads > 0 || available_bytes == 0)
                budget_bytes = UINT64_MAX;

        bits_bytes = MIN(budget_bytes / 8, BITS_BYTES_MAX);
        left_bytes = budget_bytes - bits_bytes;
        left_bytes = left_bytes > FIXED_BYTES ? left_bytes - FIXED_BYTES : 0;
        fit = left_bytes / (pipeline_thread_bytes() + READER_BYTES);

        wanted = MIN(wanted, (unsigned) PIPELINE_THREADS_MAX);
        wanted = (unsigned) MIN((uint64_t) wanted, fit);
        return (CaptureLimits){ .n_threads = MAX(wanted, 1U), .bits_bytes_max = bits_bytes };
}

static unsigned count_cpus(void)
{
        cpu_set_t set;

        /* With more CPUs than the set has room for, there is no memory for so many threads. */
        if (sched_getaffinity(0, sizeof(set), &set) < 0)
                return errno == EINVAL ? PIPELINE_THREADS_MAX : 1;
        return (unsigned) CPU_COUNT(&set);
}

static uint64_t read_available_bytes(void)
{
        _cleanup_close_ int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        MemoryInfo info;

        return root_fd >= 0 && memory_info_read(root_fd, &info) >= 0 ? info.available_bytes : 0;
}

CaptureLimits capture_limits_choose(unsigned n_threads, uint64_t memory_limit_bytes)
{
        return capture_limits_compute(n_threads, memory_limit_bytes, count_cpus(),
                                      read_available_bytes());
}
