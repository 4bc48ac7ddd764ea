/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the VMCOREINFO parser. */
#include "test.h"
#include "vmcoreinfo.h"

static const char text[] = "OSRELEASE=6.1.0-18-amd64\n"
                           "BUILD-ID=0011\n"
                           "PAGESIZE=4096\n"
                           "no equals sign here\n"
                           "SYMBOL(prb)=ffffffff82a5e0c0\n"
                           "SYMBOL(prb_data)=1\n"
                           "SIZE(page)=64\n"
                           "OFFSET(page.flags)=0\n"
                           "OFFSET(list_head.next)=8\n"
                           "LENGTH(zone.free_area)=11\n"
                           "NUMBER(phys_base)=-931135488\n"
                           "NUMBER(lowest)=-9223372036854775808\n"
                           "NUMBER(too_low)=-9223372036854775809\n"
                           "NUMBER(VMALLOC_START)=0xffffa00000000000\n"
                           "NUMBER(pcount)=12\n"
                           "NUMBER(bad)=12x\n"
                           "NUMBER(sign)=-\n"
                           "NUMBER(two)=--1\n"
                           "NUMBER(huge)=99999999999999999999\n"
                           "SYMBOL(bad)=xyz\n"
                           "SYMBOL(empty)=\n"
                           "KERNELOFFSET=1c000000\n"
                           "CRASHTIME=1\n"
                           "WITH=a=b\n"
                           "CRASHTIME=1700000000";

static int setup(void **state)
{
        return vmcoreinfo_new(text, sizeof(text) - 1, (Vmcoreinfo **) state);
}

static int teardown(void **state)
{
        vmcoreinfo_free(*state);
        return 0;
}

static void test_kinds(void **state)
{
        const Vmcoreinfo *info = *state;
        uint64_t value;

        assert_int_equal(vmcoreinfo_symbol(info, "prb", &value), 0);
        assert_int_equal(value, UINT64_C(0xffffffff82a5e0c0));
        assert_int_equal(vmcoreinfo_size(info, "page", &value), 0);
        assert_int_equal(value, 64);
        assert_int_equal(vmcoreinfo_offset(info, "page.flags", &value), 0);
        assert_int_equal(value, 0);
        assert_int_equal(vmcoreinfo_offset(info, "list_head.next", &value), 0);
        assert_int_equal(value, 8);
        assert_int_equal(vmcoreinfo_length(info, "zone.free_area", &value), 0);
        assert_int_equal(value, 11);
}

static void test_numbers_have_two_views(void **state)
{
        const Vmcoreinfo *info = *state;
        uint64_t u;
        int64_t s;

        assert_int_equal(vmcoreinfo_number(info, "phys_base", &s), 0);
        assert_true(s == -931135488);
        assert_int_equal(vmcoreinfo_number_u64(info, "phys_base", &u), 0);
        assert_true(u == (uint64_t) INT64_C(-931135488));
        assert_int_equal(vmcoreinfo_number(info, "lowest", &s), 0);
        assert_true(s == INT64_MIN);
        assert_int_equal(vmcoreinfo_number_u64(info, "VMALLOC_START", &u), 0);
        assert_true(u == UINT64_C(0xffffa00000000000));
        assert_int_equal(vmcoreinfo_number(info, "VMALLOC_START", &s), 0);
        assert_true(s < 0);
        assert_int_equal(vmcoreinfo_number(info, "pcount", &s), 0);
        assert_true(s == 12);
}

static void test_malformed_values(void **state)
{
        static const char *const numbers[] = { "bad", "sign", "two", "huge", "too_low" };
        const Vmcoreinfo *info = *state;
        uint64_t u = 7;
        int64_t s = 7;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                assert_int_equal(vmcoreinfo_number(info, numbers[i], &s), -EBADMSG);
        assert_int_equal(vmcoreinfo_symbol(info, "bad", &u), -EBADMSG);
        assert_int_equal(vmcoreinfo_symbol(info, "empty", &u), -EBADMSG);
        assert_true(u == 7 && s == 7);
}

static void test_strings(void **state)
{
        const Vmcoreinfo *info = *state;
        const char *value;
        uint64_t u;

        assert_int_equal(vmcoreinfo_string(info, "OSRELEASE", &value), 0);
        assert_string_equal(value, "6.1.0-18-amd64");
        assert_int_equal(vmcoreinfo_string(info, "WITH", &value), 0);
        assert_string_equal(value, "a=b");
        assert_int_equal(vmcoreinfo_string_u64(info, "CRASHTIME", 10, &u), 0);
        assert_int_equal(u, 1700000000); /* the last one, without a newline */
        assert_int_equal(vmcoreinfo_string_u64(info, "KERNELOFFSET", 16, &u), 0);
        assert_int_equal(u, 0x1c000000);
        assert_int_equal(vmcoreinfo_string_u64(info, "OSRELEASE", 10, &u), -EBADMSG);
        assert_int_equal(vmcoreinfo_text_size(info), sizeof(text) - 1);
        assert_string_equal(vmcoreinfo_text(info), text);
}

static void test_missing(void **state)
{
        const Vmcoreinfo *info = *state;
        const char *value;
        uint64_t u;

        assert_int_equal(vmcoreinfo_symbol(info, "pr", &u), -ENODATA);
        assert_int_equal(vmcoreinfo_symbol(info, "page", &u), -ENODATA);
        assert_int_equal(vmcoreinfo_size(info, "prb", &u), -ENODATA);
        assert_int_equal(vmcoreinfo_string(info, "OSRELEAS", &value), -ENODATA);
        assert_int_equal(vmcoreinfo_string(info, "no equals sign here", &value), -ENODATA);
}

static void test_odd_texts(void **state)
{
        _cleanup_free_ char *large = calloc(1, VMCOREINFO_BYTES_MAX + 1);
        Vmcoreinfo *info;
        const char *value;

        assert_int_equal(vmcoreinfo_new(NULL, 0, &info), 0);
        assert_int_equal(vmcoreinfo_string(info, "A", &value), -ENODATA);
        vmcoreinfo_free(info);

        assert_int_equal(vmcoreinfo_new("A=1\0\0\0", 6, &info), 0);
        assert_int_equal(vmcoreinfo_string(info, "A", &value), 0);
        assert_string_equal(value, "1");
        vmcoreinfo_free(info);

        assert_int_equal(vmcoreinfo_new("A=1\0B=2", 7, &info), -EBADMSG);

        assert_non_null(large);
        memset(large, '\n', VMCOREINFO_BYTES_MAX + 1);
        assert_int_equal(vmcoreinfo_new(large, VMCOREINFO_BYTES_MAX + 1, &info), -EFBIG);
        assert_int_equal(vmcoreinfo_new(large, VMCOREINFO_BYTES_MAX, &info), 0);
        assert_null(vmcoreinfo_free(info));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
                cmocka_unit_test_setup_teardown(test_numbers_have_two_views, setup, teardown),
                cmocka_unit_test_setup_teardown(test_malformed_values, setup, teardown),
                cmocka_unit_test_setup_teardown(test_strings, setup, teardown),
                cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
                cmocka_unit_test(test_odd_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
