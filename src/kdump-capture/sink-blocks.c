/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns two blocks and the thread that sends one of them. */
#include "sink-blocks.h"

#include <pthread.h>

typedef struct Block {
        uint8_t *data;
        size_t allocated, size; /* bytes */
} Block;

typedef struct SinkBlocks {
        Sink sink;
        const BlocksOps *ops;
        void *userdata;

        pthread_mutex_t lock; /* for all that follows */
        pthread_cond_t changed;
        pthread_t thread;
        bool has_thread; /* it is started for the second block: small files need none */
        bool ends;       /* the thread is to return */
        Block filling, sending;
        bool is_sending; /* @sending is the thread's */
        size_t wanted;   /* size of @filling when it is full; 0: to be asked for */
        uint64_t number; /* of @filling */
        uint64_t position;
        bool is_whole; /* the last block is gone */
        int error;     /* the first one: nothing goes out after it */
} SinkBlocks;

static void *send_blocks(void *userdata)
{
        SinkBlocks *blocks = userdata;

        (void) pthread_mutex_lock(&blocks->lock);
        for (;;) {
                uint64_t number = blocks->number - 1;
                int r;

                if (blocks->ends)
                        break;
                if (!blocks->is_sending) {
                        (void) pthread_cond_wait(&blocks->changed, &blocks->lock);
                        continue;
                }
                (void) pthread_mutex_unlock(&blocks->lock);
                r = blocks->ops->put(blocks->userdata, number, blocks->sending.data,
                                     blocks->sending.size, false);
                (void) pthread_mutex_lock(&blocks->lock);
                if (r < 0 && blocks->error >= 0)
                        blocks->error = r;
                blocks->is_sending = false;
                (void) pthread_cond_broadcast(&blocks->changed);
        }
        (void) pthread_mutex_unlock(&blocks->lock);
        return NULL;
}

static int wait_until_sent(SinkBlocks *blocks)
{
        while (blocks->is_sending)
                (void) pthread_cond_wait(&blocks->changed, &blocks->lock);
        return blocks->error;
}

/* Gives the full block to the thread when that has done with the one before. */
static int hand_over(SinkBlocks *blocks)
{
        Block block;
        int r;

        r = wait_until_sent(blocks);
        if (r < 0)
                return r;
        if (!blocks->has_thread) {
                r = -pthread_create(&blocks->thread, NULL, send_blocks, blocks);
                if (r < 0)
                        return r;
                blocks->has_thread = true;
        }
        block = blocks->sending;
        blocks->sending = blocks->filling;
        blocks->filling = block;
        blocks->filling.size = 0;
        blocks->wanted = 0;
        blocks->number++;
        blocks->is_sending = true;
        (void) pthread_cond_broadcast(&blocks->changed);
        return 0;
}

/* Makes the block that is filled as large as it is to become. What is not used of it costs no
 * memory: it comes from mmap(2). */
static int prepare_block(SinkBlocks *blocks)
{
        Block *block = &blocks->filling;

        if (blocks->wanted > 0)
                return 0;
        blocks->wanted = blocks->ops->size(blocks->userdata, blocks->number);
        if (blocks->wanted <= block->allocated)
                return 0;
        free(block->data);
        *block = (Block){ .data = malloc(blocks->wanted) };
        if (!block->data)
                return -ENOMEM;
        block->allocated = blocks->wanted;
        return 0;
}

static int append(SinkBlocks *blocks, const uint8_t *data, size_t size)
{
        int r;

        while (size > 0) {
                Block *block = &blocks->filling;
                size_t n;

                r = prepare_block(blocks);
                if (r < 0)
                        return r;
                n = MIN(blocks->wanted - block->size, size);
                memcpy(block->data + block->size, data, n);
                block->size += n;
                blocks->position += n;
                data += n;
                size -= n;
                /* Only when more follows it is known that this is not the last one. */
                if (size > 0) {
                        r = hand_over(blocks);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int blocks_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkBlocks *blocks = (SinkBlocks *) sink;
        int r;

        (void) pthread_mutex_lock(&blocks->lock);
        r = blocks->error;
        if (r >= 0 && (blocks->is_whole || offset_bytes != blocks->position))
                r = -ESPIPE;
        else if (r >= 0) {
                r = append(blocks, data, size);
                if (r < 0 && blocks->error >= 0)
                        blocks->error = r;
        }
        (void) pthread_mutex_unlock(&blocks->lock);
        return r;
}

static int blocks_sync(Sink *sink)
{
        SinkBlocks *blocks = (SinkBlocks *) sink;
        int r;

        (void) pthread_mutex_lock(&blocks->lock);
        r = blocks->error;
        (void) pthread_mutex_unlock(&blocks->lock);
        return r;
}

/* The thread has nothing to do meanwhile. */
static int blocks_commit(Sink *sink)
{
        SinkBlocks *blocks = (SinkBlocks *) sink;
        int r;

        (void) pthread_mutex_lock(&blocks->lock);
        r = wait_until_sent(blocks);
        if (r >= 0 && !blocks->is_whole) {
                r = blocks->ops->put(blocks->userdata, blocks->number, blocks->filling.data,
                                     blocks->filling.size, true);
                blocks->is_whole = r >= 0;
                blocks->error = r;
        }
        (void) pthread_mutex_unlock(&blocks->lock);
        return r;
}

static void end_thread(SinkBlocks *blocks)
{
        bool is_sending;

        (void) pthread_mutex_lock(&blocks->lock);
        blocks->ends = true;
        is_sending = blocks->is_sending;
        (void) pthread_cond_broadcast(&blocks->changed);
        (void) pthread_mutex_unlock(&blocks->lock);
        if (is_sending)
                blocks->ops->stop(blocks->userdata);
        (void) pthread_join(blocks->thread, NULL);
}

static void blocks_free(Sink *sink)
{
        SinkBlocks *blocks = (SinkBlocks *) sink;

        if (blocks->has_thread)
                end_thread(blocks);
        (void) pthread_cond_destroy(&blocks->changed);
        (void) pthread_mutex_destroy(&blocks->lock);
        blocks->ops->free(blocks->userdata);
        free(blocks->filling.data);
        free(blocks->sending.data);
        free(blocks);
}

static const SinkOps blocks_ops = {
        .name = "blocks",
        .write_once = true,
        .in_order = true,
        .write = blocks_write,
        .sync = blocks_sync,
        .commit = blocks_commit,
        .free = blocks_free,
};

int sink_blocks_new(const BlocksOps *ops, void *userdata, Sink **ret)
{
        SinkBlocks *blocks = calloc(1, sizeof(*blocks));

        if (!blocks) {
                ops->free(userdata);
                return -ENOMEM;
        }
        *blocks = (SinkBlocks){
                .sink.ops = &blocks_ops,
                .ops = ops,
                .userdata = userdata,
                .lock = PTHREAD_MUTEX_INITIALIZER,
                .changed = PTHREAD_COND_INITIALIZER,
        };
        *ret = &blocks->sink;
        return 0;
}
