/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of bytes on their way out of a descriptor that cannot seek. */
#include "sink-stream.h"

#include "io.h"

typedef struct SinkStream {
        Sink sink;
        int fd;
        uint64_t position;
        int error; /* after it nothing fits any more: nobody knows how much has gone out */
} SinkStream;

static int stream_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkStream *stream = (SinkStream *) sink;
        int r;

        if (stream->error < 0)
                return stream->error;
        if (offset_bytes != stream->position)
                return -ESPIPE;
        r = write_full(stream->fd, data, size);
        if (r < 0)
                return stream->error = r;
        stream->position += size;
        return 0;
}

/* A pipe has nothing to sync: fsync(2) says EINVAL, and EROFS for some special files. */
static int stream_sync(Sink *sink)
{
        const SinkStream *stream = (const SinkStream *) sink;

        if (stream->error < 0)
                return stream->error;
        if (fsync(stream->fd) < 0 && errno != EINVAL && errno != EROFS)
                return -errno;
        return 0;
}

static void stream_free(Sink *sink)
{
        free(sink);
}

static const SinkOps stream_ops = {
        .name = "stream",
        .write_once = true,
        .in_order = true,
        .write = stream_write,
        .sync = stream_sync,
        .commit = stream_sync,
        .free = stream_free,
};

int sink_stream_new(int fd, Sink **ret)
{
        SinkStream *stream = calloc(1, sizeof(*stream));

        if (!stream)
                return -ENOMEM;
        *stream = (SinkStream){ .sink.ops = &stream_ops, .fd = fd };
        *ret = &stream->sink;
        return 0;
}
