/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compressor: one page in, fewer bytes out, for each codec that a kdump-compressed file may hold.
 */
#pragma once

#include "macro.h"
#include "plan.h"

/* page_desc.flags and disk_dump_header.status of makedumpfile's diskdump_mod.h. */
enum {
        COMPRESS_FLAG_ZLIB = 0x1,
        COMPRESS_FLAG_LZO = 0x2,
        COMPRESS_FLAG_SNAPPY = 0x4,
        COMPRESS_FLAG_ZSTD = 0x20,
};

/* A context belongs to one worker. None of these log. */
typedef struct Compressor {
        Compression compression;
        uint32_t flag; /* COMPRESS_FLAG_*, 0: pages stay as they are */

        /* Room that page() needs behind @out for a page of @page_bytes, whatever is in it. */
        size_t (*bound)(size_t page_bytes);

        /* Returns 0 or -ENOMEM. */
        int (*init)(void **ret_context);
        void (*done)(void *context); /* accepts NULL */

        /* Returns the compressed size, always below @page_bytes; 0 if the page does not shrink
         * (@out then holds rubbish). Allocates nothing and may be left by a jump at any time: the
         * next call starts afresh. */
        size_t (*page)(void *context, const uint8_t *in, size_t page_bytes, uint8_t *out);
} Compressor;

extern const Compressor compressor_none;
extern const Compressor compressor_lzo;
extern const Compressor compressor_zlib;
extern const Compressor compressor_snappy;
extern const Compressor compressor_zstd;

/* One of the others, as it fits: see Coder, which is for all. Has no functions. */
extern const Compressor compressor_auto;

/* NULL if this program was built without it. */
const Compressor *compressor_find(Compression compression);
