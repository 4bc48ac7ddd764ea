/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BootMemory: which crashkernel= was written by us, and where: only that may be replaced unasked.
 * None of these log. */
#pragma once

#include "macro.h"
#include "paths.h"

#define PATH_BOOT_MEMORY PATH_STATE_DIR "/crashkernel.json"

typedef struct BootMemoryItem {
        char *place; /* a file, absolute as seen from its root */
        char *value;
} BootMemoryItem;

typedef struct BootMemory {
        BootMemoryItem *items;
        size_t n_items;
} BootMemory;

void boot_memory_done(BootMemory *memory);

/* Reads PATH_BOOT_MEMORY below @root_fd. Nothing there is nothing remembered. Returns 0; -EBADMSG
 * with *reterr_message (the caller frees it) if it is not ours. */
int boot_memory_read(int root_fd, BootMemory *ret, char **reterr_message);
int boot_memory_write(int root_fd, const BootMemory *memory);

int boot_memory_add(BootMemory *memory, const char *place, const char *value);

/* Forgets what was added after the first @n_items. */
void boot_memory_truncate(BootMemory *memory, size_t n_items);

/* Forgets all that was at @place. */
void boot_memory_remove(BootMemory *memory, const char *place);

/* Whether @value was written to @place; @folder: to any file of the folder that @place is in. */
bool boot_memory_has(const BootMemory *memory, const char *place, const char *value, bool folder);
