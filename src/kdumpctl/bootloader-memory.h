/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BootMemory: which crashkernel= was written by us, and where: only that may be replaced unasked.
 * None of these log. */
#pragma once

#include "macro.h"
#include "paths.h"

#define PATH_BOOT_MEMORY PATH_STATE_DIR "/crashkernel.json"

/* Whose choice a value was. */
typedef enum BootOrigin {
        BOOT_ORIGIN_DEFAULT, /* nobody's: it was the default then */
        BOOT_ORIGIN_USER,    /* it was asked for by name, and was another one than the default */
        _BOOT_ORIGIN_MAX,
        _BOOT_ORIGIN_INVALID = -EINVAL,
} BootOrigin;

typedef struct BootMemoryItem {
        char *place; /* a file, absolute as seen from its root */
        char *value;
        BootOrigin origin;
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

int boot_memory_add(BootMemory *memory, const char *place, const char *value, BootOrigin origin);

/* Forgets what was added after the first @n_items. */
void boot_memory_truncate(BootMemory *memory, size_t n_items);

/* Forgets all that was at @place. */
void boot_memory_remove(BootMemory *memory, const char *place);

/* Whether @value was written to @place; @folder: to any file of the folder that @place is in. */
bool boot_memory_has(const BootMemory *memory, const char *place, const char *value, bool folder);

/* The same, and that nobody chose it: it was the default each time that it was written there. */
bool boot_memory_has_default(const BootMemory *memory, const char *place, const char *value,
                             bool folder);

/* Whether a default was written to any place. */
bool boot_memory_has_defaults(const BootMemory *memory);
