/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of numbers, booleans, sizes and times from text, and back. */
#include "test.h"

#include "parse.h"

typedef struct NumberCase {
        const char *text;
        int r;
        uint64_t value;
} NumberCase;

static void check_number(const NumberCase *c, int r, uint64_t value)
{
        if (r != c->r || (r == 0 && value != c->value))
                fail_msg("'%s' gave %d and %llu, expected %d and %llu", c->text, r,
                         (unsigned long long) value, c->r, (unsigned long long) c->value);
        if (r < 0 && value != 7)
                fail_msg("'%s' changed the result though it failed", c->text);
}

static void test_parse_u64(void **state)
{
        static const NumberCase cases[] = {
                { "0", 0, 0 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "18446744073709551616", -ERANGE },
                { "", -EINVAL },
                { " 1", -EINVAL },
                { "1 ", -EINVAL },
                { "+1", -EINVAL },
                { "-1", -EINVAL },
                { "1x", -EINVAL },
                { "ff", -EINVAL },
                { "0x10", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t value = 7;
                int r = parse_u64(cases[i].text, 10, &value);

                check_number(&cases[i], r, value);
        }
}

static void test_parse_u64_hex(void **state)
{
        static const NumberCase cases[] = {
                { "ffffffff82a5e0c0", 0, UINT64_C(0xffffffff82a5e0c0) },
                { "0xff", 0, 255 },
                { "0x", -EINVAL },
                { "fg", -EINVAL },
                { "-f", -EINVAL },
                { "10000000000000000", -ERANGE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t value = 7;
                int r = parse_u64(cases[i].text, 16, &value);

                check_number(&cases[i], r, value);
        }
}

static void test_parse_u32(void **state)
{
        static const NumberCase cases[] = {
                { "4294967295", 0, UINT32_MAX },
                { "4294967296", -ERANGE },
                { "99999999999999999999", -ERANGE },
                { "x", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint32_t value = 7;
                int r = parse_u32(cases[i].text, &value);

                check_number(&cases[i], r, value);
        }
}

static void test_parse_bool(void **state)
{
        static const char *const yes[] = { "1", "yes", "Y", "TRUE", "t", "on" };
        static const char *const no[] = { "0", "no", "N", "False", "f", "off" };
        static const char *const neither[] = { "", "2", "yess", "ye", "-1", " 1" };
        bool value;

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                value = false;
                assert_int_equal(parse_bool(yes[i], &value), 0);
                assert_true(value);
        }
        for (size_t i = 0; i < ELEMENTSOF(no); i++) {
                value = true;
                assert_int_equal(parse_bool(no[i], &value), 0);
                assert_false(value);
        }
        for (size_t i = 0; i < ELEMENTSOF(neither); i++)
                assert_int_equal(parse_bool(neither[i], &value), -EINVAL);
}

static void test_parse_size_bytes(void **state)
{
        static const NumberCase cases[] = {
                { "512", 0, 512 },
                { "512K", 0, 512 * 1024 },
                { "64m", 0, 64 * 1024 * 1024 },
                { "2G", 0, UINT64_C(2) << 30 },
                { "16777215T", 0, UINT64_C(16777215) << 40 },
                { "16777216T", -ERANGE },
                { "1KB", -EINVAL },
                { "1 K", -EINVAL },
                { "K", -EINVAL },
                { "1.5G", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t value = 7;
                int r = parse_size_bytes(cases[i].text, &value);

                check_number(&cases[i], r, value);
        }
}

static void test_parse_usec(void **state)
{
        static const NumberCase cases[] = {
                { "90", 0, 90 * USEC_PER_SEC },
                { "90s", 0, 90 * USEC_PER_SEC },
                { "1sec", 0, USEC_PER_SEC },
                { "250ms", 0, 250 * USEC_PER_MSEC },
                { "5min", 0, 300 * USEC_PER_SEC },
                { "5m", 0, 300 * USEC_PER_SEC },
                { "2h", 0, 7200 * USEC_PER_SEC },
                { "infinity", 0, USEC_INFINITY },
                { "5 min", -EINVAL },
                { "-1", -EINVAL },
                { "1d", -EINVAL },
                { "", -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint64_t value = 7;
                int r = parse_usec(cases[i].text, &value);

                check_number(&cases[i], r, value);
        }
}

static void test_usec_format(void **state)
{
        static const struct {
                uint64_t usec;
                const char *text;
        } cases[] = {
                { 0, "0s" },
                { 1500 * USEC_PER_MSEC, "1500ms" },
                { 5 * USEC_PER_SEC, "5s" },
                { 3600 * USEC_PER_SEC, "3600s" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = NULL;
                uint64_t again;

                assert_int_equal(usec_format(cases[i].usec, &text), 0);
                assert_string_equal(text, cases[i].text);
                assert_int_equal(parse_usec(text, &again), 0);
                assert_int_equal(again, cases[i].usec);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_u64),        cmocka_unit_test(test_parse_u64_hex),
                cmocka_unit_test(test_parse_u32),        cmocka_unit_test(test_parse_bool),
                cmocka_unit_test(test_parse_size_bytes), cmocka_unit_test(test_parse_usec),
                cmocka_unit_test(test_usec_format),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
