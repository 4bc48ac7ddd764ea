/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "io.h"
#include "progress.h"
#include "test.h"

static void test_messages_arrive_whole(void **state)
{
        ProgressPipe pipe_end = {};
        Progress got;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        pipe_end.fd = fds[1];
        (void) snprintf(pipe_end.last.where, sizeof(pipe_end.last.where), "crash/host-date");
        progress_report(&pipe_end, PROGRESS_DUMP, 3, 10, 4096);
        progress_report(&pipe_end, PROGRESS_SYNC, 10, 10, 8192);

        assert_int_equal(read_full(fds[0], &got, sizeof(got)), 0);
        assert_int_equal(got.phase, PROGRESS_DUMP);
        assert_int_equal(got.pages_done, 3);
        assert_int_equal(got.pages_total, 10);
        assert_int_equal(got.bytes_written, 4096);
        assert_string_equal(got.where, "crash/host-date");
        assert_int_equal(read_full(fds[0], &got, sizeof(got)), 0);
        assert_int_equal(got.phase, PROGRESS_SYNC);
        close_fd(fds[0]);
        close_fd(fds[1]);
}

static void test_movement_says_nothing_else(void **state)
{
        ProgressPipe pipe_end = { .last.pages_done = 5 }, nowhere = { .fd = -EBADF };
        Progress got;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        pipe_end.fd = fds[1];
        progress_moved(&pipe_end);
        progress_moved(&nowhere);
        assert_int_equal(read_full(fds[0], &got, sizeof(got)), 0);
        assert_int_equal(got.phase, PROGRESS_MOVED);
        assert_int_equal(got.pages_done, 0);
        assert_int_equal(pipe_end.last.pages_done, 5);
        close_fd(fds[0]);
        close_fd(fds[1]);
}

static void test_full_pipe_does_not_block(void **state)
{
        ProgressPipe pipe_end = {};
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        pipe_end.fd = fds[1];
        for (unsigned i = 0; i < 2000; i++)
                progress_report(&pipe_end, PROGRESS_DUMP, i, 2000, 0);
        assert_int_equal(pipe_end.last.pages_done, 1999);
        close_fd(fds[0]);
        close_fd(fds[1]);
}

static unsigned n_sigpipe = 0;

static void count_sigpipe(int signal_number)
{
        n_sigpipe++;
}

static void test_nobody_reads(void **state)
{
        ProgressPipe pipe_end = {};
        int fds[2];

        (void) signal(SIGPIPE, count_sigpipe);
        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        close_fd(fds[0]);
        pipe_end.fd = fds[1];
        progress_report(&pipe_end, PROGRESS_DUMP, 1, 2, 0);
        assert_int_equal(n_sigpipe, 0);
        /* Others still get it. */
        assert_int_equal(write(fds[1], "x", 1), -1);
        assert_int_equal(n_sigpipe, 1);
        close_fd(fds[1]);
        (void) signal(SIGPIPE, SIG_DFL);
}

static void test_nowhere(void **state)
{
        ProgressPipe pipe_end = { .fd = -EBADF };

        progress_report(&pipe_end, PROGRESS_LOG_SAVED, 0, 0, 77);
        assert_int_equal(pipe_end.last.phase, PROGRESS_LOG_SAVED);
        assert_int_equal(pipe_end.last.bytes_written, 77);
}

static void test_words(void **state)
{
        static const struct {
                Progress progress;
                uint64_t elapsed_usec;
                const char *expected;
        } table[] = {
                { { .pages_done = 79360, .pages_total = 188672 },
                  5 * USEC_PER_SEC,
                  "42 %, 310 of 737 MiB, 62.0 MiB/s, 7 s left" },
                { { .pages_done = 0, .pages_total = 256 }, 1, "0 %, 0 of 1 MiB" },
                { { .pages_done = 256, .pages_total = 512 }, 0, "50 %, 1 of 2 MiB" },
                { { .pages_done = 256, .pages_total = 256 },
                  USEC_PER_SEC,
                  "100 %, 1 of 1 MiB, 1.0 MiB/s, 0 s left" },
                { { .pages_done = 255999, .pages_total = 256000 },
                  1000 * USEC_PER_SEC,
                  "99 %, 1000 of 1000 MiB, 1.0 MiB/s, 1 s left" },
                { { .pages_done = 256, .pages_total = 256 * 1024 },
                  USEC_PER_SEC,
                  "0 %, 1 of 1024 MiB, 1.0 MiB/s, 17 min 3 s left" },
                { { .pages_done = 1, .pages_total = UINT64_C(1) << 40 },
                  3600 * USEC_PER_SEC,
                  NULL },
                { { .bytes_written = 5 << 20 }, USEC_PER_SEC, "5 MiB written" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *text = NULL;

                assert_int_equal(
                        progress_format(&table[i].progress, 4096, table[i].elapsed_usec, &text), 0);
                if (table[i].expected)
                        assert_string_equal(text, table[i].expected);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_messages_arrive_whole),
                cmocka_unit_test(test_movement_says_nothing_else),
                cmocka_unit_test(test_full_pipe_does_not_block),
                cmocka_unit_test(test_nobody_reads),
                cmocka_unit_test(test_nowhere),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
