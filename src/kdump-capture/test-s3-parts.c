/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-parts.h"
#include "test.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

static uint64_t sum_bytes(uint64_t n_parts, uint64_t hint_bytes, uint64_t max_bytes)
{
        uint64_t sum = 0;

        for (uint64_t n = 0; n < n_parts; n++)
                sum += s3_part_bytes(n, hint_bytes, max_bytes);
        return sum;
}

static void test_first_parts_are_small_and_of_one_size(void **state)
{
        for (uint64_t n = 0; n < 5000; n++)
                assert_true(s3_part_bytes(n, 0, UINT64_MAX) == 8 * MIB);
        assert_true(s3_part_bytes(5000, 0, UINT64_MAX) == 16 * MIB);
        assert_true(s3_part_bytes(5499, 0, UINT64_MAX) == 16 * MIB);
        assert_true(s3_part_bytes(5500, 0, UINT64_MAX) == 32 * MIB);
}

static void test_all_parts_hold_any_dump(void **state)
{
        static const uint64_t hints[] = { 0, 1, GIB, 39 * GIB, 100 * GIB, TIB, 5 * TIB };

        for (size_t i = 0; i < ELEMENTSOF(hints); i++) {
                uint64_t before = 0;

                assert_true(sum_bytes(S3_PARTS_MAX, hints[i], UINT64_MAX) >= 5 * TIB);
                assert_true(sum_bytes(S3_PARTS_MAX / 2, hints[i], UINT64_MAX) >= hints[i]);
                for (uint64_t n = 0; n < S3_PARTS_MAX; n++) {
                        uint64_t size = s3_part_bytes(n, hints[i], UINT64_MAX);

                        assert_true(size >= before && size <= 5 * GIB);
                        before = size;
                }
        }
}

static void test_an_expected_dump_has_parts_of_one_size(void **state)
{
        uint64_t size = s3_part_bytes(0, 200 * GIB, UINT64_MAX);

        assert_true(size == 41 * MIB);
        assert_true(s3_part_bytes(4999, 200 * GIB, UINT64_MAX) == size);
}

static void test_memory_has_the_last_word(void **state)
{
        assert_true(s3_part_bytes(9999, TIB, 64 * MIB) == 64 * MIB);
        assert_true(s3_part_bytes(9999, TIB, 0) == 8 * MIB);
        assert_true(s3_part_max_bytes(0) == 8 * MIB);
        assert_true(s3_part_max_bytes(100 * MIB) == 12 * MIB);
        assert_true(s3_part_max_bytes(UINT64_MAX) >= 5 * GIB);
}

static void test_absurd_numbers_do_no_harm(void **state)
{
        assert_true(s3_part_bytes(UINT64_MAX, UINT64_MAX, UINT64_MAX) == 5 * GIB);
        assert_true(s3_part_bytes(0, UINT64_MAX, UINT64_MAX) == 5 * GIB);
        assert_true(s3_part_bytes(UINT64_MAX, 0, UINT64_MAX) == 5 * GIB);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_parts_are_small_and_of_one_size),
                cmocka_unit_test(test_all_parts_hold_any_dump),
                cmocka_unit_test(test_an_expected_dump_has_parts_of_one_size),
                cmocka_unit_test(test_memory_has_the_last_word),
                cmocka_unit_test(test_absurd_numbers_do_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
