/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what a swap does when the kernel says no, or has damaged memory. */
#include "test-kexec-fake.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "io.h"

static void test_swap_replaces(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_ptr_equal(fake.last, &image);
        assert_int_equal(fake.n_calls, 1);
        assert_false(swap.restored);
        assert_int_equal(swap.restore_error, 0);
}

static void test_busy_kernel_is_asked_again(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(false);
        fake.answers[0] = fake.answers[1] = -EBUSY;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_int_equal(fake.n_calls, 3);
        assert_int_equal(fake.n_pauses, 2);
        assert_true(fake.loaded);
}

static int always_busy(void *userdata, const KexecImage *image, void *ready)
{
        fake.n_calls++;
        return -EBUSY;
}

static void test_busy_for_ever_keeps_the_old(void **state)
{
        KexecLoader loader = fake_loader;
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        loader.load = always_busy;
        assert_int_equal(kexec_crash_swap(&loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -EBUSY);
        assert_true(fake.n_calls > 5 && fake.n_calls < 100);
        assert_true(fake.loaded);
        assert_false(swap.restored);
}

static bool is_busy(void *userdata)
{
        return fake.n_pauses < 4;
}

/* The kernel counts them, and may allow only so many. */
static void test_no_load_is_wasted_on_a_busy_kernel(void **state)
{
        KexecLoader loader = fake_loader;
        KexecImage image = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(false);
        loader.busy = is_busy;
        fake.answers[0] = -EBUSY;
        assert_int_equal(kexec_crash_swap(&loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap), 0);
        assert_int_equal(fake.n_calls, 2);
        assert_int_equal(fake.n_pauses, 4);
        assert_true(fake.loaded);
}

static void test_load_failure_restores_previous(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        fake.answers[0] = -ENOEXEC;
        fake.swap_began[0] = true;
        fake.answers[1] = -EBUSY;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOEXEC);
        assert_ptr_equal(fake.last, &old);
        assert_int_equal(fake.n_calls, 3);
        assert_true(fake.loaded);
        assert_true(swap.restored);
        assert_int_equal(swap.restore_error, 0);
}

static void test_refusal_before_the_swap_restores_nothing(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        fake.answers[0] = -EPERM;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -EPERM);
        assert_int_equal(fake.n_calls, 1);
        assert_true(fake.loaded);
        assert_false(swap.restored);
}

static void test_both_fail(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        fake.answers[0] = -ENOMEM;
        fake.swap_began[0] = true;
        fake.answers[1] = -EIO;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOMEM);
        assert_false(swap.restored);
        assert_int_equal(swap.restore_error, -EIO);
        assert_false(fake.loaded);
}

static void test_unload(void **state)
{
        fake_reset(true);
        fake.answers[0] = -EBUSY;
        assert_int_equal(kexec_crash_unload(&fake_loader), 0);
        assert_int_equal(fake.n_calls, 2);
        assert_false(fake.loaded);
}

static void test_what_cannot_be_made_ready_leaves_the_old_one(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.prepare_error = -ENOSPC;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOSPC);
        assert_string_equal(swap.message, "no room");
        assert_int_equal(fake.n_calls, 0);
        assert_true(fake.loaded);
        assert_int_equal(swap.gap_usec, 0);
}

static void test_both_ways_are_ready_before_the_call(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.intact[0] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_int_equal(fake.n_prepared, 2);
        assert_int_equal(fake.hows[0], KEXEC_PREPARE_NEXT);
        assert_int_equal(fake.hows[1], KEXEC_PREPARE_BACK);
        assert_int_equal(fake.n_freed, 2);
        assert_int_equal(fake.n_calls, 1);
        assert_false(swap.damaged);
}

static void test_no_way_back_puts_nothing_at_stake(void **state)
{
        for (int armed = 0; armed < 2; armed++) {
                KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
                _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

                fake_reset(armed);
                fake.intact[0] = true;
                fake.prepare_errors[1] = -EMFILE;
                assert_int_equal(
                        kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                        armed ? -EMFILE : 0);
                assert_int_equal(fake.n_calls, !armed);
                assert_int_equal(fake.n_freed, 1);
                assert_true(fake.loaded);
                if (armed)
                        assert_non_null(strstr(swap.message, "made ready: no room"));
        }
}

static void test_what_is_damaged_is_loaded_whole(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.intact[1] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_true(swap.damaged);
        assert_int_equal(fake.n_calls, 2);
        assert_int_equal(fake.n_prepared, 2);
        assert_int_equal(fake.hows[1], KEXEC_PREPARE_WHOLE);
        assert_int_equal(fake.n_freed, 2);
}

static void test_failed_whole_load_goes_back(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.answers[1] = -ENOMEM;
        fake.swap_began[1] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOMEM);
        assert_true(swap.damaged && swap.restored && fake.loaded);
        assert_ptr_equal(fake.last, &old);
}

