/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of verb-collect.c: files stand for devices. */
#include "verb-collect.h"

#include <fcntl.h>
#include <zlib.h>

#include "test-fixture.h"

#include "io.h"
#include "raw-store.h"
#include "rootdir.h"
#include "strv.h"

#define DEVICE_BYTES (1 << 20)

static void make_device(const Fixture *root, const char *path)
{
        _cleanup_free_ char *zeros = calloc(1, DEVICE_BYTES);

        assert_non_null(zeros);
        fixture_write_bytes(root, path, zeros, DEVICE_BYTES);
}

/* As a crash kernel leaves it, with one file. */
static void put_dump(const Fixture *root, const char *path, const char *folder, const char *text)
{
        _cleanup_close_ int fd = root_open(root->fd, path, O_RDWR);
        uint32_t crc = (uint32_t) crc32(0, (const uint8_t *) text, (unsigned) strlen(text));
        RawStore store;

        assert_true(fd >= 0);
        assert_int_equal(raw_store_begin(fd, folder, &store), 0);
        assert_int_equal(pwrite_full(fd, text, strlen(text), RAW_DATA_OFFSET_BYTES), 0);
        assert_int_equal(
                raw_store_add(&store, "vmcore.flat", RAW_DATA_OFFSET_BYTES, strlen(text), crc), 0);
        assert_int_equal(raw_store_write(fd, &store), 0);
}

static int read_device(const Fixture *root, const char *path)
{
        _cleanup_close_ int fd = root_open(root->fd, path, O_RDONLY);
        RawStore store;

        assert_true(fd >= 0);
        return raw_store_read(fd, &store);
}

static void check_text(const Fixture *root, const char *path, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(root_read(root->fd, path, 1000, &text, NULL), 0);
        assert_string_equal(text, expected);
}

static void test_dumps_are_moved_once(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        make_device(&root, "/dev/vda");
        make_device(&root, "/dev/vdb");
        make_device(&root, "/dev/vdc");
        fixture_write(&root, "/etc/kdump.conf",
                      "raw /dev/vda\npath /one\nxfs LABEL=x\nraw /dev/vdb\npath /two/deep\n"
                      "raw /dev/vdc\nraw /dev/none\nraw /dev/vda\n");
        put_dump(&root, "/dev/vda", "box-1", "first");
        put_dump(&root, "/dev/vdb", "box-2", "second");
        assert_int_equal(collect_dumps(root.fd), 2);
        check_text(&root, "/one/box-1/vmcore.flat", "first");
        check_text(&root, "/two/deep/box-2/vmcore.flat", "second");
        assert_int_equal(read_device(&root, "/dev/vda"), 0);
        assert_int_equal(read_device(&root, "/dev/vdb"), 0);
        assert_int_equal(read_device(&root, "/dev/vdc"), -ENODATA);
        assert_int_equal(collect_dumps(root.fd), 0);
}

static void test_what_cannot_be_moved_stays(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        make_device(&root, "/dev/vda");
        make_device(&root, "/dev/vdb");
        fixture_write(&root, "/etc/kdump.conf",
                      "raw /dev/vda\npath /file/x\nraw /dev/vdb\npath /two\n");
        fixture_write(&root, "/file", "");
        put_dump(&root, "/dev/vda", "box-1", "first");
        put_dump(&root, "/dev/vdb", "box-2", "second");
        assert_int_equal(collect_dumps(root.fd), -ENOTDIR);
        assert_int_equal(read_device(&root, "/dev/vda"), 1);
        /* One failure does not keep the others from it. */
        check_text(&root, "/two/box-2/vmcore.flat", "second");
        assert_int_equal(read_device(&root, "/dev/vdb"), 0);
}

static void test_what_makes_no_sense_is_left_alone(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t size;

        fixture_init(&root);
        make_device(&root, "/dev/vda");
        fixture_write(&root, "/etc/kdump.conf", "raw /dev/vda\npath /one\n");
        put_dump(&root, "/dev/vda", "box-1", "first");
        {
                /* It was cut: its part is behind the end. */
                _cleanup_close_ int fd = root_open(root.fd, "/dev/vda", O_RDWR);

                assert_int_equal(ftruncate(fd, RAW_DATA_OFFSET_BYTES), 0);
        }
        assert_int_equal(root_read(root.fd, "/dev/vda", DEVICE_BYTES, &before, &size), 0);
        assert_int_equal(collect_dumps(root.fd), -EBADMSG);
        assert_int_equal(root_read(root.fd, "/dev/vda", DEVICE_BYTES, &after, &size), 0);
        assert_memory_equal(before, after, size);
}

static void test_errors_of_the_configuration_move_nothing(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        make_device(&root, "/dev/vda");
        fixture_write(&root, "/etc/kdump.conf", "raw /dev/vda\nno_such x\n");
        put_dump(&root, "/dev/vda", "box-1", "first");
        assert_int_equal(collect_dumps(root.fd), -EINVAL);
        assert_int_equal(read_device(&root, "/dev/vda"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dumps_are_moved_once),
                cmocka_unit_test(test_what_cannot_be_moved_stays),
                cmocka_unit_test(test_what_makes_no_sense_is_left_alone),
                cmocka_unit_test(test_errors_of_the_configuration_move_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
