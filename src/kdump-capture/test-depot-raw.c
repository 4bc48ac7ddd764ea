/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io.h"
#include "test-raw-bed.h"

#define DEVICE_BYTES ((uint64_t) 8 << 20)
#define SPARE_BYTES (DEVICE_BYTES / 16)

static Sink *file_open(RawBed *bed, const char *name, uint64_t size_hint_bytes)
{
        Sink *sink = NULL;

        assert_int_equal(bed->depot->ops->open(bed->depot, "new", name, size_hint_bytes, &sink), 0);
        return sink;
}

/* Writes @size bytes that tell where they are, in pieces of odd size. Returns what sink_write()
 * says. */
static int fill(Sink *sink, size_t size)
{
        uint8_t piece[70001];
        int r = 0;

        for (size_t at = 0; r >= 0 && at < size; at += sizeof(piece)) {
                for (size_t i = 0; i < sizeof(piece); i++)
                        piece[i] = (uint8_t) ((at + i) * 7 / 5);
                r = sink_write(sink, at, piece, MIN(sizeof(piece), size - at));
        }
        return r;
}

static void put(RawBed *bed, const char *name, size_t size, uint64_t size_hint_bytes)
{
        _cleanup_(sink_freep) Sink *sink = file_open(bed, name, size_hint_bytes);

        assert_int_equal(fill(sink, size), 0);
        assert_int_equal(sink_commit(sink), 0);
}

static void assert_filled(int dir_fd, const char *path, size_t size)
{
        _cleanup_free_ char *data = NULL;
        size_t got;

        assert_int_equal(file_read(dir_fd, path, DEVICE_BYTES, &data, &got), 0);
        assert_int_equal(got, size);
        for (size_t i = 0; i < size; i++)
                if ((uint8_t) data[i] != (uint8_t) (i * 7 / 5))
                        fail_msg("byte %zu of '%s' is wrong", i, path);
}

static void test_files_come_back_as_they_were(void **state)
{
        RawBed bed;

        raw_bed_init(&bed, DEVICE_BYTES);
        assert_true(bed.depot->ops->in_order);
        raw_bed_begin(&bed, "one");
        put(&bed, "log", 5000, 0);
        put(&bed, "meta", 100, 100);
        put(&bed, "vmcore.flat", 3000001, 0);
        put(&bed, "meta", 200, 200);
        put(&bed, "empty", 0, 0);
        put(&bed, "blocks", 2 << 20, 0);
        assert_int_equal(raw_bed_copy_out(&bed, "one"), 5);
        assert_filled(bed.root_fd, "one/log", 5000);
        assert_filled(bed.root_fd, "one/meta", 200);
        assert_filled(bed.root_fd, "one/vmcore.flat", 3000001);
        assert_filled(bed.root_fd, "one/empty", 0);
        assert_filled(bed.root_fd, "one/blocks", 2 << 20);
        raw_bed_done(&bed);
}

static void test_file_that_was_not_finished_is_not_there(void **state)
{
        Sink *sink;
        RawBed bed;

        raw_bed_init(&bed, DEVICE_BYTES);
        raw_bed_begin(&bed, "one");
        put(&bed, "log", 5000, 0);
        sink = file_open(&bed, "vmcore.flat", 0);
        assert_int_equal(fill(sink, 3 << 20), 0);
        assert_int_equal(sink_sync(sink), 0);
        sink_free(sink);
        assert_int_equal(raw_bed_copy_out(&bed, "one"), 1);
        put(&bed, "meta", 100, 100);
        assert_int_equal(raw_bed_copy_out(&bed, "one.1"), 2);
        assert_filled(bed.root_fd, "one.1/meta", 100);
        raw_bed_done(&bed);
}

/* The vmcore does not take the last of the room. */
static void test_device_that_is_full_takes_the_record(void **state)
{
        uint64_t room_bytes = 0;
        Sink *sink;
        RawBed bed;

        raw_bed_init(&bed, DEVICE_BYTES);
        raw_bed_begin(&bed, "one");
        assert_int_equal(bed.depot->ops->room(bed.depot, &room_bytes), 0);
        assert_int_equal(room_bytes, DEVICE_BYTES - 8192);
        sink = file_open(&bed, "vmcore.flat", 0);
        assert_int_equal(fill(sink, DEVICE_BYTES), -ENOSPC);
        sink_free(sink);
        put(&bed, "vmcore.flat", DEVICE_BYTES - 8192 - SPARE_BYTES, 0);
        put(&bed, "meta", 1000, 1000);
        assert_int_equal(raw_bed_copy_out(&bed, "one"), 2);
        assert_filled(bed.root_fd, "one/meta", 1000);
        raw_bed_done(&bed);
}

static void test_bytes_have_an_order(void **state)
{
        Sink *sink, *other = NULL;
        RawBed bed;

        raw_bed_init(&bed, DEVICE_BYTES);
        assert_int_equal(bed.depot->ops->open(bed.depot, "new", "early", 0, &sink), -EBUSY);
        raw_bed_begin(&bed, "one");
        sink = file_open(&bed, "log", 0);
        assert_int_equal(bed.depot->ops->open(bed.depot, "new", "second", 0, &other), -EBUSY);
        assert_int_equal(sink_write(sink, 1, "x", 1), -ESPIPE);
        assert_int_equal(sink_write(sink, 0, "x", 1), 0);
        assert_int_equal(sink_write(sink, 0, "x", 1), -ESPIPE);
        sink_free(sink);
        raw_bed_done(&bed);
}

static void test_next_dump_takes_the_place_of_the_last(void **state)
{
        char *holds = NULL, *where = NULL;
        RawBed bed;

        raw_bed_init(&bed, DEVICE_BYTES);
        raw_bed_begin(&bed, "one");
        put(&bed, "log", 5000, 0);
        assert_int_equal(bed.depot->ops->begin(bed.depot, "two", &where), -EBUSY);
        depot_free(bed.depot);
        assert_int_equal(depot_raw_open(bed.device, &bed.depot, &holds), 0);
        raw_bed_begin(&bed, "two");
        put(&bed, "meta", 100, 100);
        assert_int_equal(raw_bed_copy_out(&bed, "two"), 1);
        raw_bed_done(&bed);
}

/* As mkfs.ext4 would leave it: the magic of its superblock. */
static void test_file_system_is_not_overwritten(void **state)
{
        uint8_t superblock[1024] = { [0x38] = 0x53, [0x39] = 0xef };
        char *holds = NULL;
        Depot *depot = NULL;
        RawBed bed;
        int fd;

        raw_bed_init(&bed, DEVICE_BYTES);
        fd = open(bed.device, O_WRONLY | O_CLOEXEC);
        superblock[0x4c] = 1; /* its revision */
        assert_int_equal(pwrite_full(fd, superblock, sizeof(superblock), 1024), 0);
        assert_int_equal(depot_raw_open(bed.device, &depot, &holds), -EEXIST);
        assert_non_null(holds);
        assert_non_null(startswith(holds, "ext"));
        assert_int_equal(depot_raw_open("/nonexistent", &depot, &holds), -ENOENT);
        free(holds);
        close_fd(fd);
        raw_bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files_come_back_as_they_were),
                cmocka_unit_test(test_file_that_was_not_finished_is_not_there),
                cmocka_unit_test(test_device_that_is_full_takes_the_record),
                cmocka_unit_test(test_bytes_have_an_order),
                cmocka_unit_test(test_next_dump_takes_the_place_of_the_last),
                cmocka_unit_test(test_file_system_is_not_overwritten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
