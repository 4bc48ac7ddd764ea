/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what is read of /proc/meminfo and /proc/iomem. */
#include "memory-info.h"

#include "io.h"
#include "test.h"

static void test_meminfo(void **state)
{
        static const struct {
                const char *text;
                int r;
                uint64_t total_bytes, available_bytes;
        } table[] = {
                { "MemTotal:   200 kB\nMemFree:   50 kB\nMemAvailable:    60 kB\n", 0, 204800,
                  61440 },
                { "MemAvailable: 1 kB\nMemTotal: 2 kB", 0, 2048, 1024 },
                { "MemTotal: 2 kB\nMemFree: 1 kB\n", -EBADMSG, 0, 0 },
                { "MemAvailable: 2 kB\nHugeMemTotal: 1 kB\n", -EBADMSG, 0, 0 },
                { "MemTotal: x kB\nMemAvailable: 1 kB\n", -EBADMSG, 0, 0 },
                { "MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\n", -EBADMSG, 0, 0 },
                { "MemTotal: 1 kB\nMemAvailable: 99999999999999999999 kB\n", -EBADMSG, 0, 0 },
                { "", -EBADMSG, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                MemoryInfo info = { 0 };

                assert_int_equal(memory_info_parse(table[i].text, &info), table[i].r);
                assert_true(info.total_bytes == table[i].total_bytes);
                assert_true(info.available_bytes == table[i].available_bytes);
        }
}

static void test_iomem(void **state)
{
        static const struct {
                const char *text;
                uint64_t bytes;
        } table[] = {
                { "00000000-00000fff : Reserved\n00001000-0009ffff : System RAM\n"
                  "00100000-7fffffff : System RAM\n  10000000-1fffffff : System RAM (kernel)\n"
                  "  20000000-2fffffff : System RAM\n",
                  0x9f000 + 0x7ff00000 },
                { "00000000-00000000 : System RAM\n", 0 },
                { "2000-1000 : System RAM\n", 0 },
                { "1000 : System RAM\n", 0 },
                { "0-ffffffffffffffff : System RAM\n", 0 },
                { "0-fffffffffffffffe : System RAM\n0-fff : System RAM\n", 0 },
                { "", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *text = strdup(table[i].text);

                assert_non_null(text);
                assert_true(memory_ram_parse(text) == table[i].bytes);
        }
}

static void test_who_may_not_see_addresses(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        MemoryInfo info;
        uint64_t bytes;

        assert_int_equal(memory_ram_read(root_fd, &bytes), -ENOENT);
        assert_int_equal(mkdir_parents(root_fd, "proc", 0700), 0);
        test_write_text(root_fd, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 10 kB\n");
        assert_int_equal(memory_ram_read(root_fd, &bytes), 0);
        assert_int_equal(bytes, 1024000);
        test_write_text(root_fd, "proc/iomem", "00000000-00000000 : System RAM\n");
        assert_int_equal(memory_ram_read(root_fd, &bytes), 0);
        assert_int_equal(bytes, 1024000);
        test_write_text(root_fd, "proc/iomem", "00001000-00001fff : System RAM\n");
        assert_int_equal(memory_ram_read(root_fd, &bytes), 0);
        assert_int_equal(bytes, 4096);
        assert_int_equal(memory_info_read(root_fd, &info), 0);
        assert_int_equal(info.available_bytes, 10240);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_meminfo),
                cmocka_unit_test(test_iomem),
                cmocka_unit_test(test_who_may_not_see_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
