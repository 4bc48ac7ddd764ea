/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "capture-missing.h"
#include "test.h"

static void check_text(const MissingPages *missing, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(missing_pages_text(missing, &text), 0);
        if (expected)
                assert_string_equal(text, expected);
        else
                assert_null(text);
}

static void test_neighbours_make_ranges_in_any_order(void **state)
{
        static const struct {
                uint64_t pfns[8];
                size_t n;
                const char *text;
        } tables[] = {
                { { 0 }, 0, NULL },
                { { 0 }, 1, "0x0" },
                { { 5, 6, 7 }, 3, "0x5-0x7" },
                { { 7, 6, 5 }, 3, "0x5-0x7" },
                { { 5, 7, 6 }, 3, "0x5-0x7" },
                { { 5, 7 }, 2, "0x5, 0x7" },
                { { 7, 5 }, 2, "0x5, 0x7" },
                { { 5, 5, 6, 5 }, 4, "0x5-0x6" },
                { { 1, 3, 5, 7, 4 }, 5, "0x1, 0x3-0x5, 0x7" },
                { { 1, 3, 5, 2, 4 }, 5, "0x1-0x5" },
                { { UINT64_MAX - 1, 0, UINT64_MAX - 2 },
                  3,
                  "0x0, 0xfffffffffffffffd-0xfffffffffffffffe" },
        };

        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                MissingPages missing = {};

                for (size_t k = 0; k < tables[i].n; k++)
                        missing_pages_add(&missing, tables[i].pfns[k]);
                check_text(&missing, tables[i].text);
        }
}

static void test_the_lowest_are_kept_if_there_are_many(void **state)
{
        MissingPages up = {}, down = {};

        for (uint64_t i = 0; i < 100; i++) {
                missing_pages_add(&up, 10 * i);
                missing_pages_add(&down, 990 - 10 * i);
        }
        assert_int_equal(up.n_ranges, MISSING_RANGES_MAX);
        assert_true(up.more);
        assert_memory_equal(&up, &down, sizeof(up));
        for (size_t i = 0; i < MISSING_RANGES_MAX; i++)
                assert_int_equal(up.ranges[i].first_pfn, 10 * i);

        /* All of it, with pages of the largest numbers too. */
        for (uint64_t i = 0; i < 991; i++)
                missing_pages_add(&up, i);
        check_text(&up, "0x0-0x3de and others");
}

static void test_room_that_comes_late_is_for_the_lowest(void **state)
{
        MissingPages missing = {};

        for (uint64_t i = 0; i < MISSING_RANGES_MAX; i++)
                missing_pages_add(&missing, 2 * i);
        missing_pages_add(&missing, 500);
        for (uint64_t i = 0; i < MISSING_RANGES_MAX; i++)
                missing_pages_add(&missing, 2 * i + 1);
        missing_pages_add(&missing, 600);
        check_text(&missing, "0x0-0x3f and others");
        missing_pages_add(&missing, 400);
        check_text(&missing, "0x0-0x3f, 0x190 and others");
}

static void test_longest_text_has_room(void **state)
{
        MissingPages missing = { .more = true, .left_out_pfn = UINT64_MAX };
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < 2 * MISSING_RANGES_MAX; i++)
                missing_pages_add(&missing, UINT64_MAX - 1 - (i / 2 * 3 + i % 2));
        assert_int_equal(missing.n_ranges, MISSING_RANGES_MAX);
        assert_int_equal(missing_pages_text(&missing, &text), 0);
        assert_int_equal(strlen(text),
                         MISSING_RANGES_MAX * strlen("0xfffffffffffffffe-0xffffffffffffffff, ") -
                                 2 + strlen(" and others"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_neighbours_make_ranges_in_any_order),
                cmocka_unit_test(test_the_lowest_are_kept_if_there_are_many),
                cmocka_unit_test(test_room_that_comes_late_is_for_the_lowest),
                cmocka_unit_test(test_longest_text_has_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
