/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the text of /proc/iomem. */
#include "fuzz.h"
#include "memory-map.h"

static void memory_map_freep(MemoryMap *map)
{
        memory_map_done(map);
}

static void list_check(const RangeList *list)
{
        for (size_t i = 0; i < list->n; i++) {
                FUZZ_CHECK(list->ranges[i].start < list->ranges[i].end);
                FUZZ_CHECK(i == 0 || list->ranges[i - 1].end < list->ranges[i].start);
        }
}

static bool on_map(const MemoryMap *map, Range range)
{
        for (size_t i = 0; i < map->n_map; i++)
                if (range_overlaps(map->map[i].range, range))
                        return true;
        return false;
}

static void map_check(const MemoryMap *map)
{
        FUZZ_CHECK(map->ram.n > 0);
        list_check(&map->ram);
        list_check(&map->gart);
        for (size_t i = 0; i < map->n_map; i++) {
                FUZZ_CHECK(map->map[i].kind != MEMORY_RAM);
                FUZZ_CHECK(map->map[i].range.start < map->map[i].range.end);
                FUZZ_CHECK(i == 0 || map->map[i - 1].range.end <= map->map[i].range.start);
        }
        FUZZ_CHECK(range_list_contains(&map->ram, map->crash));
        FUZZ_CHECK(range_list_contains(&map->ram, map->crash_low));
        FUZZ_CHECK(map->crash_low.end <= map->crash.start);
        FUZZ_CHECK(!on_map(map, map->crash) && !on_map(map, map->crash_low));
        FUZZ_CHECK(map->kernel.start <= map->kernel.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(memory_map_freep) MemoryMap map = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        r = memory_map_parse((const char *) data, size, &map, &message);
        FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -E2BIG || r == -EACCES);
        FUZZ_CHECK(!message == (r == 0));
        if (r == 0)
                map_check(&map);
        return 0;
}
