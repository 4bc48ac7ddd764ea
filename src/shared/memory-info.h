/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much memory there is, and how much of it is free, in the words of /proc. None of these log.
 */
#pragma once

#include "macro.h"

typedef struct MemoryInfo {
        uint64_t total_bytes;     /* MemTotal: what the kernel has to give away */
        uint64_t available_bytes; /* MemAvailable: what programs could still get */
} MemoryInfo;

/* @text: /proc/meminfo. Returns 0; -EBADMSG if one of them is not there. */
int memory_info_parse(const char *text, MemoryInfo *ret);

/* Of the running kernel, below @root_fd. */
int memory_info_read(int root_fd, MemoryInfo *ret);

/* All that is RAM, as @text, which is /proc/iomem, has it; the kernel's own as well. 0 for who may
 * not see addresses. Changes @text. */
uint64_t memory_ram_parse(char *text);

/* The same of the running kernel; what it has to give away if it does not tell. */
int memory_ram_read(int root_fd, uint64_t *ret_bytes);
