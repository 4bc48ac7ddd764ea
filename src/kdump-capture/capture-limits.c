/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the arithmetic of threads and memory: the memory of a crash kernel is small. */
#include "capture-limits.h"

#include <fcntl.h>
#include <sched.h>

#include "io.h"
#include "parse.h"
#include "pipeline.h"

/* The program itself, its libraries, VMCOREINFO and the notes. */
#define FIXED_BYTES (UINT64_C(8) << 20)

/* What the reader of one thread takes: a buffer where mapping is not possible, and the page tables
 * of its window. */
#define READER_BYTES ((UINT64_C(1) << 20) + (UINT64_C(64) << 10))

/* 128 GiB of 4 KiB pages. */
#define BITS_BYTES_MAX (UINT64_C(4) << 20)

#define MEMINFO_BYTES_MAX ((size_t) 64 << 10)

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
        _cleanup_free_ char *text = NULL;
        uint64_t kib;
        char *line, *end;

        if (file_read(AT_FDCWD, "/proc/meminfo", MEMINFO_BYTES_MAX, &text, NULL) < 0)
                return 0;
        line = strstr(text, "\nMemAvailable:");
        if (!line)
                return 0;
        line += strlen("\nMemAvailable:");
        line += strspn(line, " ");
        end = line + strspn(line, "0123456789");
        *end = '\0';
        if (parse_u64(line, 10, &kib) < 0 || kib > UINT64_MAX / 1024)
                return 0;
        return kib * 1024;
}

CaptureLimits capture_limits_choose(unsigned n_threads, uint64_t memory_limit_bytes)
{
        return capture_limits_compute(n_threads, memory_limit_bytes, count_cpus(),
                                      read_available_bytes());
}
