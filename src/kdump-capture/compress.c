/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the list of codecs. */
#include "compress.h"

static const Compressor *const compressors[] = {
        &compressor_none,   &compressor_lzo,  &compressor_zlib,
        &compressor_snappy, &compressor_zstd, &compressor_auto,
};

const Compressor *compressor_find(Compression compression)
{
        for (size_t i = 0; i < ELEMENTSOF(compressors); i++)
                if (compressors[i]->compression == compression)
                        return compressors[i];
        return NULL;
}
