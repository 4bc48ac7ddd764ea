/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the trial decompression of a bzImage's payload: it is thrown away as it comes. */
#include "bzimage.h"

#include <inttypes.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "text.h"

/* So much is decompressed at a time. */
#define CHUNK_BYTES 65536

/* What the build puts behind a payload, except for gzip, which ends with the same number itself
 * (scripts/Makefile.lib, size_append). */
#define SIZE_BYTES 4

/* scripts/xz_wrap.sh asks for a dictionary of 128 MiB since v6.12, of 32 MiB before. */
#define XZ_MEMORY_BYTES (UINT64_C(192) << 20)

typedef struct Unpacked {
        uint8_t *chunk;      /* CHUNK_BYTES of memory */
        uint64_t bytes;      /* so far */
        uint64_t max_bytes;  /* that it is said to have */
        uint8_t magic[4];    /* the first bytes */
        const char *problem; /* NULL: there is none */
} Unpacked;

/* The first @bytes of the chunk are new. */
static bool unpacked_add(Unpacked *unpacked, size_t bytes)
{
        for (size_t i = 0; i < bytes && unpacked->bytes + i < sizeof(unpacked->magic); i++)
                unpacked->magic[unpacked->bytes + i] = unpacked->chunk[i];
        unpacked->bytes += bytes;
        if (unpacked->bytes > unpacked->max_bytes)
                unpacked->problem = "it is longer than it says";
        return unpacked->bytes <= unpacked->max_bytes;
}

static void gzip_end(z_stream *stream)
{
        (void) inflateEnd(stream);
}

static int unpack_gzip(const uint8_t *data, size_t size, Unpacked *unpacked)
{
        _cleanup_(gzip_end)
                z_stream stream = { .next_in = (uint8_t *) data, .avail_in = (uInt) size };
        int r;

        /* 16: a header of gzip, and no other. */
        if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
                return -ENOMEM;
        do {
                stream.next_out = unpacked->chunk;
                stream.avail_out = CHUNK_BYTES;
                r = inflate(&stream, Z_NO_FLUSH);
                if (r == Z_MEM_ERROR)
                        return -ENOMEM;
                if (r != Z_OK && r != Z_STREAM_END) {
                        unpacked->problem = r == Z_BUF_ERROR ? "it is cut short" : "it is damaged";
                        return -EBADMSG;
                }
                if (!unpacked_add(unpacked, CHUNK_BYTES - stream.avail_out))
                        return -EBADMSG;
        } while (r != Z_STREAM_END);
        return stream.avail_in == 0 ? 0 : -EBADMSG;
}

static void xz_end(lzma_stream *stream)
{
        lzma_end(stream);
}

static int unpack_xz(const uint8_t *data, size_t size, Unpacked *unpacked)
{
        _cleanup_(xz_end) lzma_stream stream = LZMA_STREAM_INIT;
        lzma_ret r;

        if (lzma_stream_decoder(&stream, XZ_MEMORY_BYTES, 0) != LZMA_OK)
                return -ENOMEM;
        stream.next_in = data;
        stream.avail_in = size;
        do {
                stream.next_out = unpacked->chunk;
                stream.avail_out = CHUNK_BYTES;
                r = lzma_code(&stream, LZMA_FINISH);
                if (r == LZMA_MEM_ERROR)
                        return -ENOMEM;
                if (r != LZMA_OK && r != LZMA_STREAM_END) {
                        unpacked->problem = r == LZMA_BUF_ERROR        ? "it is cut short"
                                            : r == LZMA_MEMLIMIT_ERROR ? "it needs too much memory"
                                                                       : "it is damaged";
                        return -EBADMSG;
                }
                if (!unpacked_add(unpacked, CHUNK_BYTES - stream.avail_out))
                        return -EBADMSG;
        } while (r != LZMA_STREAM_END);
        return stream.avail_in == 0 ? 0 : -EBADMSG;
}

static void zstd_end(ZSTD_DStream **stream)
{
        (void) ZSTD_freeDStream(*stream);
}

/* The window may have 128 MiB, which is what a stream takes if not told otherwise, and is what
 * lib/decompress_unzstd.c takes. */
static int unpack_zstd(const uint8_t *data, size_t size, Unpacked *unpacked)
{
        _cleanup_(zstd_end) ZSTD_DStream *stream = ZSTD_createDStream();
        ZSTD_inBuffer in = { .src = data, .size = size };
        size_t r;

        if (!stream)
                return -ENOMEM;
        do {
                ZSTD_outBuffer out = { .dst = unpacked->chunk, .size = CHUNK_BYTES };
                size_t before = in.pos;

                r = ZSTD_decompressStream(stream, &out, &in);
                if (ZSTD_isError(r)) {
                        if (ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation)
                                return -ENOMEM;
                        unpacked->problem = "it is damaged";
                        return -EBADMSG;
                }
                if (!unpacked_add(unpacked, out.pos))
                        return -EBADMSG;
                if (r != 0 && in.pos == before && out.pos == 0) {
                        unpacked->problem = "it is cut short";
                        return -EBADMSG;
                }
        } while (r != 0);
        return in.pos == in.size ? 0 : -EBADMSG;
}

