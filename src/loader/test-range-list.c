/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "range-list.h"

#include "test.h"

#define N_PLACES 512
#define N_STEPS 20000

static void range_list_freep(RangeList *list)
{
        range_list_done(list);
}
#define _cleanup_list_ _cleanup_(range_list_freep)

static void assert_ranges(const RangeList *list, const Range *ranges)
{
        size_t n = 0;

        for (; ranges[n].end > 0; n++) {
                assert_true(n < list->n);
                assert_int_equal(list->ranges[n].start, ranges[n].start);
                assert_int_equal(list->ranges[n].end, ranges[n].end);
        }
        assert_int_equal(list->n, n);
}

static void test_what_touches_becomes_one(void **state)
{
        static const struct {
                Range add[4], expected[4];
        } cases[] = {
                { { { 1, 2 } }, { { 1, 2 } } },
                { { { 1, 2 }, { 2, 3 } }, { { 1, 3 } } },
                { { { 2, 3 }, { 1, 2 } }, { { 1, 3 } } },
                { { { 1, 2 }, { 3, 4 } }, { { 1, 2 }, { 3, 4 } } },
                { { { 3, 4 }, { 1, 2 } }, { { 1, 2 }, { 3, 4 } } },
                { { { 1, 2 }, { 5, 6 }, { 2, 5 } }, { { 1, 6 } } },
                { { { 1, 2 }, { 5, 6 }, { 0, 9 } }, { { 0, 9 } } },
                { { { 1, 4 }, { 2, 3 } }, { { 1, 4 } } },
                { { { 1, 4 }, { 7, 9 }, { 3, 8 } }, { { 1, 9 } } },
                { { { 4, 4 } }, { { 0, 0 } } },
                { { { 0, UINT64_MAX }, { 5, 6 } }, { { 0, UINT64_MAX } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_list_ RangeList list = { 0 };

                for (size_t j = 0; j < ELEMENTSOF(cases[i].add); j++)
                        assert_int_equal(
                                range_list_add(&list, cases[i].add[j].start, cases[i].add[j].end),
                                0);
                assert_ranges(&list, cases[i].expected);
        }
}

static void test_what_is_taken_away_leaves_its_sides(void **state)
{
        static const struct {
                Range subtract, expected[4];
        } cases[] = {
                { { 0, 10 }, { { 10, 20 }, { 30, 40 } } },
                { { 0, 11 }, { { 11, 20 }, { 30, 40 } } },
                { { 10, 20 }, { { 30, 40 } } },
                { { 20, 30 }, { { 10, 20 }, { 30, 40 } } },
                { { 19, 31 }, { { 10, 19 }, { 31, 40 } } },
                { { 12, 15 }, { { 10, 12 }, { 15, 20 }, { 30, 40 } } },
                { { 35, 40 }, { { 10, 20 }, { 30, 35 } } },
                { { 40, UINT64_MAX }, { { 10, 20 }, { 30, 40 } } },
                { { 15, 15 }, { { 10, 20 }, { 30, 40 } } },
                { { 0, UINT64_MAX }, { { 0, 0 } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_list_ RangeList list = { 0 };

                assert_int_equal(range_list_add(&list, 10, 20), 0);
                assert_int_equal(range_list_add(&list, 30, 40), 0);
                assert_int_equal(
                        range_list_subtract(&list, cases[i].subtract.start, cases[i].subtract.end),
                        0);
                assert_ranges(&list, cases[i].expected);
        }
}

static void test_a_range_that_ends_before_it_starts_is_refused(void **state)
{
        _cleanup_list_ RangeList list = { 0 };

        assert_int_equal(range_list_add(&list, 1, 5), 0);
        assert_int_equal(range_list_add(&list, 7, 6), -EINVAL);
        assert_int_equal(range_list_subtract(&list, 3, 2), -EINVAL);
        assert_ranges(&list, (const Range[]){ { 1, 5 }, { 0, 0 } });
}

static void test_a_copy_is_its_own(void **state)
{
        _cleanup_list_ RangeList list = { 0 }, copy = { 0 }, empty = { 0 };

        assert_int_equal(range_list_copy(&list, &empty), 0);
        assert_int_equal(empty.n, 0);
        assert_int_equal(range_list_add(&list, 1, 5), 0);
        assert_int_equal(range_list_copy(&list, &copy), 0);
        assert_int_equal(range_list_subtract(&list, 0, 9), 0);
        assert_ranges(&copy, (const Range[]){ { 1, 5 }, { 0, 0 } });
        range_list_done(&copy);
        assert_int_equal(copy.n, 0);
        range_list_done(NULL);
}

/* Numbers that look random and are always the same: xorshift64. */
static uint64_t next_number(uint64_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static void assert_is_model(const RangeList *list, const bool *model)
{
        uint64_t bytes = 0;
        size_t i = 0;

        for (uint64_t place = 0; place < N_PLACES; place++) {
                if (i < list->n && place == list->ranges[i].end)
                        i++;
                assert_true(model[place] == (i < list->n && list->ranges[i].start <= place));
                bytes += model[place];
        }
        for (i = 0; i < list->n; i++) {
                assert_true(list->ranges[i].start < list->ranges[i].end);
                assert_true(list->ranges[i].end <= N_PLACES);
                assert_true(i == 0 || list->ranges[i - 1].end < list->ranges[i].start);
        }
        assert_int_equal(range_list_bytes(list), bytes);
}

static void assert_asked_as_model(const RangeList *list, const bool *model, Range range)
{
        bool all = true, any = false;

        for (uint64_t place = range.start; place < range.end; place++) {
                all = all && model[place];
                any = any || model[place];
        }
        assert_true(range_list_contains(list, range) == all);
        assert_true(range_list_overlaps(list, range) == any);
}

static void test_a_list_is_the_same_as_a_set_of_places(void **state)
{
        _cleanup_list_ RangeList list = { 0 };
        bool model[N_PLACES] = { false };
        uint64_t number = UINT64_C(0x6b64756d70640001);

        for (unsigned step = 0; step < N_STEPS; step++) {
                uint64_t start = next_number(&number) % N_PLACES;
                uint64_t end = MIN(start + next_number(&number) % 24, (uint64_t) N_PLACES);
                bool add = next_number(&number) % 2 == 0;

                assert_int_equal((add ? range_list_add : range_list_subtract)(&list, start, end),
                                 0);
                for (uint64_t place = start; place < end; place++)
                        model[place] = add;
                assert_is_model(&list, model);
                start = next_number(&number) % N_PLACES;
                end = MIN(start + next_number(&number) % 8, (uint64_t) N_PLACES);
                assert_asked_as_model(&list, model, (Range){ start, end });
        }
}

/* More than the array has room for at once, both ways. */
static void test_a_list_grows_and_shrinks(void **state)
{
        _cleanup_list_ RangeList list = { 0 };

        for (uint64_t i = 0; i < 3000; i++)
                assert_int_equal(range_list_add(&list, 2 * (3000 - i), 2 * (3000 - i) + 1), 0);
        assert_int_equal(list.n, 3000);
        assert_int_equal(range_list_bytes(&list), 3000);
        assert_int_equal(range_list_subtract(&list, 5, 5996), 0);
        assert_int_equal(list.n, 5);
        for (uint64_t i = 0; i < 600; i++)
                assert_int_equal(range_list_add(&list, 10000 + 2 * i, 10001 + 2 * i), 0);
        assert_int_equal(list.n, 605);
        assert_int_equal(range_list_add(&list, 0, UINT64_MAX), 0);
        assert_ranges(&list, (const Range[]){ { 0, UINT64_MAX }, { 0, 0 } });
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_touches_becomes_one),
                cmocka_unit_test(test_what_is_taken_away_leaves_its_sides),
                cmocka_unit_test(test_a_range_that_ends_before_it_starts_is_refused),
                cmocka_unit_test(test_a_copy_is_its_own),
                cmocka_unit_test(test_a_list_is_the_same_as_a_set_of_places),
                cmocka_unit_test(test_a_list_grows_and_shrinks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
