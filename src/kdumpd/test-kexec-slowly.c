/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what a swap does where the system call does not take an image, and a program may. */
#include "test-kexec-fake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The new image is one that the system call does not take. */
static void test_way_back_comes_before_the_slow_way(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        fake.answers[0] = -ENOEXEC;
        fake.swap_began[0] = true;
        assert_int_equal(kexec_crash_swap(&slow_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_int_equal(fake.n_calls, 3);
        assert_true(fake.slow[2] && fake.slow_begins_armed);
        assert_ptr_equal(fake.last, &image);
        assert_false(swap.restored || swap.unknown);

        /* It fails, and what is armed stays. */
        fake_reset(true);
        fake.answers[0] = -ENOEXEC;
        fake.swap_began[0] = true;
        fake.answers[2] = -EIO;
        assert_int_equal(kexec_crash_swap(&slow_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -EIO);
        assert_int_equal(fake.n_calls, 3);
        assert_true(swap.restored && fake.loaded);
}

static void test_slow_way_is_for_some_errors_only(void **unused)
{
        static const struct {
                int error;
                bool slow;
        } table[] = {
                { -ENOSYS, true },  { -EINVAL, true },  { -ENOEXEC, true },
                { -ENOTSUP, true }, { -ENOMEM, false }, { -EKEYREJECTED, false },
                { -EPERM, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                KexecImage image = KEXEC_IMAGE_NULL;
                KexecSwap swap;

                fake_reset(true);
                fake.answers[0] = table[i].error;
                assert_int_equal(
                        kexec_crash_swap(&slow_loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap),
                        table[i].slow ? 0 : table[i].error);
                assert_int_equal(fake.slow[1], table[i].slow);
        }
}

/* Where the system call takes neither image. */
static void test_both_ways_may_be_slow(void **unused)
{
        static const struct {
                int answers[4]; /* to both calls, and to the slow ones */
                int r;
                bool restored;
                size_t n_calls;
        } table[] = {
                { { -ENOEXEC, -ENOEXEC, 0, 0 }, 0, false, 3 },
                /* A third call, as the second image is the way back again. */
                { { -ENOEXEC, -ENOEXEC, -EIO, -ENOEXEC }, -EIO, true, 5 },
                /* What is wrong with the new one no program can mend. */
                { { -EKEYREJECTED, -ENOEXEC, 0, 0 }, -EKEYREJECTED, true, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
                KexecSwap swap;

                fake_reset(true);
                memcpy(fake.answers, table[i].answers, sizeof(table[i].answers));
                fake.swap_began[0] = true;
                assert_int_equal(
                        kexec_crash_swap(&slow_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                        table[i].r);
                assert_int_equal(swap.restored, table[i].restored);
                assert_int_equal(swap.restore_error, 0);
                assert_int_equal(fake.n_calls, table[i].n_calls);
                assert_true(fake.loaded && fake.slow[fake.n_calls - 1]);
        }
}

/* A program that is killed for its time may have done all that it should. */
static void test_load_that_was_given_up(void **unused)
{
        static const struct {
                bool was_loaded, fallback, late;
                int answer; /* to what comes then */
                int r;
                bool restored, unknown;
                size_t n_calls;
        } table[] = {
                /* Nothing was there, so it is the new image. */
                { false, false, true, 0, 0, false, false, 2 },
                { false, false, false, 0, -ETIMEDOUT, false, false, 2 },
                /* It may be either: the one that is known is loaded. */
                { true, true, true, 0, -ETIMEDOUT, true, false, 3 },
                { true, true, true, -EIO, -ETIMEDOUT, false, true, 3 },
                { true, false, true, 0, -ETIMEDOUT, false, true, 2 },
                /* It has come to nothing. */
                { true, true, false, 0, -ETIMEDOUT, true, false, 3 },
                { true, true, false, -EIO, -ETIMEDOUT, false, false, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
                KexecSwap swap;

                fake_reset(table[i].was_loaded);
                fake.answers[0] = -ENOSYS;
                fake.answers[1] = -ETIMEDOUT;
                fake.swap_began[1] = true;
                fake.late[1] = table[i].late;
                fake.answers[2] = table[i].answer;
                assert_int_equal(kexec_crash_swap(&slow_loader, &image,
                                                  table[i].fallback ? &old : NULL,
                                                  KEXEC_PREPARE_NEXT, &swap),
                                 table[i].r);
                assert_int_equal(swap.restored, table[i].restored);
                assert_int_equal(swap.unknown, table[i].unknown);
                assert_int_equal(fake.n_calls, table[i].n_calls);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_way_back_comes_before_the_slow_way),
                cmocka_unit_test(test_slow_way_is_for_some_errors_only),
                cmocka_unit_test(test_both_ways_may_be_slow),
                cmocka_unit_test(test_load_that_was_given_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
