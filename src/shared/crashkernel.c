/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of crashkernel= values that are advised. */
#include "crashkernel.h"

#define GIB (UINT64_C(1024) * 1024 * 1024)

/* The firmware keeps some of the memory: a machine of 64 GiB shows a little less. The kernel itself
 * rounds up to this when it matches crashkernel= ranges (kernel/crash_reserve.c, since v6.6). */
#define RAM_ROUNDING_BYTES (UINT64_C(128) * 1024 * 1024)

typedef struct AdviceRow {
        uint64_t below_bytes; /* this row is for less memory than that */
        const char *value;
} AdviceRow;

/* The memory of the crash kernel grows with the machine's because of drivers, which see all of its
 * devices, and of the dump's bitmaps. From 2 GiB on the values are those of other distributions. */
static const AdviceRow advice[] = {
#if defined(__aarch64__)
        { 2 * GIB, "192M" },
        { 4 * GIB, "256M" },
        { 64 * GIB, "320M" },
        { UINT64_MAX, "576M" },
#elif defined(__powerpc64__)
        { 2 * GIB, "320M" }, { 4 * GIB, "384M" }, { 16 * GIB, "512M" },
        { 64 * GIB, "1G" },  { 128 * GIB, "2G" }, { UINT64_MAX, "4G" },
#else
        { 2 * GIB, "192M" },
        { 64 * GIB, "256M" },
        { UINT64_MAX, "512M" },
#endif
};

const char *crashkernel_advice(uint64_t ram_bytes)
{
        uint64_t rounded = ram_bytes > UINT64_MAX - RAM_ROUNDING_BYTES
                                   ? ram_bytes
                                   : ALIGN_UP(ram_bytes, RAM_ROUNDING_BYTES);
        size_t i = 0;

        while (i + 1 < ELEMENTSOF(advice) && rounded >= advice[i].below_bytes)
                i++;
        return advice[i].value;
}
