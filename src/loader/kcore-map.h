/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KcoreMap: where physical memory is in /proc/kcore, the one way by which root can read back what
 * was loaded. None of these log. */
#pragma once

#include "range-list.h"

typedef struct KcorePart {
        uint64_t paddr, bytes, offset, vaddr;
} KcorePart;

typedef struct KcoreMap {
        int fd;           /* of /proc/kcore */
        KcorePart *parts; /* sorted by paddr; only those that have a physical address */
        size_t n_parts;
} KcoreMap;

#define KCORE_MAP_NULL                                                                             \
        (KcoreMap)                                                                                 \
        {                                                                                          \
                .fd = -EBADF                                                                       \
        }

void kcore_map_done(KcoreMap *map);

/* Opens proc/kcore below @root_fd and reads its headers. Returns 0; -EACCES, -EPERM or -ENOENT from
 * open(2), -EBADMSG for headers that make no sense, -EOPNOTSUPP if they have no physical addresses
 * (before v4.11). */
int kcore_map_open(int root_fd, KcoreMap *ret);

/* The header whose part holds @paddr; NULL: none does. If several do (the kernel's text is also in
 * the direct map), the one of the direct map, which is the largest. */
const KcorePart *kcore_map_find(const KcoreMap *map, uint64_t paddr);

/* Reads exactly @bytes at @paddr. Returns 0; -ERANGE if they are not all in the map, errors of
 * pread(2), -ENODATA at an early end. */
int kcore_map_read(const KcoreMap *map, uint64_t paddr, void *buf, size_t bytes);
