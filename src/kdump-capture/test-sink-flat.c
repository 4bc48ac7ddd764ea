/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "io.h"
#include "sink-flat.h"
#include "sink-stream.h"
#include "test.h"

#define HEADER_BYTES 4096

static int memory_new(void)
{
        int fd = memfd_create("stream", MFD_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static size_t length(int fd)
{
        off_t end = lseek(fd, 0, SEEK_END);

        assert_true(end >= 0);
        return (size_t) end;
}

static Sink *flat_new(int fd)
{
        Sink *stream = NULL, *flat = NULL;

        assert_int_equal(sink_stream_new(fd, &stream), 0);
        assert_int_equal(sink_flat_new(stream, &flat), 0);
        return flat;
}

/* One number of the stream at @position. */
static uint64_t number_at(int fd, uint64_t position)
{
        uint64_t value = 0;

        assert_true(pread_full(fd, &value, sizeof(value), position) >= 0);
        return be64toh(value);
}

static void test_stream_refuses_to_go_back(void **state)
{
        _cleanup_close_ int fd = memory_new();
        _cleanup_(sink_freep) Sink *sink = NULL;

        assert_int_equal(sink_stream_new(fd, &sink), 0);
        assert_int_equal(sink_write(sink, 0, "abc", 3), 0);
        assert_int_equal(sink_write(sink, 2, "c", 1), -ESPIPE);
        assert_int_equal(sink_write(sink, 4, "e", 1), -ESPIPE);
        assert_int_equal(sink_write(sink, 3, "d", 1), 0);
        assert_int_equal(sink_commit(sink), 0);
        assert_int_equal(length(fd), 4);
}

/* Reads all that comes; returns how much. */
static void *drain(void *data)
{
        int fd = *(int *) data;
        uint64_t *total = malloc(sizeof(*total));
        uint8_t buffer[8192];
        ssize_t n;

        assert_non_null(total);
        *total = 0;
        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                *total += (uint64_t) n;
        return total;
}

static void test_stream_waits_for_a_slow_reader(void **state)
{
        const size_t size = 4 << 20;
        _cleanup_free_ void *data = calloc(1, size), *total = NULL;
        Sink *sink = NULL;
        pthread_t reader;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(pthread_create(&reader, NULL, drain, &fds[0]), 0);
        assert_int_equal(sink_stream_new(fds[1], &sink), 0);
        assert_int_equal(sink_write(sink, 0, data, size), 0);
        assert_int_equal(sink_commit(sink), 0);
        sink = sink_free(sink);
        close_fd(fds[1]);
        assert_int_equal(pthread_join(reader, &total), 0);
        assert_true(*(uint64_t *) total == size);
        close_fd(fds[0]);
}

/* Part of a record may have gone out: what comes behind it would be taken for the rest. */
static void test_stream_ends_with_an_error(void **state)
{
        _cleanup_close_ int fd = memory_new(), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        _cleanup_close_ int out = fcntl(full, F_DUPFD_CLOEXEC, 3);
        _cleanup_(sink_freep) Sink *sink = NULL;

        assert_true(full >= 0 && out >= 0);
        assert_int_equal(sink_stream_new(out, &sink), 0);
        assert_int_equal(sink_write(sink, 0, "abc", 3), -ENOSPC);
        assert_true(dup3(fd, out, O_CLOEXEC) >= 0);
        assert_int_equal(sink_write(sink, 0, "abc", 3), -ENOSPC);
        assert_int_equal(sink_commit(sink), -ENOSPC);
        assert_int_equal(length(fd), 0);
}

static void test_records_follow_the_header(void **state)
{
        _cleanup_close_ int fd = memory_new();
        _cleanup_(sink_freep) Sink *sink = flat_new(fd);
        char text[16] = { 0 };
        uint64_t at = HEADER_BYTES;

        assert_int_equal(sink_write(sink, 1 << 20, "data", 4), 0);
        assert_int_equal(sink_write(sink, 7, NULL, 0), 0);
        assert_int_equal(sink_write_data(sink, 0, "head", 4), 0);
        assert_int_equal(length(fd), HEADER_BYTES + 2 * (16 + 4));
        assert_int_equal(sink_commit(sink), 0);

        assert_true(pread_full(fd, text, sizeof(text), 0) >= 0);
        assert_memory_equal(text, "makedumpfile\0\0\0", 16);
        assert_int_equal(number_at(fd, 16), 1);
        assert_int_equal(number_at(fd, 24), 1);
        assert_int_equal(number_at(fd, at), 1 << 20);
        assert_int_equal(number_at(fd, at + 8), 4);
        assert_true(pread_full(fd, text, 4, at + 16) >= 0);
        assert_memory_equal(text, "data", 4);
        assert_int_equal(number_at(fd, at + 20), 0);
        assert_true(pread_full(fd, text, 4, at + 36) >= 0);
        assert_memory_equal(text, "head", 4);
        assert_true(number_at(fd, at + 40) == UINT64_MAX);
        assert_true(number_at(fd, at + 48) == UINT64_MAX);
        assert_int_equal(length(fd), at + 56);
}

/* A reader takes a stream without that record for cut off. */
static void test_no_end_without_commit(void **state)
{
        _cleanup_close_ int fd = memory_new();
        Sink *sink = flat_new(fd);

        assert_int_equal(sink_write(sink, 0, "head", 4), 0);
        assert_int_equal(sink_sync(sink), 0);
        sink = sink_free(sink);
        assert_int_equal(length(fd), HEADER_BYTES + 16 + 4);
}

static void test_errors_of_the_stream_come_back(void **state)
{
        _cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        Sink *stream = NULL, *flat = NULL;

        assert_true(fd >= 0);
        assert_int_equal(sink_stream_new(fd, &stream), 0);
        assert_int_equal(sink_flat_new(stream, &flat), -ENOSPC);
        assert_null(flat);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stream_refuses_to_go_back),
                cmocka_unit_test(test_stream_waits_for_a_slow_reader),
                cmocka_unit_test(test_stream_ends_with_an_error),
                cmocka_unit_test(test_records_follow_the_header),
                cmocka_unit_test(test_no_end_without_commit),
                cmocka_unit_test(test_errors_of_the_stream_come_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
