/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns zstd at its fastest regular level, with one context for all pages of a worker. */
#include <zstd.h>

#include "compress.h"

#define LEVEL 1

static size_t zstd_bound(size_t page_bytes)
{
        return page_bytes;
}

static void zstd_done(void *context)
{
        (void) ZSTD_freeCCtx(context);
}

static size_t zstd_page(void *context, const uint8_t *in, size_t page_bytes, uint8_t *out)
{
        /* Begins with a reset of the session, which is all that a call left in the middle needs. */
        size_t size = ZSTD_compress2(context, out, page_bytes - 1, in, page_bytes);

        return ZSTD_isError(size) ? 0 : size;
}

/* The tables are allocated by the first page, by its size: with one of ours that is now. Later
 * pages of that size find them there. */
static int zstd_warm_up(ZSTD_CCtx *context)
{
        size_t page_bytes = (size_t) sysconf(_SC_PAGESIZE);
        _cleanup_free_ uint8_t *in = calloc(2, page_bytes);

        if (!in || zstd_page(context, in, page_bytes, in + page_bytes) == 0)
                return -ENOMEM;
        return 0;
}

static int zstd_init(void **ret_context)
{
        ZSTD_CCtx *context = ZSTD_createCCtx();
        int r;

        if (!context)
                return -ENOMEM;
        r = ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL))
                    ? -EOPNOTSUPP
                    : zstd_warm_up(context);
        if (r < 0) {
                zstd_done(context);
                return r;
        }
        *ret_context = context;
        return 0;
}

const Compressor compressor_zstd = {
        .compression = COMPRESSION_ZSTD,
        .flag = COMPRESS_FLAG_ZSTD,
        .bound = zstd_bound,
        .init = zstd_init,
        .done = zstd_done,
        .page = zstd_page,
};
