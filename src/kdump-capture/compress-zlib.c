/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns zlib at its fastest level, with one deflate state for all pages of a worker. */
#include <zlib.h>

#include "compress.h"

static size_t zlib_bound(size_t page_bytes)
{
        return page_bytes;
}

static void zlib_done(void *context)
{
        z_stream *stream = context;

        if (!stream)
                return;
        (void) deflateEnd(stream);
        free(stream);
}

static int zlib_init(void **ret_context)
{
        z_stream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return -ENOMEM;
        if (deflateInit(stream, Z_BEST_SPEED) != Z_OK) {
                free(stream);
                return -ENOMEM;
        }
        *ret_context = stream;
        return 0;
}

static size_t zlib_page(void *context, const uint8_t *in, size_t page_bytes, uint8_t *out)
{
        z_stream *stream = context;

        /* Setting everything up anew is most of the time of compress2() on so little input. */
        if (deflateReset(stream) != Z_OK)
                return 0;
        stream->next_in = (Bytef *) in;
        stream->avail_in = (uInt) page_bytes;
        stream->next_out = out;
        stream->avail_out = (uInt) page_bytes - 1;
        if (deflate(stream, Z_FINISH) != Z_STREAM_END)
                return 0;
        return page_bytes - 1 - stream->avail_out;
}

const Compressor compressor_zlib = {
        .compression = COMPRESSION_ZLIB,
        .flag = COMPRESS_FLAG_ZLIB,
        .bound = zlib_bound,
        .init = zlib_init,
        .done = zlib_done,
        .page = zlib_page,
};
