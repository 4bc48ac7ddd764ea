/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what is loaded by which system call, and that what is armed is not given away. */
#include "test-segment-bed.h"

#include <sys/resource.h>

#include "loaded.h"
#include "test.h"

#define _cleanup_image_ _cleanup_(kexec_image_done)
#define _cleanup_swap_ _cleanup_(kexec_swap_done)

static int setup(void **state)
{
        bed_init();
        return 0;
}

static int teardown(void **state)
{
        bed_done();
        return 0;
}

static void swap_well(const KexecImage *image, KexecPrepare how)
{
        _cleanup_swap_ KexecSwap swap = { 0 };

        bed_new_calls();
        if (bed_swap(image, NULL, how, &swap) < 0)
                fail_msg("%s", swap.message);
        assert_false(swap.damaged || swap.restored || swap.unknown);
        assert_int_equal(bed.n_calls, 1);
}

static void test_first_load_is_whole_and_the_next_sparse(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a");

        swap_well(&image, KEXEC_PREPARE_NEXT);
        assert_true(bed_report()->guarded && !bed_report()->sparse && !bed_report()->reason);
        assert_string_equal(bed_report()->call, "kexec_load");
        assert_true(bed.calls[0].bytes > 2 * sizeof(bed.files->kernel));
        bed_check(&bed_report()->place);

        swap_well(&image, KEXEC_PREPARE_NEXT);
        assert_true(bed_report()->sparse);
        assert_true(bed.calls[0].bytes < 100000);
        bed_check(&bed_report()->place);

        swap_well(&image, KEXEC_PREPARE_WHOLE);
        assert_false(bed_report()->sparse);
        bed_check(&bed_report()->place);
}

static void test_damage_below_a_sparse_load_is_mended(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a");
        _cleanup_swap_ KexecSwap swap = { 0 };

        swap_well(&image, KEXEC_PREPARE_NEXT);
        bed_new_calls();
        bed_flip(bed.facts.crash.start + (2 << 20) + 100); /* the kernel */
        assert_int_equal(bed_swap(&image, &image, KEXEC_PREPARE_NEXT, &swap), 0);
        assert_true(swap.damaged);
        assert_int_equal(bed.n_calls, 2);
        assert_false(bed_report()->sparse);
        bed_check(&bed_report()->place);
}

/* The way back is all of what was armed. */
static void test_failed_load_has_the_old_one_back(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a"), next = bed_image("b");
        _cleanup_swap_ KexecSwap swap = { 0 };
        uint64_t bytes;

        swap_well(&image, KEXEC_PREPARE_NEXT);
        bytes = bed.calls[0].bytes;
        bed_new_calls();
        bed.answers[0] = -ENOMEM;
        bed.frees[0] = true;
        assert_int_equal(bed_swap(&next, &image, KEXEC_PREPARE_NEXT, &swap), -ENOMEM);
        assert_true(swap.restored);
        assert_int_equal(bed.n_calls, 2);
        assert_int_equal(bed.calls[1].bytes, bytes);
        bed_check(&bed_report()->place);
}

/* An unguarded image is better than none. */
static void test_last_way_back_is_by_file(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a"), next = bed_image("b");
        _cleanup_swap_ KexecSwap swap = { 0 };

        swap_well(&image, KEXEC_PREPARE_NEXT);
        bed_new_calls();
        bed.answers[0] = bed.answers[1] = -EADDRNOTAVAIL;
        bed.frees[0] = true;
        assert_int_equal(bed_swap(&next, &image, KEXEC_PREPARE_NEXT, &swap), -EADDRNOTAVAIL);
        assert_true(swap.restored);
        assert_int_equal(bed.n_calls, 3);
        assert_true(bed.calls[2].file);
        assert_string_equal(bed_report()->call, "kexec_file_load");
        assert_non_null(strstr(bed_report()->reason, "refuses kexec_load(2)"));

        /* The new one is tried by file first if nothing was armed. */
        bed_done();
        bed_init();
        bed.answers[0] = -EINVAL;
        assert_int_equal(bed_swap(&image, &next, KEXEC_PREPARE_NEXT, &swap), 0);
        assert_int_equal(bed.n_calls, 2);
        assert_true(bed.calls[1].file);
        assert_false(bed_report()->guarded);
}

