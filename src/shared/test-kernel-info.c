/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of kernel.info. */
#include "kernel-info.h"

#include <fcntl.h>

#include "btf.h"
#include "io.h"
#include "test.h"

static Vmcoreinfo *info_new(const char *text)
{
        Vmcoreinfo *info;

        assert_int_equal(vmcoreinfo_new(text, strlen(text), &info), 0);
        return info;
}

static void test_only_missing_keys_are_added(void **state)
{
        static const char extra[] = "OSRELEASE=6.1\nBUILD-ID=00ff\nSIZE(page)=80\n"
                                    "OFFSET(page.lru)=8\nno key\nOFFSET(uts_namespace.name)=4";
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info =
                info_new("OSRELEASE=6.1\nBUILD-ID=00ff\nSIZE(page)=64\nOFFSET(page.flags)=0");
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *merged = NULL;
        uint64_t bytes;
        size_t n;

        assert_int_equal(kernel_info_merge(info, extra, strlen(extra), &merged, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(vmcoreinfo_size(merged, "page", &bytes), 0);
        assert_int_equal(bytes, 64);
        assert_int_equal(vmcoreinfo_offset(merged, "page.flags", &bytes), 0);
        assert_int_equal(vmcoreinfo_offset(merged, "page.lru", &bytes), 0);
        assert_int_equal(bytes, 8);
        assert_int_equal(vmcoreinfo_offset(merged, "uts_namespace.name", &bytes), 0);
        assert_int_equal(bytes, 4);
}

static void test_another_kernel_is_not_believed(void **state)
{
        static const struct {
                const char *info, *extra;
                int r;
        } rows[] = {
                { "OSRELEASE=6.1\nBUILD-ID=00", "OSRELEASE=6.1\nBUILD-ID=00\n", 0 },
                { "OSRELEASE=6.1\nBUILD-ID=00", "OSRELEASE=6.1\nBUILD-ID=01\n", -ESTALE },
                { "OSRELEASE=6.1\nBUILD-ID=00", "OSRELEASE=6.2\nBUILD-ID=00\n", -ESTALE },
                { "OSRELEASE=6.1", "OSRELEASE=6.1\nBUILD-ID=00\n", 0 },
                { "OSRELEASE=6.1\nBUILD-ID=00", "OSRELEASE=6.1\n", 0 },
                { "BUILD-ID=00", "OSRELEASE=6.1\nBUILD-ID=00\n", -ESTALE },
                { "OSRELEASE=6.1\nBUILD-ID=00", "", -ESTALE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = info_new(rows[i].info);
                _cleanup_(vmcoreinfo_freep) Vmcoreinfo *merged = NULL;
                size_t n;

                assert_int_equal(
                        kernel_info_merge(info, rows[i].extra, strlen(rows[i].extra), &merged, &n),
                        rows[i].r);
                assert_int_equal(merged != NULL, rows[i].r == 0);
        }
}

/* This kernel's own BTF tells what its VMCOREINFO would. */
static void test_of_this_kernel(void **state)
{
        static const uint8_t notes[] = { 4, 0, 0,   0,   2,   0, 0,    0,    1,    0,
                                         0, 0, 'X', 'e', 'n', 0, 9,    9,    0,    0,
                                         4, 0, 0,   0,   3,   0, 0,    0,    3,    0,
                                         0, 0, 'G', 'N', 'U', 0, 0x0a, 0xff, 0x10, 0 };
        _cleanup_free_ char *btf = NULL, *text = NULL;
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        const char *value;
        uint64_t bytes, mask;
        int64_t number;
        size_t size;
        int r;

        if (file_read(AT_FDCWD, "/sys/kernel/btf/vmlinux", BTF_BYTES_MAX, &btf, &size) < 0)
                skip();
        r = kernel_info_make(btf, size, "6.1", notes, sizeof(notes), &text);
        if (r == -EOPNOTSUPP)
                skip(); /* a newer kernel's BTF */
        assert_int_equal(r, 0);
        assert_true(strlen(text) < KERNEL_INFO_BYTES_MAX);
        info = info_new(text);
        assert_int_equal(vmcoreinfo_string(info, "OSRELEASE", &value), 0);
        assert_string_equal(value, "6.1");
        assert_int_equal(vmcoreinfo_string(info, "BUILD-ID", &value), 0);
        assert_string_equal(value, "0aff10");
        assert_int_equal(vmcoreinfo_size(info, "page", &bytes), 0);
        assert_int_equal(vmcoreinfo_offset(info, "page._mapcount", &bytes), 0);
        assert_int_equal(bytes % 4, 0);
        assert_int_equal(vmcoreinfo_number(info, "PG_lru", &number), 0);
        assert_in_range(number, 1, 63);
        assert_int_equal(vmcoreinfo_number_u64(info, "PG_head_mask", &mask), 0);
        assert_int_equal(mask & (mask - 1), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_only_missing_keys_are_added),
                cmocka_unit_test(test_another_kernel_is_not_believed),
                cmocka_unit_test(test_of_this_kernel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
