/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the page of memory that supervisor and attempts share, and how often it is written. */
#include "memory-peak.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "io.h"

#define INTERVAL_USEC (100 * USEC_PER_MSEC)

MemoryPeak *memory_peak_new(void)
{
        MemoryPeak *peak = mmap(NULL, sizeof(*peak), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (peak == MAP_FAILED)
                return NULL;
        *peak = (MemoryPeak){ .least_available_bytes = UINT64_MAX };
        return peak;
}

MemoryPeak *memory_peak_free(MemoryPeak *peak)
{
        if (peak)
                (void) munmap(peak, sizeof(*peak));
        return NULL;
}

/* Two processes do this, and one of them may be killed at any time: no lock. */
void memory_peak_take(MemoryPeak *peak, const MemoryInfo *info)
{
        uint64_t least = __atomic_load_n(&peak->least_available_bytes, __ATOMIC_RELAXED);

        __atomic_store_n(&peak->total_bytes, info->total_bytes, __ATOMIC_RELAXED);
        while (info->available_bytes < least &&
               !__atomic_compare_exchange_n(&peak->least_available_bytes, &least,
                                            info->available_bytes, false, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED))
                continue;
}

void memory_peak_sample(MemoryPeak *peak, bool now)
{
        _cleanup_close_ int root_fd = -EBADF;
        uint64_t now_usec = now_boottime_usec();
        MemoryInfo info;

        if (!peak)
                return;
        if (!now &&
            now_usec < __atomic_load_n(&peak->sampled_usec, __ATOMIC_RELAXED) + INTERVAL_USEC)
                return;
        __atomic_store_n(&peak->sampled_usec, now_usec, __ATOMIC_RELAXED);
        root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root_fd >= 0 && memory_info_read(root_fd, &info) >= 0)
                memory_peak_take(peak, &info);
}

void memory_peak_record(const MemoryPeak *peak, DumpRecord *record)
{
        _cleanup_close_ int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        uint64_t least, ram_bytes;

        if (root_fd >= 0 && memory_ram_read(root_fd, &ram_bytes) >= 0)
                record->memory_ram_bytes = ram_bytes;
        if (!peak)
                return;
        least = __atomic_load_n(&peak->least_available_bytes, __ATOMIC_RELAXED);
        if (least == UINT64_MAX)
                return;
        record->memory_total_bytes = __atomic_load_n(&peak->total_bytes, __ATOMIC_RELAXED);
        record->memory_peak_bytes =
                record->memory_total_bytes > least ? record->memory_total_bytes - least : 0;
}
