/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <sys/mman.h>
#include <zlib.h>

#include "io.h"
#include "raw-store.h"
#include "test.h"

#define DEVICE_BYTES ((uint64_t) 1 << 20)

/* Where the device has a bad sector; 0: nowhere */
static uint64_t bad_bytes;

int __real_pread_full(int fd, void *buf, size_t size, uint64_t offset_bytes);
int __wrap_pread_full(int fd, void *buf, size_t size, uint64_t offset_bytes);

int __wrap_pread_full(int fd, void *buf, size_t size, uint64_t offset_bytes)
{
        if (bad_bytes > 0 && offset_bytes <= bad_bytes && bad_bytes - offset_bytes < size)
                return -EIO;
        return __real_pread_full(fd, buf, size, offset_bytes);
}

static int device_new(uint64_t size_bytes)
{
        int fd = memfd_create("device", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t) size_bytes), 0);
        return fd;
}

static void put(int fd, RawStore *store, const char *name, uint64_t offset_bytes, const char *text)
{
        size_t n = strlen(text);
        uint32_t crc = (uint32_t) crc32(0, (const uint8_t *) text, (unsigned) n);

        assert_int_equal(pwrite_full(fd, text, n, offset_bytes), 0);
        assert_int_equal(raw_store_add(store, name, offset_bytes, n, crc), 0);
        assert_int_equal(raw_store_write(fd, store), 0);
}

static void assert_text(int dir_fd, const char *path, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_int_equal(file_read(dir_fd, path, 1000, &text, &size), 0);
        assert_string_equal(text, expected);
}

static void test_files_come_back(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root), fd = device_new(DEVICE_BYTES);
        _cleanup_free_ char *name = NULL, *again = NULL;
        size_t n_damaged = 1;
        RawStore store;
        struct stat st;

        assert_int_equal(raw_store_read(fd, &store), -ENODATA);
        assert_int_equal(raw_store_begin(fd, "host-date", &store), 0);
        put(fd, &store, "log", 8192, "first line");
        put(fd, &store, "meta", 12288, "old");
        put(fd, &store, "meta", 16384, "new");
        assert_int_equal(raw_store_read(fd, &store), 1);
        assert_int_equal(store.n_parts, 2);
        assert_int_equal(raw_store_bytes(&store), 13);

        assert_int_equal(raw_store_copy(fd, &store, dir_fd, &name, &n_damaged), 0);
        assert_string_equal(name, "host-date");
        assert_int_equal(n_damaged, 0);
        assert_text(dir_fd, "host-date/log", "first line");
        assert_text(dir_fd, "host-date/meta", "new");
        assert_int_equal(fstatat(dir_fd, "host-date/log", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(fstatat(dir_fd, "host-date", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);

        /* It is not taken for the same dump if it comes a second time. */
        assert_int_equal(raw_store_copy(fd, &store, dir_fd, &again, &n_damaged), 0);
        assert_string_equal(again, "host-date.1");

        assert_int_equal(raw_store_clear(fd, &store), 0);
        assert_int_equal(raw_store_read(fd, &store), 0);
        assert_int_equal(store.n_parts, 0);
        assert_int_equal(raw_store_begin(fd, "next", &store), 0);
        assert_int_equal(raw_store_read(fd, &store), 1);
        assert_string_equal(store.folder, "next");
}

static void test_header_that_was_not_finished_does_not_count(void **state)
{
        _cleanup_close_ int fd = device_new(DEVICE_BYTES);
        RawStore store;
        uint64_t last;

        assert_int_equal(raw_store_begin(fd, "one", &store), 0);
        put(fd, &store, "log", 8192, "text");
        last = store.sequence;
        put(fd, &store, "vmcore", 12288, "text");
        /* The last one is torn. */
        assert_int_equal(
                pwrite_full(fd, "torn", 4, store.sequence % RAW_N_HEADERS * RAW_BLOCK_BYTES + 2000),
                0);
        assert_int_equal(raw_store_read(fd, &store), 1);
        assert_int_equal(store.sequence, last);
        assert_int_equal(store.n_parts, 1);
}

static void test_bad_sector_costs_no_more_than_itself(void **state)
{
        enum { SIZE = 3 * RAW_BLOCK_BYTES };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root), fd = device_new(DEVICE_BYTES);
        _cleanup_free_ char *name = NULL, *text = NULL, *found = NULL;
        size_t n_damaged = 0, size;
        RawStore store;

        text = malloc(SIZE + 1);
        assert_non_null(text);
        memset(text, 'x', SIZE);
        text[SIZE] = '\0';
        assert_int_equal(raw_store_begin(fd, "one", &store), 0);
        put(fd, &store, "log", 8192, "good");
        put(fd, &store, "vmcore", 16384, text);

        bad_bytes = 16384 + RAW_BLOCK_BYTES + 100;
        assert_int_equal(raw_store_copy(fd, &store, dir_fd, &name, &n_damaged), 0);
        bad_bytes = 0;
        assert_int_equal(n_damaged, 1);
        assert_text(dir_fd, "one/log", "good");
        assert_int_equal(file_read(dir_fd, "one/vmcore-damaged", SIZE, &found, &size), 0);
        assert_int_equal(size, SIZE);
        memset(text + RAW_BLOCK_BYTES, 0, RAW_BLOCK_BYTES);
        assert_memory_equal(found, text, SIZE);
}

static void test_damage_is_told(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root), fd = device_new(DEVICE_BYTES);
        _cleanup_free_ char *name = NULL;
        size_t n_damaged = 0;
        RawStore store;

        assert_int_equal(raw_store_begin(fd, "one", &store), 0);
        put(fd, &store, "log", 8192, "good");
        put(fd, &store, "vmcore", 12288, "good");
        assert_int_equal(pwrite_full(fd, "B", 1, 12289), 0);
        assert_int_equal(raw_store_copy(fd, &store, dir_fd, &name, &n_damaged), 0);
        assert_int_equal(n_damaged, 1);
        assert_text(dir_fd, "one/log", "good");
        assert_text(dir_fd, "one/vmcore-damaged", "gBod");
}

