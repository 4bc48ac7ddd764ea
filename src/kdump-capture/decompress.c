/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the list of decoders and the states of their libraries. */
#include "decompress.h"

#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include "kdump-file-format.h"

struct Decompressor {
        z_stream zlib;
        bool zlib_is_set_up;
        ZSTD_DCtx *zstd;
};

Decompressor *decompressor_free(Decompressor *decompressor)
{
        if (!decompressor)
                return NULL;
        if (decompressor->zlib_is_set_up)
                (void) inflateEnd(&decompressor->zlib);
        (void) ZSTD_freeDCtx(decompressor->zstd);
        free(decompressor);
        return NULL;
}

int decompressor_new(Decompressor **ret)
{
        _cleanup_(decompressor_freep) Decompressor *decompressor = calloc(1, sizeof(*decompressor));

        if (!decompressor || lzo_init() != LZO_E_OK || inflateInit(&decompressor->zlib) != Z_OK)
                return -ENOMEM;
        decompressor->zlib_is_set_up = true;
        decompressor->zstd = ZSTD_createDCtx();
        if (!decompressor->zstd)
                return -ENOMEM;
        *ret = TAKE_PTR(decompressor);
        return 0;
}

static int page_zlib(Decompressor *decompressor, const uint8_t *in, size_t size, uint8_t *out,
                     size_t page_bytes)
{
        z_stream *stream = &decompressor->zlib;

        if (inflateReset(stream) != Z_OK)
                return -EBADMSG;
        stream->next_in = (Bytef *) in;
        stream->avail_in = (uInt) size;
        stream->next_out = out;
        stream->avail_out = (uInt) page_bytes;
        if (inflate(stream, Z_FINISH) != Z_STREAM_END || stream->avail_out != 0)
                return -EBADMSG;
        return 0;
}

static int page_lzo(Decompressor *decompressor, const uint8_t *in, size_t size, uint8_t *out,
                    size_t page_bytes)
{
        lzo_uint n = page_bytes;

        if (lzo1x_decompress_safe(in, size, out, &n, NULL) != LZO_E_OK || n != page_bytes)
                return -EBADMSG;
        return 0;
}

static int page_snappy(Decompressor *decompressor, const uint8_t *in, size_t size, uint8_t *out,
                       size_t page_bytes)
{
        return decompress_snappy(in, size, out, page_bytes);
}

static int page_zstd(Decompressor *decompressor, const uint8_t *in, size_t size, uint8_t *out,
                     size_t page_bytes)
{
        return ZSTD_decompressDCtx(decompressor->zstd, out, page_bytes, in, size) == page_bytes
                       ? 0
                       : -EBADMSG;
}

static const struct {
        uint32_t flag;
        int (*page)(Decompressor *decompressor, const uint8_t *in, size_t size, uint8_t *out,
                    size_t page_bytes);
} decoders[] = {
        { KDUMP_FILE_ZLIB, page_zlib },
        { KDUMP_FILE_LZO, page_lzo },
        { KDUMP_FILE_SNAPPY, page_snappy },
        { KDUMP_FILE_ZSTD, page_zstd },
};

bool decompressor_knows(uint32_t flag)
{
        for (size_t i = 0; i < ELEMENTSOF(decoders); i++)
                if (decoders[i].flag == flag)
                        return true;
        return false;
}

int decompressor_page(Decompressor *decompressor, uint32_t flag, const uint8_t *in, size_t size,
                      uint8_t *out, size_t page_bytes)
{
        for (size_t i = 0; i < ELEMENTSOF(decoders); i++)
                if (decoders[i].flag == flag)
                        return decoders[i].page(decompressor, in, size, out, page_bytes);
        return -EOPNOTSUPP;
}
