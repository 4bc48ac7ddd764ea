/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decompressor: one page back, from any codec that a kdump-compressed file may hold. */
#pragma once

#include "macro.h"

typedef struct Decompressor Decompressor;

/* One for each thread. Returns 0 or -ENOMEM. None of these log. */
int decompressor_new(Decompressor **ret);
Decompressor *decompressor_free(Decompressor *decompressor); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Decompressor *, decompressor_free);

/* Whether @flag, one of KDUMP_FILE_ZLIB …, is a codec that decompressor_page() knows. */
bool decompressor_knows(uint32_t flag);

/* Makes of @in a page of exactly @page_bytes. Returns 0; -EBADMSG if that is not what is in it
 * (@out then holds rubbish), -EOPNOTSUPP if the codec @flag is unknown. */
int decompressor_page(Decompressor *decompressor, uint32_t flag, const uint8_t *in, size_t size,
                      uint8_t *out, size_t page_bytes);

/* The decoder for snappy. Returns 0 or -EBADMSG. */
int decompress_snappy(const uint8_t *in, size_t size, uint8_t *out, size_t page_bytes);