static void test_copy_that_fails_leaves_nothing(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root), fd = device_new(DEVICE_BYTES);
        _cleanup_free_ char *name = NULL;
        size_t n_damaged = 0;
        RawStore store;

        assert_int_equal(raw_store_begin(fd, "one", &store), 0);
        put(fd, &store, "log", 8192, "text");
        put(fd, &store, "vmcore", DEVICE_BYTES - 4096, "text");
        assert_int_equal(ftruncate(fd, 16384), 0);
        assert_int_equal(raw_store_copy(fd, &store, dir_fd, &name, &n_damaged), -ENODATA);
        assert_null(name);
        assert_int_equal(faccessat(dir_fd, "one", F_OK, 0), -1);
        assert_int_equal(faccessat(dir_fd, ".one.moving", F_OK, 0), -1);

        store.parts[1].size_bytes = UINT64_MAX / 2;
        assert_int_equal(raw_store_copy(fd, &store, dir_fd, &name, &n_damaged), -ENOSPC);
}

/* A header whose sum is right, but that @change has been done to. */
static int read_changed(void (*change)(RawHeader *header))
{
        _cleanup_close_ int fd = device_new(DEVICE_BYTES);
        RawHeader header;
        RawStore store;
        uint64_t at;
        int r;

        assert_int_equal(raw_store_begin(fd, "one", &store), 0);
        put(fd, &store, "log", 8192, "text");
        put(fd, &store, "meta", 12288, "text");
        at = store.sequence % RAW_N_HEADERS * RAW_BLOCK_BYTES;
        assert_int_equal(pread_full(fd, &header, sizeof(header), at), 0);
        change(&header);
        header.crc =
                htole32((uint32_t) crc32(0, (const uint8_t *) &header, offsetof(RawHeader, crc)));
        assert_int_equal(pwrite_full(fd, &header, sizeof(header), at), 0);
        r = raw_store_read(fd, &store);
        /* Whatever it says, the next dump is not kept from the device. */
        assert_int_equal(raw_store_begin(fd, "two", &store), 0);
        assert_int_equal(raw_store_read(fd, &store), 1);
        assert_string_equal(store.folder, "two");
        return r;
}

