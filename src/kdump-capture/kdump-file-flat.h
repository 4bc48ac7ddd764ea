/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KdumpFlat: where in a flattened file (makedumpfile -F) each piece of the dump is. */
#pragma once

#include "macro.h"

typedef struct KdumpFlat KdumpFlat;

/* Whether a file that begins with these bytes is flattened. */
#define KDUMP_FLAT_SIGNATURE_BYTES 16
bool kdump_flat_is(const void *start);

/* Reads the heads of all records of the file @fd of @file_bytes, up to the first one that makes no
 * sense. Returns 0; -EOPNOTSUPP with *reterr_message for another version, or if records are too
 * many or overlap as no writer makes them; -ENOMEM; errors of read. None of these log. */
int kdump_flat_load(int fd, uint64_t file_bytes, KdumpFlat **ret, char **reterr_message);
KdumpFlat *kdump_flat_free(KdumpFlat *flat); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(KdumpFlat *, kdump_flat_free);

/* The size of the dump, and whether the record that ends the file is there. */
uint64_t kdump_flat_bytes(const KdumpFlat *flat);
bool kdump_flat_has_end(const KdumpFlat *flat);

/* Reads @size bytes of the dump at @offset_bytes from the same file. What was never written is 0.
 */
int kdump_flat_read(const KdumpFlat *flat, int fd, uint64_t offset_bytes, void *buf, size_t size);

/* The first byte from @offset_bytes on that a record holds; the size of the dump if there is none.
 */
uint64_t kdump_flat_next(const KdumpFlat *flat, uint64_t offset_bytes);
