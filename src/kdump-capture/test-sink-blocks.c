/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>

#include "sink-blocks.h"
#include "test.h"

#define BLOCK_BYTES ((size_t) 8)
#define FAKE_BLOCKS_MAX 16

/* Takes blocks of 8 bytes, the third and later ones of 16. */
typedef struct Fake {
        char data[FAKE_BLOCKS_MAX * BLOCK_BYTES * 2];
        size_t size, sizes[FAKE_BLOCKS_MAX], n_blocks;
        bool whole, freed;

        uint64_t fails_at; /* with -ENOSPC */
        bool hangs;        /* from the first block on, until it is stopped */
        bool stopped;
        pthread_mutex_t lock;
        pthread_cond_t changed;
} Fake;

static size_t fake_size(void *userdata, uint64_t number)
{
        return number < 2 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
}

static int fake_put(void *userdata, uint64_t number, const void *data, size_t size, bool last)
{
        Fake *fake = userdata;
        bool stopped;

        if (number == fake->fails_at)
                return -ENOSPC;
        (void) pthread_mutex_lock(&fake->lock);
        while (fake->hangs && !fake->stopped)
                (void) pthread_cond_wait(&fake->changed, &fake->lock);
        stopped = fake->stopped;
        (void) pthread_mutex_unlock(&fake->lock);
        if (stopped)
                return -ECANCELED;
        assert_true(number == fake->n_blocks && number < FAKE_BLOCKS_MAX);
        if (size > 0)
                memcpy(fake->data + fake->size, data, size);
        fake->size += size;
        fake->sizes[fake->n_blocks++] = size;
        if (last)
                fake->whole = true;
        return 0;
}

static void fake_stop(void *userdata)
{
        Fake *fake = userdata;

        (void) pthread_mutex_lock(&fake->lock);
        fake->stopped = true;
        (void) pthread_cond_broadcast(&fake->changed);
        (void) pthread_mutex_unlock(&fake->lock);
}

static void fake_free(void *userdata)
{
        Fake *fake = userdata;

        assert_false(fake->freed);
        fake->freed = true;
}

static const BlocksOps fake_ops = {
        .name = "fake",
        .size = fake_size,
        .put = fake_put,
        .stop = fake_stop,
        .free = fake_free,
};

#define FAKE                                                                                       \
        {                                                                                          \
                .fails_at = UINT64_MAX, .lock = PTHREAD_MUTEX_INITIALIZER,                         \
                .changed = PTHREAD_COND_INITIALIZER                                                \
        }

static const char text[] = "The quick brown fox jumps over the lazy dog, twice, and then once more";

static Sink *sink_new(Fake *fake)
{
        Sink *sink = NULL;

        assert_int_equal(sink_blocks_new(&fake_ops, fake, &sink), 0);
        assert_true(sink->ops->in_order);
        return sink;
}

static void write_pieces(Sink *sink, size_t size, size_t piece)
{
        for (size_t i = 0; i < size; i += piece)
                assert_int_equal(sink_write(sink, i, text + i, MIN(piece, size - i)), 0);
}

/* Whatever the pieces, the same blocks come. */
static void check_blocks(size_t size, size_t piece, const size_t *sizes, size_t n_sizes)
{
        Fake fake = FAKE;
        Sink *sink = sink_new(&fake);

        write_pieces(sink, size, piece);
        assert_false(fake.whole);
        assert_int_equal(sink_sync(sink), 0);
        assert_int_equal(sink_commit(sink), 0);
        assert_true(fake.whole);
        assert_int_equal(fake.n_blocks, n_sizes);
        assert_memory_equal(fake.sizes, sizes, n_sizes * sizeof(*sizes));
        assert_memory_equal(fake.data, text, size);
        assert_false(fake.freed);
        sink_free(sink);
        assert_true(fake.freed);
        assert_false(fake.stopped);
}

static void test_bytes_are_cut_into_blocks(void **state)
{
        for (size_t piece = 1; piece < 70; piece++) {
                check_blocks(3, piece, (size_t[]){ 3 }, 1);
                check_blocks(8, piece, (size_t[]){ 8 }, 1);
                check_blocks(9, piece, (size_t[]){ 8, 1 }, 2);
                check_blocks(16, piece, (size_t[]){ 8, 8 }, 2);
                check_blocks(32, piece, (size_t[]){ 8, 8, 16 }, 3);
                check_blocks(67, piece, (size_t[]){ 8, 8, 16, 16, 16, 3 }, 6);
        }
}

static void test_an_empty_file_is_one_empty_block(void **state)
{
        check_blocks(0, 1, (size_t[]){ 0 }, 1);
}

static void test_it_refuses_to_go_back(void **state)
{
        Fake fake = FAKE;
        _cleanup_(sink_freep) Sink *sink = sink_new(&fake);

        write_pieces(sink, 10, 10);
        assert_int_equal(sink_write(sink, 9, text, 1), -ESPIPE);
        assert_int_equal(sink_write(sink, 11, text, 1), -ESPIPE);
        assert_int_equal(sink_write(sink, 10, text, 1), 0);
        assert_int_equal(sink_commit(sink), 0);
        assert_int_equal(sink_commit(sink), 0);
        assert_int_equal(fake.n_blocks, 2);
        assert_int_equal(sink_write(sink, 11, text, 1), -ESPIPE);
}

static void test_nothing_follows_a_block_that_fails(void **state)
{
        Fake fake = FAKE;
        _cleanup_(sink_freep) Sink *sink = NULL;
        int r = 0;

        fake.fails_at = 1;
        sink = sink_new(&fake);
        for (size_t i = 0; i < 64 && r == 0; i++)
                r = sink_write(sink, i, text + i, 1);
        assert_int_equal(r, -ENOSPC);
        assert_int_equal(sink_sync(sink), -ENOSPC);
        assert_int_equal(sink_commit(sink), -ENOSPC);
        assert_int_equal(fake.n_blocks, 1);
        assert_false(fake.whole);
}

static void test_a_last_block_that_fails_is_told(void **state)
{
        Fake fake = FAKE;
        _cleanup_(sink_freep) Sink *sink = NULL;

        fake.fails_at = 0;
        sink = sink_new(&fake);
        write_pieces(sink, 4, 4);
        assert_int_equal(sink_commit(sink), -ENOSPC);
        assert_int_equal(sink_write(sink, 4, text, 1), -ENOSPC);
}

static void test_one_that_hangs_is_stopped(void **state)
{
        Fake fake = FAKE;
        Sink *sink = NULL;

        fake.hangs = true;
        sink = sink_new(&fake);
        write_pieces(sink, 12, 12);
        sink_free(sink);
        assert_true(fake.stopped);
        assert_true(fake.freed);
        assert_false(fake.whole);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes_are_cut_into_blocks),
                cmocka_unit_test(test_an_empty_file_is_one_empty_block),
                cmocka_unit_test(test_it_refuses_to_go_back),
                cmocka_unit_test(test_nothing_follows_a_block_that_fails),
                cmocka_unit_test(test_a_last_block_that_fails_is_told),
                cmocka_unit_test(test_one_that_hangs_is_stopped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