/* What the kernel refuses, and what its files say, beforehand. */
static void test_armed_image_of_ours_is_no_price_for_a_file_load(void **state)
{
        static const struct {
                const char *path, *text; /* NULL: the call is refused */
        } table[] = {
                { NULL, NULL },
                { "sys/kernel/security/lockdown", "none [integrity] confidentiality\n" },
                { "proc/sys/kernel/kexec_load_disabled", "1\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                for (int restarted = 0; restarted < 2; restarted++) {
                        _cleanup_image_ KexecImage image = bed_image("a"), next = bed_image("b");
                        _cleanup_swap_ KexecSwap swap = { 0 };

                        swap_well(&image, KEXEC_PREPARE_NEXT);
                        assert_int_equal(loaded_write(bed.root_fd, &bed_report()->place), 0);
                        if (table[i].path)
                                test_file_write(bed.root_fd, table[i].path, table[i].text);
                        if (restarted)
                                bed_new_loader();
                        bed_new_calls();
                        bed.answers[0] = -EPERM;
                        assert_true(bed_swap(&next, &image, KEXEC_PREPARE_NEXT, &swap) < 0);
                        assert_int_equal(bed.n_calls, !table[i].path);
                        assert_false(bed.calls[0].file || swap.restored || swap.unknown);
                        bed_done();
                        bed_init();
                }
}

/* It is replaced by the one system call that is left. */
static void test_another_ones_image_is_replaced_by_file(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a");

        swap_well(&image, KEXEC_PREPARE_NEXT);
        assert_int_equal(loaded_write(bed.root_fd, &bed_report()->place), 0);
        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                bed_flip(bed_report()->place.block_paddr[i]);
        test_file_write(bed.root_fd, "sys/kernel/security/lockdown", "none [integrity]\n");
        bed_new_loader();
        swap_well(&image, KEXEC_PREPARE_NEXT);
        assert_true(bed.calls[0].file);
        assert_non_null(strstr(bed_report()->reason, "locked down"));
}

/* So is ours, if it would not start. */
static void test_damaged_purgatory_is_replaced_by_file(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a");

        swap_well(&image, KEXEC_PREPARE_NEXT);
        bed_flip(bed_report()->place.purgatory_paddr + 100);
        test_file_write(bed.root_fd, "sys/kernel/security/lockdown", "none [integrity]\n");
        swap_well(&image, KEXEC_PREPARE_WHOLE);
        assert_true(bed.calls[0].file);
        assert_false(bed_report()->guarded);
}

/* The first daemon after kdump-tools has none. */
static void test_without_a_way_back_the_file_load_is_one(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a"), next = bed_image("b");
        _cleanup_swap_ KexecSwap swap = { 0 };

        swap_well(&image, KEXEC_PREPARE_NEXT);
        bed_new_calls();
        bed.answers[0] = bed.answers[1] = -ENOMEM;
        bed.frees[0] = true;
        assert_int_equal(bed_swap(&next, NULL, KEXEC_PREPARE_WHOLE, &swap), 0);
        assert_int_equal(bed.n_calls, 3);
        assert_true(bed.calls[2].file);
        assert_non_null(strstr(bed_report()->reason, "refuses kexec_load(2)"));
}

static void test_what_no_image_can_be_made_of_is_loaded_by_file(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a");

        swap_well(&image, KEXEC_PREPARE_NEXT);
        test_file_write(bed.root_fd, "proc/iomem", "what?\n");
        swap_well(&image, KEXEC_PREPARE_NEXT);
        assert_true(bed.calls[0].file);
        assert_non_null(strstr(bed_report()->reason, "Line 1"));
}

/* No file can be opened any more. */
static int swap_without_files(const KexecImage *image, const KexecImage *fallback, KexecSwap *ret)
{
        struct rlimit before, limit;
        int fd, r;

        fd = open("/", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        limit = before;
        limit.rlim_cur = (rlim_t) fd;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        r = kexec_crash_swap(bed.ops, image, fallback, KEXEC_PREPARE_NEXT, ret);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        return r;
}

/* Whether this process has armed it or not. */
static void test_lack_of_files_is_no_reason_for_a_file_load(void **state)
{
        _cleanup_image_ KexecImage image = bed_image("a");
        LoadedPlace place;

        swap_well(&image, KEXEC_PREPARE_NEXT);
        place = bed_report()->place;
        for (int restarted = 0; restarted < 2; restarted++) {
                _cleanup_swap_ KexecSwap swap = { 0 };

                bed_new_calls();
                assert_int_equal(swap_without_files(&image, &image, &swap), -EMFILE);
                assert_non_null(strstr(swap.message, "open files"));
                assert_int_equal(bed.n_calls, 0);
                assert_false(swap.unknown);
                bed_check(&place);
                bed_new_loader();
        }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_first_load_is_whole_and_the_next_sparse),
                TEST(test_damage_below_a_sparse_load_is_mended),
                TEST(test_failed_load_has_the_old_one_back),
                TEST(test_last_way_back_is_by_file),
                TEST(test_armed_image_of_ours_is_no_price_for_a_file_load),
                TEST(test_another_ones_image_is_replaced_by_file),
                TEST(test_damaged_purgatory_is_replaced_by_file),
                TEST(test_without_a_way_back_the_file_load_is_one),
                TEST(test_what_no_image_can_be_made_of_is_loaded_by_file),
                TEST(test_lack_of_files_is_no_reason_for_a_file_load),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
