/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of how times and sizes are shown. */
#include "format.h"
#include "test.h"

static void test_age(void **state)
{
        static const struct {
                uint64_t age_usec;
                const char *text;
        } table[] = {
                { 0, "0 s ago" },
                { 999999, "0 s ago" },
                { 119 * USEC_PER_SEC, "119 s ago" },
                { 120 * USEC_PER_SEC, "2 min ago" },
                { 7199 * USEC_PER_SEC, "119 min ago" },
                { 7200 * USEC_PER_SEC, "2 h ago" },
                { 47 * 3600 * USEC_PER_SEC, "47 h ago" },
                { 48 * 3600 * USEC_PER_SEC, "2 days ago" },
                { UINT64_MAX, "213503982 days ago" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char buf[FORMAT_AGE_MAX];

                assert_string_equal(format_age(table[i].age_usec, buf), table[i].text);
        }
}

static void test_time(void **state)
{
        char buf[FORMAT_TIME_MAX];

        assert_int_equal(setenv("TZ", "UTC", 1), 0);
        assert_string_equal(format_time(0, buf), "-");
        assert_string_equal(format_time(UINT64_C(1738315800000000), buf), "2025-01-31 09:30:00");
}

static void test_bytes(void **state)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } table[] = {
                { 0, "0 B" },
                { 1023, "1023 B" },
                { 1024, "1.0 KiB" },
                { UINT64_C(28626125), "27.3 MiB" },
                { UINT64_MAX, "16384.0 PiB" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char buf[FORMAT_BYTES_MAX];

                assert_string_equal(format_bytes(table[i].bytes, buf), table[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_age),
                cmocka_unit_test(test_time),
                cmocka_unit_test(test_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
