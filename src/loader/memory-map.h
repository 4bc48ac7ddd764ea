/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MemoryMap: what /proc/iomem says of memory. */
#pragma once

#include "loader-facts.h"

#define MEMORY_MAP_LINES_MAX 65536U

/* Fields as of the same name in LoaderFacts; those that no line is about are empty. */
typedef struct MemoryMap {
        RangeList ram, gart;
        MemoryRange *map;
        size_t n_map;
        Range crash, crash_low, kernel;
} MemoryMap;

void memory_map_done(MemoryMap *map);

/* @text: /proc/iomem, @size bytes. Anything that is neither "System RAM" nor inside of it, nor
 * inside of another one, is in @map, if it is of a MemoryKind: at whatever depth, as a driver's
 * range goes around those of the firmware ("PCI MMCONFIG" around "Reserved":
 * pci_mmcfg_late_insert_resources() of arch/x86/pci/mmconfig-shared.c). @map is sorted, and its
 * ranges do not overlap. Returns 0; -EACCES if all addresses are 0, as a reader without
 * CAP_SYS_ADMIN is shown them (r_show() of kernel/resource.c); -E2BIG for more lines than
 * MEMORY_MAP_LINES_MAX; -EBADMSG for lines that are no ranges, ranges that contradict each other,
 * and if there is no RAM; with *reterr_message (the caller frees it). Does not log. */
int memory_map_parse(const char *text, size_t size, MemoryMap *ret, char **reterr_message);
