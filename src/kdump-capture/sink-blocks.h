/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SinkBlocks: bytes in their order, cut into blocks that a thread of its own sends away one by one
 * while the next is filled. No more than two are in memory. */
#pragma once

#include "sink.h"

/* Where the blocks go. put() and free() are called by one thread at a time, not always the same. */
typedef struct BlocksOps {
        const char *name;

        /* The size in bytes, not 0, of block @number (from 0 on). All are as large as that but the
         * last one, which has 0 to as many bytes. */
        size_t (*size)(void *userdata, uint64_t number);

        /* Sends it. @last: it is the last one, and when this returns 0 the file is there, safe and
         * whole. No other block follows one that fails. */
        int (*put)(void *userdata, uint64_t number, const void *data, size_t size, bool last);

        /* Called by another thread than put(): that is to return soon, and fail. */
        void (*stop)(void *userdata);

        /* What was sent is given up if the last one was not put. */
        void (*free)(void *userdata);
} BlocksOps;

/* Takes @userdata over, also on failure. sync() keeps nothing safer than it was: only commit()
 * does. Returns 0 or -ENOMEM. Does not log. */
int sink_blocks_new(const BlocksOps *ops, void *userdata, Sink **ret);
