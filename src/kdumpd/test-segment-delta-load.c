/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests loads of images that are like the one that is armed: as little as possible is loaded, and
 * all of it is there. */
#include "test-segment-bed.h"

#include "test-layout.h"

#define _cleanup_image_ _cleanup_(kexec_image_done)
#define _cleanup_swap_ _cleanup_(kexec_swap_done)

/* The small segments are less. */
#define EDIT_BYTES_MAX (200U * 1024)

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

static void swap_well(const KexecImage *image)
{
        _cleanup_swap_ KexecSwap swap = { 0 };

        bed_new_calls();
        if (bed_swap(image, NULL, KEXEC_PREPARE_NEXT, &swap) < 0)
                fail_msg("%s", swap.message);
        assert_false(swap.damaged);
        assert_int_equal(bed.n_calls, 1);
        assert_int_equal(bed.calls[0].bytes, bed_report()->loaded_bytes);
        bed_check(&bed_report()->place);
}

/* Another overlay, and all files are other ones, as a new generation has them. */
static void test_edit_loads_what_it_changes(void **state)
{
        static const char *const overlays[] = { "b", "a longer one", "b", "" };
        _cleanup_image_ KexecImage first = bed_image("a");
        uint64_t all;

        swap_well(&first);
        all = bed_report()->image_bytes;
        assert_int_equal(bed_report()->loaded_bytes, all);
        for (size_t i = 0; i < ELEMENTSOF(overlays); i++) {
                _cleanup_image_ KexecImage image = bed_image(overlays[i]);

                swap_well(&image);
                assert_false(bed_report()->sparse);
                assert_int_equal(bed_report()->image_bytes, all);
                assert_true(bed_report()->loaded_bytes < EDIT_BYTES_MAX);
                assert_true(bed.calls[0].n_segments <= LAYOUT_SEGMENTS_MAX);
        }
}

static void test_same_bytes_in_other_files_are_left(void **state)
{
        _cleanup_image_ KexecImage first = bed_image("a"), same = bed_image("a");

        swap_well(&first);
        swap_well(&same);
        assert_true(bed_report()->sparse);
}

static void test_longer_command_line_moves_nothing_big(void **state)
{
        _cleanup_image_ KexecImage first = bed_image("a"), longer = bed_image("a");
        size_t n = 1500;

        swap_well(&first);
        free(longer.cmdline);
        longer.cmdline = calloc(1, n + 1);
        assert_non_null(longer.cmdline);
        memset(longer.cmdline, 'x', n);
        swap_well(&longer);
        assert_true(bed_report()->sparse);
}

static void test_other_initramfs_leaves_the_kernel(void **state)
{
        _cleanup_image_ KexecImage first = bed_image("a");
        uint64_t seed = 17;

        swap_well(&first);
        for (size_t i = 0; i < sizeof(bed.files->initrd); i++)
                bed.files->initrd[i] = (uint8_t) test_random(&seed);

        _cleanup_image_ KexecImage other = bed_image("a");

        swap_well(&other);
        assert_true(bed_report()->loaded_bytes < 2 * sizeof(bed.files->initrd) + EDIT_BYTES_MAX);
        assert_true(bed_report()->loaded_bytes > 2 * sizeof(bed.files->initrd));
}

static void test_damage_where_nothing_is_loaded_is_mended(void **state)
{
        _cleanup_image_ KexecImage first = bed_image("a"), next = bed_image("b");
        _cleanup_swap_ KexecSwap swap = { 0 };

        swap_well(&first);
        bed_flip(bed.facts.crash.start + (2 << 20) + 100); /* the kernel */
        bed_new_calls();
        assert_int_equal(bed_swap(&next, &first, KEXEC_PREPARE_NEXT, &swap), 0);
        assert_true(swap.damaged);
        assert_int_equal(bed.n_calls, 2);
        assert_true(bed.calls[0].bytes < EDIT_BYTES_MAX);
        assert_int_equal(bed.calls[1].bytes, bed_report()->image_bytes);
        bed_check(&bed_report()->place);
}

/* What is loaded by it is read back, too. */
static void test_damage_by_the_load_is_mended(void **state)
{
        _cleanup_image_ KexecImage first = bed_image("a"), next = bed_image("b");
        _cleanup_swap_ KexecSwap swap = { 0 };

        swap_well(&first);
        bed_new_calls();
        bed.hits[0] = bed_report()->place.block_paddr[1];
        assert_int_equal(bed_swap(&next, &first, KEXEC_PREPARE_NEXT, &swap), 0);
        assert_true(swap.damaged);
        bed_check(&bed_report()->place);
}

/* Nobody knows then what is there. */
static void test_nothing_is_built_upon_what_failed(void **state)
{
        _cleanup_image_ KexecImage first = bed_image("a"), next = bed_image("b");
        _cleanup_swap_ KexecSwap swap = { 0 };

        swap_well(&first);
        bed_new_calls();
        bed.answers[0] = -EFAULT;
        assert_int_equal(bed_swap(&next, NULL, KEXEC_PREPARE_NEXT, &swap), -EFAULT);
        swap_well(&next);
        assert_int_equal(bed_report()->loaded_bytes, bed_report()->image_bytes);
        swap_well(&first);
        assert_true(bed_report()->loaded_bytes < EDIT_BYTES_MAX);
}

static KexecImage image_random(uint64_t *seed)
{
        _cleanup_free_ char *overlay = calloc(1, 600001);
        size_t n = test_random_up_to(seed, 1) ? test_random_up_to(seed, 600000)
                                              : test_random_up_to(seed, 3000);
        uint8_t byte = (uint8_t) (1 + test_random_up_to(seed, 2));
        KexecImage image;

        assert_non_null(overlay);
        memset(overlay, byte, n);
        for (size_t i = 0; i < n; i += 1 + test_random_up_to(seed, 60000))
                overlay[i] = (char) (1 + test_random_up_to(seed, 200));
        image = bed_image(overlay);
        image.cmdline[test_random_up_to(seed, strlen(image.cmdline))] = '\0';
        return image;
}

static void test_any_image_over_any_other(void **state)
{
        uint64_t seed = 4711, n_loaded = 0, n_image = 0;

        for (unsigned i = 0; i < 60; i++) {
                _cleanup_image_ KexecImage image = image_random(&seed);

                swap_well(&image);
                n_loaded += bed_report()->loaded_bytes;
                n_image += bed_report()->image_bytes;
        }
        assert_true(n_loaded < n_image / 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_edit_loads_what_it_changes),
                TEST(test_same_bytes_in_other_files_are_left),
                TEST(test_longer_command_line_moves_nothing_big),
                TEST(test_other_initramfs_leaves_the_kernel),
                TEST(test_damage_where_nothing_is_loaded_is_mended),
                TEST(test_damage_by_the_load_is_mended),
                TEST(test_nothing_is_built_upon_what_failed),
                TEST(test_any_image_over_any_other),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
