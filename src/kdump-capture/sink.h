/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sink: where a dump's bytes go, at any offset, with a name that appears only when all is there. */
#pragma once

#include "macro.h"

typedef struct Sink Sink;

/* What write_data() wants its offset, its size and the address of its data to be multiples of. */
#define SINK_DATA_ALIGN ((size_t) 4096)

/* reserve(), write() and write_data() may be called by several threads at a time, for ranges that
 * do not overlap; the others by one, when none of those is under way. None of these log. */
typedef struct SinkOps {
        const char *name;

        /* A range cannot be written again: what changes until the end has to come last. */
        bool write_once;

        /* Takes bytes from 0 on in their order only: no holes, and nothing can wait. */
        bool in_order;

        /* Makes sure that there is room for a range, which then reads as zero; in_order: only says
         * whether there is. NULL: cannot tell. */
        int (*reserve)(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes);

        /* Writes all of @data. What was never written reads as zero. -ENOSPC, -EDQUOT, -EFBIG:
         * full. */
        int (*write)(Sink *sink, uint64_t offset_bytes, const void *data, size_t size);

        /* The same for much data that nobody reads again, in large pieces and in any order. All is
         * aligned to SINK_DATA_ALIGN, and nothing else is written to these blocks. NULL: write()
         * does as well. */
        int (*write_data)(Sink *sink, uint64_t offset_bytes, const void *data, size_t size);

        /* All that was written so far is safe when this returns 0. */
        int (*sync)(Sink *sink);

        /* sync(), then the final name, safe too. Nothing can be written any more, unless it fails:
         * then it keeps the incomplete name. */
        int (*commit)(Sink *sink);

        /* Without a commit() before it, the incomplete name stays. */
        void (*free)(Sink *sink);
} SinkOps;

/* The first member of each kind of sink. */
struct Sink {
        const SinkOps *ops;
};

/* Is @error one of those that mean that no more fits? */
static inline bool sink_error_is_full(int error)
{
        return error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
}

static inline int sink_reserve(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes)
{
        return sink->ops->reserve ? sink->ops->reserve(sink, offset_bytes, size_bytes) : 0;
}

static inline int sink_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        return sink->ops->write(sink, offset_bytes, data, size);
}

static inline int sink_write_data(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        if (sink->ops->write_data)
                return sink->ops->write_data(sink, offset_bytes, data, size);
        return sink->ops->write(sink, offset_bytes, data, size);
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