#define MAGIC_BYTES_MAX 8

typedef struct PayloadFormat {
        const char *name, *magic;
        size_t magic_bytes;
        size_t size_bytes; /* behind what is compressed */
        int (*unpack)(const uint8_t *data, size_t size, Unpacked *unpacked);
} PayloadFormat;

/* Those of lib/decompress.c. */
static const PayloadFormat formats[] = {
        { "gzip", "\x1f\x8b", 2, 0, unpack_gzip },
        { "xz", "\xfd\x37zXZ\0", 6, SIZE_BYTES, unpack_xz },
        { "zstd", "\x28\xb5\x2f\xfd", 4, SIZE_BYTES, unpack_zstd },
        { "bzip2", "BZh", 3, SIZE_BYTES, NULL },
        { "lzma", "\x5d\0\0", 3, SIZE_BYTES, NULL },
        { "lzo", "\x89\x4c\x5a", 3, SIZE_BYTES, NULL },
        { "lz4", "\x02\x21\x4c\x18", 4, SIZE_BYTES, NULL },
};

static const PayloadFormat *format_find(const uint8_t *payload, uint64_t bytes)
{
        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (bytes >= formats[i].magic_bytes + SIZE_BYTES &&
                    memcmp(payload, formats[i].magic, formats[i].magic_bytes) == 0)
                        return &formats[i];
        return NULL;
}

static uint64_t announced_bytes(const uint8_t *end)
{
        return end[-4] | (uint64_t) end[-3] << 8 | (uint64_t) end[-2] << 16 |
               (uint64_t) end[-1] << 24;
}

static int unpack_check(const PayloadFormat *format, const uint8_t *payload, uint64_t bytes,
                        uint64_t max_bytes, char **reterr_message)
{
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_BYTES);
        Unpacked unpacked = { .chunk = chunk, .max_bytes = max_bytes };
        int r;

        if (!chunk)
                return -ENOMEM;
        r = format->unpack(payload, bytes - format->size_bytes, &unpacked);
        if (r == -EBADMSG) {
                (void) strprintf(reterr_message,
                                 "its payload (%s) cannot be unpacked: %s, after %" PRIu64
                                 " of %" PRIu64 " bytes",
                                 format->name, unpacked.problem ?: "something is behind it",
                                 unpacked.bytes, max_bytes);
                return r;
        }
        if (r < 0)
                return r;
        if (unpacked.bytes != max_bytes) {
                (void) strprintf(reterr_message,
                                 "its payload (%s) has %" PRIu64 " bytes, and says it has %" PRIu64,
                                 format->name, unpacked.bytes, max_bytes);
                return -EBADMSG;
        }
        if (memcmp(unpacked.magic, "\177ELF", sizeof(unpacked.magic)) != 0) {
                (void) strprintf(reterr_message, "its payload (%s) is not an ELF file",
                                 format->name);
                return -EBADMSG;
        }
        return 0;
}

/* A kernel of tomorrow may be packed in another way, and start all the same; but not with nothing
 * where it should be, as in a file that was never written out. */
static int unknown_format(const uint8_t *payload, uint64_t bytes, char **reterr_message)
{
        static const uint8_t nothing[MAGIC_BYTES_MAX];
        bool empty = bytes <= sizeof(nothing) || memcmp(payload, nothing, sizeof(nothing)) == 0;

        (void) strprintf(reterr_message, "its payload of %" PRIu64 " bytes is %s", bytes,
                         empty ? "empty" : "of no known format");
        return empty ? -EBADMSG : -EOPNOTSUPP;
}

int bzimage_check_payload(const BzImage *image, char **reterr_message)
{
        const uint8_t *payload = image->kernel + image->payload_offset;
        const PayloadFormat *format = format_find(payload, image->payload_bytes);
        uint64_t bytes;
        int r;

        if (!format)
                return unknown_format(payload, image->payload_bytes, reterr_message);
        /* It is unpacked in place, and init_size has to be enough for that
         * (arch/x86/boot/header.S, INIT_SIZE). */
        bytes = announced_bytes(payload + image->payload_bytes);
        if (bytes == 0 || bytes > image->init_size_bytes) {
                (void) strprintf(reterr_message,
                                 "its payload (%s) cannot become %" PRIu64 " bytes in %" PRIu64,
                                 format->name, bytes, image->init_size_bytes);
                return -EBADMSG;
        }
        if (!format->unpack)
                return 0;
        r = unpack_check(format, payload, image->payload_bytes, bytes, reterr_message);
        if (r == -ENOMEM)
                (void) strprintf(reterr_message, "there is no memory to unpack %" PRIu64 " bytes",
                                 bytes);
        return r;
}
