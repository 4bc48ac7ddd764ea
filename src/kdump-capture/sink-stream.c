/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of bytes on their way out of a descriptor that cannot seek. */
#include "sink-stream.h"

#include <poll.h>

typedef struct SinkStream {
        Sink sink;
        int fd;
        uint64_t position;
        int error; /* after it nothing fits any more: nobody knows how much has gone out */
} SinkStream;

/* As write_full(), but waits for a descriptor that somebody has set non-blocking: standard output
 * may be shared. */
static int write_all(int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EAGAIN) {
                        if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
                                return -errno;
                        continue;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                size -= (size_t) n;
        }
        return 0;
}

static int stream_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkStream *stream = (SinkStream *) sink;
        int r;

        if (stream->error < 0)
                return stream->error;
        if (offset_bytes != stream->position)
                return -ESPIPE;
        r = write_all(stream->fd, data, size);
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
