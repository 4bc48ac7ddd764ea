/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the codec that leaves every page as it is. */
#include "compress.h"

static size_t none_bound(size_t page_bytes)
{
        return page_bytes;
}

static int none_init(void **ret_context)
{
        *ret_context = NULL;
        return 0;
}

static void none_done(void *context)
{
}

static size_t none_page(void *context, const uint8_t *in, size_t page_bytes, uint8_t *out)
{
        return 0;
}

const Compressor compressor_none = {
        .compression = COMPRESSION_NONE,
        .flag = 0,
        .bound = none_bound,
        .init = none_init,
        .done = none_done,
        .page = none_page,
};
