/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sink: where a dump's bytes go, at any offset, with a name that appears only when all is there. */
#pragma once

#include "macro.h"

typedef struct Sink Sink;

/* One caller at a time. None of these log. */
typedef struct SinkOps {
        const char *name;

        /* Writes all of @data. What was never written reads as zero. -ENOSPC, -EDQUOT, -EFBIG:
         * full. */
        int (*write)(Sink *sink, uint64_t offset_bytes, const void *data, size_t size);

        /* All that was written so far is safe when this returns 0. */
        int (*sync)(Sink *sink);

        /* sync(), then the final name, safe too. Nothing can be written any more. */
        int (*commit)(Sink *sink);

        /* Without a commit() before it, the incomplete name stays. */
        void (*free)(Sink *sink);
} SinkOps;

/* The first member of each kind of sink. */
struct Sink {
        const SinkOps *ops;
        uint64_t written_bytes; /* counts every write, also those to the same place */
};

static inline int sink_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        int r = sink->ops->write(sink, offset_bytes, data, size);

        if (r >= 0)
                sink->written_bytes += size;
        return r;
}

static inline int sink_sync(Sink *sink)
{
        return sink->ops->sync(sink);
}

static inline int sink_commit(Sink *sink)
{
        return sink->ops->commit(sink);
}

static inline Sink *sink_free(Sink *sink) /* accepts NULL, returns NULL */
{
        if (sink)
                sink->ops->free(sink);
        return NULL;
}
DEFINE_CLEANUP(Sink *, sink_free);
