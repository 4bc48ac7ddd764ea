/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the guess of a dump's size from what /proc/meminfo counts. */
#include "verify.h"

/* One struct page of 64 bytes for each page of 4096. */
#define PAGES_PER_MAP_PAGE 64

/* makedumpfile(8), -d. */
enum {
        LEVEL_CACHE = 2,
        LEVEL_CACHE_PRIVATE = 4,
        LEVEL_USER = 8,
        LEVEL_FREE = 16,
};

/* The value of line "Name:   123 kB", in bytes; 0 if there is none. */
static uint64_t meminfo_bytes(const char *meminfo, const char *name)
{
        for (const char *line = meminfo; line;) {
                const char *value = startswith(line, name);
                uint64_t bytes;

                if (value && *value == ':') {
                        if (__builtin_mul_overflow((uint64_t) strtoull(value + 1, NULL, 10),
                                                   UINT64_C(1024), &bytes))
                                return 0;
                        return bytes;
                }
                line = strchr(line, '\n');
                if (line)
                        line++;
        }
        return 0;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

uint64_t verify_dump_estimate(const char *meminfo, uint64_t ram_bytes, const Collector *collector)
{
        unsigned level = collector->dump_level;
        uint64_t total, bytes, map_bytes;

        /* What another program keeps is its own affair. */
        if (!meminfo || collector->argv)
                return 0;
        total = meminfo_bytes(meminfo, "MemTotal");
        if (total == 0)
                return 0;
        bytes = total;
        if (level & LEVEL_FREE)
                bytes = minus(bytes, meminfo_bytes(meminfo, "MemFree"));
        if (level & LEVEL_USER)
                bytes = minus(bytes, meminfo_bytes(meminfo, "AnonPages"));
        if (level & (LEVEL_CACHE | LEVEL_CACHE_PRIVATE)) {
                bytes = minus(bytes, minus(meminfo_bytes(meminfo, "Cached"),
                                           meminfo_bytes(meminfo, "Shmem")));
                bytes = minus(bytes, meminfo_bytes(meminfo, "Buffers"));
        }
        /* MemTotal leaves out what the kernel took at boot: its image, and the struct pages. */
        map_bytes = MAX(ram_bytes, total) / PAGES_PER_MAP_PAGE;
        bytes += MAX(minus(ram_bytes, total), map_bytes);
        return collector->compression == COMPRESSION_NONE ? bytes : bytes / 2;
}
