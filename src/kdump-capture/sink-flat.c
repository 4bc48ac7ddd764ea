/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the flattened format (makedumpfile.h: makedumpfile_header, makedumpfile_data_header). */
#include "sink-flat.h"

#include <endian.h>
#include <pthread.h>

#define FLAT_SIGNATURE "makedumpfile"
#define FLAT_TYPE 1
#define FLAT_VERSION 1
#define FLAT_HEADER_BYTES 4096

/* More than what a stream ends with, the dump's header and the last record, takes. */
#define FLAT_END_BYTES 8192

/* All numbers are big endian. The end of the stream is a record of -1 and -1. */
typedef struct FlatHeader {
        char signature[16];
        uint64_t type, version;
} FlatHeader;

typedef struct FlatRecord {
        uint64_t offset_bytes, size_bytes;
} FlatRecord;

typedef struct SinkFlat {
        Sink sink;
        Sink *inner;
        pthread_mutex_t lock; /* a record and its data are written in one piece */
        uint64_t position;
        int error; /* of a write that may have left a part */
} SinkFlat;

static int append(SinkFlat *flat, const void *data, size_t size)
{
        int r;

        if (flat->error < 0)
                return flat->error;
        r = sink_write(flat->inner, flat->position, data, size);
        if (r < 0)
                return flat->error = r;
        flat->position += size;
        return 0;
}

static int append_record(SinkFlat *flat, uint64_t offset_bytes, const void *data, size_t size)
{
        const FlatRecord record = {
                .offset_bytes = htobe64(offset_bytes),
                .size_bytes = htobe64(size),
        };
        uint64_t end_bytes = offset_bytes > 0 ? FLAT_END_BYTES : 0;
        int r = 0;

        /* Nothing behind a record without its data could be found: it is written whole or not at
         * all, and leaves room for the end, so that what fits can be read. */
        if (flat->inner->ops->in_order)
                r = sink_reserve(flat->inner, flat->position, sizeof(record) + size + end_bytes);
        if (r >= 0)
                r = append(flat, &record, sizeof(record));
        return r < 0 ? r : append(flat, data, size);
}

static int flat_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkFlat *flat = (SinkFlat *) sink;
        int r;

        if (size == 0)
                return 0;
        (void) pthread_mutex_lock(&flat->lock);
        r = append_record(flat, offset_bytes, data, size);
        (void) pthread_mutex_unlock(&flat->lock);
        return r;
}

static int flat_sync(Sink *sink)
{
        return sink_sync(((SinkFlat *) sink)->inner);
}

static int flat_commit(Sink *sink)
{
        static const FlatRecord end = { UINT64_MAX, UINT64_MAX };
        SinkFlat *flat = (SinkFlat *) sink;
        int r;

        r = append(flat, &end, sizeof(end));
        return r < 0 ? r : sink_commit(flat->inner);
}

static void flat_free(Sink *sink)
{
        SinkFlat *flat = (SinkFlat *) sink;

        (void) pthread_mutex_destroy(&flat->lock);
        sink_free(flat->inner);
        free(flat);
}

static const SinkOps flat_ops = {
        .name = "flattened",
        .write_once = true,
        .write = flat_write,
        .sync = flat_sync,
        .commit = flat_commit,
        .free = flat_free,
};

static int append_header(SinkFlat *flat)
{
        uint8_t block[FLAT_HEADER_BYTES] = { 0 };
        const FlatHeader header = {
                .signature = FLAT_SIGNATURE,
                .type = htobe64(FLAT_TYPE),
                .version = htobe64(FLAT_VERSION),
        };

        memcpy(block, &header, sizeof(header));
        return append(flat, block, sizeof(block));
}

int sink_flat_new(Sink *inner, Sink **ret)
{
        SinkFlat *flat = calloc(1, sizeof(*flat));
        int r;

        if (!flat) {
                sink_free(inner);
                return -ENOMEM;
        }
        *flat = (SinkFlat){ .sink.ops = &flat_ops, .inner = inner };
        r = -pthread_mutex_init(&flat->lock, NULL);
        if (r >= 0)
                r = append_header(flat);
        if (r < 0) {
                flat_free(&flat->sink);
                return r;
        }
        *ret = &flat->sink;
        return 0;
}