static void many_parts(RawHeader *header)
{
        header->n_parts = htole32(RAW_PARTS_MAX + 1);
}

static void part_behind_the_end(RawHeader *header)
{
        header->parts[1].size_bytes = htole64(DEVICE_BYTES);
}

static void part_that_overflows(RawHeader *header)
{
        header->parts[1].size_bytes = UINT64_MAX;
}

static void part_in_the_header(RawHeader *header)
{
        header->parts[1].offset_bytes = htole64(4096);
}

static void part_not_aligned(RawHeader *header)
{
        header->parts[1].offset_bytes = htole64(12289);
}

static void part_elsewhere(RawHeader *header)
{
        memcpy(header->parts[1].name, "../passwd", 10);
}

static void part_twice(RawHeader *header)
{
        memcpy(header->parts[1].name, "log", 4);
}

static void part_without_end(RawHeader *header)
{
        memset(header->parts[1].name, 'x', sizeof(header->parts[1].name));
}

static void folder_elsewhere(RawHeader *header)
{
        memcpy(header->folder, "..", 3);
}

static void parts_without_folder(RawHeader *header)
{
        header->folder[0] = '\0';
}

static void other_version(RawHeader *header)
{
        header->version = htole32(2);
}

static void last_sequence(RawHeader *header)
{
        header->sequence = UINT64_MAX;
}

static void sequence_before_the_last(RawHeader *header)
{
        header->sequence = htole64(UINT64_MAX - 1);
}

static void unchanged(RawHeader *header)
{
}

static void test_header_may_say_anything(void **state)
{
        static const struct {
                void (*change)(RawHeader *header);
                int expected;
        } cases[] = {
                { unchanged, 1 },
                { many_parts, -EBADMSG },
                { part_behind_the_end, -EBADMSG },
                { part_that_overflows, -EBADMSG },
                { part_in_the_header, -EBADMSG },
                { part_not_aligned, -EBADMSG },
                { part_elsewhere, -EBADMSG },
                { part_twice, -EBADMSG },
                { part_without_end, -EBADMSG },
                { folder_elsewhere, -EBADMSG },
                { parts_without_folder, -EBADMSG },
                { last_sequence, -EBADMSG },
                { sequence_before_the_last, -EBADMSG },
                { other_version, -EOPNOTSUPP },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(read_changed(cases[i].change), cases[i].expected);
}

static void test_names(void **state)
{
        static const char *const good[] = { "a", "vmcore.flat", "host-2026-11-21-02:03:04.1" };
        static const char *const bad[] = {
                "",
                ".",
                "..",
                ".hidden",
                "a/b",
                "a b",
                "a\n",
                "\377",
                "1234567890123456789012345678901234567890123456789012345678901234",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(raw_name_is_valid(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(raw_name_is_valid(bad[i]));
}

static void test_limits_of_what_is_written(void **state)
{
        _cleanup_close_ int fd = device_new(DEVICE_BYTES), small_fd = device_new(8192);
        RawStore store;

        assert_int_equal(raw_store_begin(small_fd, "one", &store), -ENOSPC);
        assert_int_equal(raw_store_begin(fd, "a/b", &store), -EINVAL);
        assert_int_equal(raw_store_begin(fd, "one", &store), 0);
        assert_int_equal(raw_store_add(&store, "..", 8192, 1, 0), -EINVAL);
        for (unsigned i = 0; i <= RAW_PARTS_MAX; i++) {
                char name[8];

                (void) snprintf(name, sizeof(name), "f%u", i);
                assert_int_equal(raw_store_add(&store, name, 8192, 1, 0),
                                 i < RAW_PARTS_MAX ? 0 : -E2BIG);
        }
        assert_int_equal(raw_store_add(&store, "f0", 12288, 2, 0), 0);
        assert_int_equal(store.parts[0].size_bytes, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files_come_back),
                cmocka_unit_test(test_header_that_was_not_finished_does_not_count),
                cmocka_unit_test(test_bad_sector_costs_no_more_than_itself),
                cmocka_unit_test(test_damage_is_told),
                cmocka_unit_test(test_copy_that_fails_leaves_nothing),
                cmocka_unit_test(test_header_may_say_anything),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_limits_of_what_is_written),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
