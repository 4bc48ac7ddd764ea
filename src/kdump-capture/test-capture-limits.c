/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of how many threads a capture has. */
#include "capture-limits.h"
#include "test.h"

#define MIB (UINT64_C(1) << 20)

static void test_threads_fit_cpus_and_memory(void **state)
{
        static const struct {
                unsigned n_threads;
                uint64_t limit_bytes;
                unsigned n_cpus;
                uint64_t available_bytes;
                unsigned least, most; /* expected */
        } rows[] = {
                /* As many as there are CPUs, of a crash kernel with little memory. */
                { 0, 0, 1, 60 * MIB, 1, 1 },
                { 0, 0, 2, 60 * MIB, 2, 2 },
                { 0, 0, 64, 60 * MIB, 2, 7 },
                { 0, 0, 8, 1024 * MIB, 8, 8 },
                { 0, 0, 100000, 100000 * MIB, 64, 64 },
                /* At least one, however little there is. */
                { 0, 0, 8, 1 * MIB, 1, 1 },
                { 0, 1, 8, 1024 * MIB, 1, 1 },
                { 7, 9 * MIB, 8, 1024 * MIB, 1, 1 },
                { 0, 0, 0, 1024 * MIB, 1, 1 },
                /* Unknown memory does not limit. */
                { 0, 0, 4, 0, 4, 4 },
                /* What is said counts. */
                { 3, 0, 1, 1 * MIB, 3, 3 },
                { 1, 0, 8, 1024 * MIB, 1, 1 },
                { 1000, 0, 8, 1024 * MIB, 64, 64 },
                { 0, 24 * MIB, 2, 1 * MIB, 2, 2 },
                { 16, 24 * MIB, 2, 1 * MIB, 2, 6 },
                { 2, UINT64_MAX, 2, 1 * MIB, 2, 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CaptureLimits limits =
                        capture_limits_compute(rows[i].n_threads, rows[i].limit_bytes,
                                               rows[i].n_cpus, rows[i].available_bytes);

                assert_in_range(limits.n_threads, rows[i].least, rows[i].most);
                assert_true(limits.bits_bytes_max <= 4 * MIB);
                if (rows[i].limit_bytes > 0)
                        assert_true(limits.bits_bytes_max <= rows[i].limit_bytes / 8);
        }
}

static void test_this_machine_has_a_thread(void **state)
{
        CaptureLimits limits = capture_limits_choose(0, 0);

        assert_true(limits.n_threads >= 1);
        assert_true(limits.bits_bytes_max > 0);
        assert_int_equal(capture_limits_choose(5, 0).n_threads, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_threads_fit_cpus_and_memory),
                cmocka_unit_test(test_this_machine_has_a_thread),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
