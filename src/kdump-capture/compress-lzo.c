/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns LZO1X-1, which every reader of kdump files understands. */
#include <lzo/lzo1x.h>

#include "compress.h"

/* Incompressible input grows: the formula is that of the FAQ of lzo 2.10. */
static size_t lzo_bound(size_t page_bytes)
{
        return page_bytes + page_bytes / 16 + 64 + 3;
}

static int lzo_context_init(void **ret_context)
{
        void *context;

        if (lzo_init() != LZO_E_OK)
                return -EOPNOTSUPP;
        context = malloc(LZO1X_1_MEM_COMPRESS);
        if (!context)
                return -ENOMEM;
        *ret_context = context;
        return 0;
}

static void lzo_context_done(void *context)
{
        free(context);
}

static size_t lzo_page(void *context, const uint8_t *in, size_t page_bytes, uint8_t *out)
{
        lzo_uint size = 0;

        if (lzo1x_1_compress(in, page_bytes, out, &size, context) != LZO_E_OK)
                return 0;
        return size < page_bytes ? size : 0;
}

const Compressor compressor_lzo = {
        .compression = COMPRESSION_LZO,
        .flag = COMPRESS_FLAG_LZO,
        .bound = lzo_bound,
        .init = lzo_context_init,
        .done = lzo_context_done,
        .page = lzo_page,
};
