/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of which page frames exist. */
#include "pagemap.h"
#include "test-core.h"
#include "test.h"

#define PAGE TEST_PAGE_BYTES

static void test_pages_of_runs(void **state)
{
        static const MemoryRun runs[] = {
                { .start_paddr = PAGE, .end_paddr = 3 * PAGE },
                { .start_paddr = 5 * PAGE + 100, .end_paddr = 5 * PAGE + 200 },
                { .start_paddr = 5 * PAGE + 300, .end_paddr = 7 * PAGE + 1 },
                { .start_paddr = 20 * PAGE, .end_paddr = 21 * PAGE },
        };
        uint64_t first, n;
        uint8_t bits[4];

        assert_int_equal(pagemap_max_pfn(runs, 4, PAGE), 21);
        assert_int_equal(pagemap_count(runs, 4, PAGE), 2 + 3 + 1);
        assert_int_equal(pagemap_fill(runs, 4, PAGE, 0, 32, bits), 6);
        assert_memory_equal(bits, "\xe6\x00\x10\x00", 4);

        /* From the middle of a byte on: bit 0 is the first page asked for. */
        assert_int_equal(pagemap_fill(runs, 4, PAGE, 2, 5, bits), 3);
        assert_int_equal(bits[0], 0x19);
        assert_int_equal(pagemap_fill(runs, 4, PAGE, 6, 0, bits), 0);

        assert_true(pagemap_next(runs, 4, PAGE, 0, &first, &n));
        assert_int_equal(first, 1);
        assert_int_equal(n, 2);
        assert_true(pagemap_next(runs, 4, PAGE, 2, &first, &n));
        assert_int_equal(first, 2);
        assert_int_equal(n, 1);
        assert_true(pagemap_next(runs, 4, PAGE, 8, &first, &n));
        assert_int_equal(first, 20);
        assert_int_equal(n, 1);
        assert_false(pagemap_next(runs, 4, PAGE, 21, &first, &n));
}

static void test_no_memory(void **state)
{
        uint64_t first, n;
        uint8_t bits[2] = { 0xff, 0xff };

        assert_int_equal(pagemap_max_pfn(NULL, 0, PAGE), 0);
        assert_int_equal(pagemap_count(NULL, 0, PAGE), 0);
        assert_int_equal(pagemap_fill(NULL, 0, PAGE, 0, 9, bits), 0);
        assert_int_equal(bits[0] | bits[1], 0);
        assert_false(pagemap_next(NULL, 0, PAGE, 0, &first, &n));
}

static void test_end_of_the_address_space(void **state)
{
        static const MemoryRun runs[] = {
                { .start_paddr = UINT64_MAX - 2 * PAGE, .end_paddr = UINT64_MAX },
        };
        const uint64_t last = UINT64_MAX / PAGE;
        uint8_t bits[2];

        assert_int_equal(pagemap_max_pfn(runs, 1, PAGE), last + 1);
        assert_int_equal(pagemap_count(runs, 1, PAGE), 3);
        assert_int_equal(pagemap_fill(runs, 1, PAGE, last, 16, bits), 1);
        assert_int_equal(bits[0], 1);
        assert_int_equal(pagemap_fill(runs, 1, PAGE, UINT64_MAX - 3, 16, bits), 0);
}

/* Any runs, page by page, and the same map in ranges of any length. */
static void test_any_runs_match_a_model(void **state)
{
        uint64_t seed = 21;

        for (unsigned round = 0; round < 500; round++) {
                uint8_t model[512] = {}, bits[64];
                MemoryRun runs[16];
                uint64_t at = 0, n_model = 0;
                size_t n = 0;

                while (n < ELEMENTSOF(runs)) {
                        uint64_t start = at + test_random(&seed) % (40 * PAGE);
                        uint64_t end = start + 1 + test_random(&seed) % (30 * PAGE);

                        if (end > ELEMENTSOF(model) * PAGE)
                                break;
                        runs[n++] = (MemoryRun){ .start_paddr = start, .end_paddr = end };
                        for (uint64_t pfn = start / PAGE; pfn <= (end - 1) / PAGE; pfn++)
                                model[pfn] = 1;
                        at = end;
                }
                for (size_t i = 0; i < ELEMENTSOF(model); i++)
                        n_model += model[i];
                assert_int_equal(pagemap_count(runs, n, PAGE), n_model);

                for (uint64_t pfn = 0; pfn < ELEMENTSOF(model);) {
                        uint64_t step = MIN(1 + test_random(&seed) % 100, ELEMENTSOF(model) - pfn);
                        uint64_t n_set = 0;

                        memset(bits, 0xa5, sizeof(bits));
                        n_set = pagemap_fill(runs, n, PAGE, pfn, step, bits);
                        for (uint64_t i = 0; i < step; i++) {
                                assert_int_equal(bits[i / 8] >> (i % 8) & 1, model[pfn + i]);
                                n_set -= model[pfn + i];
                        }
                        assert_int_equal(n_set, 0);
                        for (uint64_t i = step; i % 8 != 0; i++)
                                assert_int_equal(bits[i / 8] >> (i % 8) & 1, 0);
                        assert_int_equal(bits[DIV_ROUND_UP(step, 8)], 0xa5);
                        pfn += step;
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages_of_runs),
                cmocka_unit_test(test_no_memory),
                cmocka_unit_test(test_end_of_the_address_space),
                cmocka_unit_test(test_any_runs_match_a_model),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