/* What is there after the first load is damaged, and not what was there before. */
static void test_damaged_image_that_cannot_be_loaded_whole(void **state)
{
        static const struct {
                int prepare_error, answers[2]; /* of the whole load, and to the way back */
                bool swap_began, fallback;     /* by the whole load */
                bool restored, unknown;
                size_t n_calls;
        } table[] = {
                { -ENOMEM, { 0, 0 }, false, true, true, false, 2 },
                { -ENOMEM, { -EPERM, 0 }, false, true, false, true, 2 },
                { -ENOMEM, { 0, 0 }, false, false, false, true, 1 },
                { 0, { -EPERM, 0 }, false, true, true, false, 3 },
                { 0, { -EPERM, -EPERM }, false, true, false, true, 3 },
                { 0, { -EPERM, 0 }, false, false, false, true, 2 },
                { 0, { -ENOMEM, -EIO }, true, true, false, false, 3 },
                { 0, { -ENOMEM, -EIO }, true, false, false, false, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
                _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };
                int error = table[i].prepare_error;

                fake_reset(true);
                fake.prepare_errors[table[i].fallback ? 2 : 1] = error;
                fake.answers[1] = table[i].answers[0];
                fake.answers[2] = table[i].answers[1];
                fake.swap_began[1] = table[i].swap_began;
                assert_int_equal(kexec_crash_swap(&ready_loader, &image,
                                                  table[i].fallback ? &old : NULL,
                                                  KEXEC_PREPARE_NEXT, &swap),
                                 error < 0 ? error : table[i].answers[0]);
                assert_true(swap.damaged);
                assert_int_equal(swap.restored, table[i].restored);
                assert_int_equal(swap.unknown, table[i].unknown);
                assert_int_equal(fake.n_calls, table[i].n_calls);
                assert_int_equal(fake.n_freed, 1 + table[i].fallback + (error == 0));
        }
}

/* The loader may do otherwise once nothing is left to be lost. */
static void test_without_a_way_back_it_is_tried_once_more(void **state)
{
        for (int again = 0; again < 2; again++) {
                KexecImage image = KEXEC_IMAGE_NULL;
                _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

                fake_reset(true);
                fake.answers[0] = -ENOMEM;
                fake.swap_began[0] = true;
                fake.answers[1] = again ? 0 : -EIO;
                assert_int_equal(
                        kexec_crash_swap(&fake_loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap),
                        again ? 0 : -ENOMEM);
                assert_int_equal(fake.n_calls, 2);
                assert_int_equal(fake.loaded, again);
                assert_false(swap.restored || swap.unknown);
        }
}

static void test_what_is_damaged_in_the_end_is_told(void **state)
{
        for (int back = 0; back < 2; back++)
                for (int whole = 0; whole < 2; whole++) {
                        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
                        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

                        fake_reset(true);
                        fake.answers[1] = back ? -EPERM : 0;
                        fake.intact[1 + back] = whole;
                        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old,
                                                          KEXEC_PREPARE_NEXT, &swap),
                                         back ? -EPERM : 0);
                        assert_true(swap.damaged);
                        assert_int_equal(swap.restored, back);
                        assert_int_equal(swap.still_damaged, !whole);
                }
}

static void test_whole_load_is_asked_for(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.intact[0] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_WHOLE, &swap),
                         0);
        assert_int_equal(fake.n_prepared, 2);
        assert_int_equal(fake.hows[0], KEXEC_PREPARE_WHOLE);
        assert_int_equal(fake.hows[1], KEXEC_PREPARE_BACK);
        assert_false(swap.damaged || swap.unknown);
}

/* How much this process has read, of whatever. */
static uint64_t read_bytes(void)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(file_read(AT_FDCWD, "/proc/self/io", 4096, &text, NULL), 0);
        assert_memory_equal(text, "rchar: ", 7);
        return strtoull(text + 7, NULL, 10);
}

static KexecImage image_of_zeros(off_t kernel_bytes, off_t initrd_bytes, off_t fallback_bytes)
{
        KexecImage image = {
                .kernel_fd = memfd_create("kernel", MFD_CLOEXEC),
                .initrd_fd = memfd_create("initrd", MFD_CLOEXEC),
                .fallback_fd = memfd_create("fallback", MFD_CLOEXEC),
        };

        assert_int_equal(ftruncate(image.kernel_fd, kernel_bytes), 0);
        assert_int_equal(ftruncate(image.initrd_fd, initrd_bytes), 0);
        assert_int_equal(ftruncate(image.fallback_fd, fallback_bytes), 0);
        return image;
}

static void test_all_files_are_in_memory_before_the_call(void **state)
{
        _cleanup_(kexec_image_done) KexecImage image = image_of_zeros(1 << 20, 2 << 20, 4 << 20),
                                               old = image_of_zeros(8 << 20, 16 << 20, 32 << 20);
        uint64_t before = read_bytes();
        KexecSwap swap;

        fake_reset(true);
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_true(read_bytes() - before >= 63 << 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_swap_replaces),
                cmocka_unit_test(test_busy_kernel_is_asked_again),
                cmocka_unit_test(test_busy_for_ever_keeps_the_old),
                cmocka_unit_test(test_no_load_is_wasted_on_a_busy_kernel),
                cmocka_unit_test(test_load_failure_restores_previous),
                cmocka_unit_test(test_refusal_before_the_swap_restores_nothing),
                cmocka_unit_test(test_both_fail),
                cmocka_unit_test(test_unload),
                cmocka_unit_test(test_all_files_are_in_memory_before_the_call),
                cmocka_unit_test(test_what_cannot_be_made_ready_leaves_the_old_one),
                cmocka_unit_test(test_both_ways_are_ready_before_the_call),
                cmocka_unit_test(test_no_way_back_puts_nothing_at_stake),
                cmocka_unit_test(test_what_is_damaged_is_loaded_whole),
                cmocka_unit_test(test_failed_whole_load_goes_back),
                cmocka_unit_test(test_damaged_image_that_cannot_be_loaded_whole),
                cmocka_unit_test(test_without_a_way_back_it_is_tried_once_more),
                cmocka_unit_test(test_what_is_damaged_in_the_end_is_told),
                cmocka_unit_test(test_whole_load_is_asked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
