/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of wanted.c: from the configuration to what would be loaded. */
#include "test-wanted-bed.h"

#include "rootdir.h"
#include "strv.h"

static void expect_problem(Bed *bed, const char *text)
{
        bed_read(bed);
        assert_non_null(bed->wanted.problem);
        if (!strstr(bed->wanted.problem, text))
                fail_msg("'%s' does not say '%s'", bed->wanted.problem, text);
        assert_null(bed->wanted.base_missing);
        assert_int_equal(bed->wanted.generation.number, 0);
}

static void expect_base_missing(Bed *bed, const char *text)
{
        bed_read(bed);
        assert_null(bed->wanted.problem);
        assert_non_null(bed->wanted.base_missing);
        if (!strstr(bed->wanted.base_missing, text))
                fail_msg("'%s' does not say '%s'", bed->wanted.base_missing, text);
        assert_int_equal(bed->wanted.generation.number, 0);
}

static void test_kernel_is_that_of_the_base(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        expect_base_missing(&bed, "there is no base image");
        bed_build(&bed);
        bed_expect_whole(&bed);
        /* The disk of the configuration is not there: that stands behind all else. */
        assert_non_null(strstr(bed.wanted.warning, "there is no 'UUID="));
        assert_null(bed.wanted.changed_inputs);
        assert_non_null(startswith(bed.wanted.generation.kernel_path, PATH_BASES "/6.1-"));
        assert_non_null(strstr(bed.wanted.generation.kernel_path, "/vmlinuz"));
}

static void test_a_truncated_kernel_is_only_told(void **state)
{
        _cleanup_(bed_done) Bed bed;
        _cleanup_free_ char *sha256 = NULL;

        bed_init(&bed);
        bed_build(&bed);
        bed_expect_whole(&bed);
        sha256 = strdup(bed.wanted.generation.kernel_sha256);
        write_kernel(&bed.root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES / 2);
        bed_expect_whole(&bed);
        assert_string_equal(bed.wanted.generation.kernel_sha256, sha256);
        assert_non_null(strstr(bed.wanted.warning, "cut short"));
        assert_non_null(strstr(bed.wanted.warning, "stays in use"));
        assert_null(bed.wanted.changed_inputs);
}

static void test_a_removed_kernel_package_takes_nothing_away(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        bed_build(&bed);
        assert_int_equal(unlinkat(bed.root.fd, "boot/vmlinuz-6.1", 0), 0);
        assert_int_equal(root_remove_tree(bed.root.fd, "/usr/lib/modules/6.1"), 0);
        bed_expect_whole(&bed);
        /* The disk of the configuration is not there: that stands behind all else. */
        assert_non_null(strstr(bed.wanted.warning, "there is no 'UUID="));
}

static void test_changes_are_listed(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        bed_build(&bed);
        fixture_write(&bed.root, "/usr/lib/libx.so.1.0", "new");
        fixture_write(&bed.root, "/usr/lib/modules/6.1/a-b.ko", "new");
        expect_base_missing(&bed, "/usr/lib/libx.so.1.0' has changed (and 2 more)");
        assert_int_equal(strv_length(bed.wanted.changed_inputs), 3);
        assert_true(strv_contains(bed.wanted.changed_inputs, "/usr/lib/modules/6.1/a-b.ko"));
}

static void test_nobody_tries_what_cannot_be_built(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        write_kernel(&bed.root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES / 2);
        expect_problem(&bed, "cut short");
        assert_int_equal(unlinkat(bed.root.fd, "boot/vmlinuz-6.1", 0), 0);
        expect_problem(&bed, "there is no image of kernel '6.1'");
        assert_int_equal(unlinkat(bed.root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        expect_problem(&bed, "the modules of kernel '6.1' are not installed");
}

static void test_too_small_a_reservation_is_a_problem(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        bed_build(&bed);
        bed.facts.crash_size_bytes = 16 * MIB;
        expect_problem(&bed, "has no room for a kernel");
        /* Not known. */
        bed.facts.crash_size_bytes = 0;
        bed_expect_whole(&bed);
}

static void test_a_bad_configuration_is_a_problem_of_its_own(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        fixture_write(&bed.root, "/etc/kdump.conf", "no_such_directive 1\n");
        expect_problem(&bed, "no_such_directive");
        assert_true(bed.wanted.config_error);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kernel_is_that_of_the_base),
                cmocka_unit_test(test_a_truncated_kernel_is_only_told),
                cmocka_unit_test(test_a_removed_kernel_package_takes_nothing_away),
                cmocka_unit_test(test_changes_are_listed),
                cmocka_unit_test(test_nobody_tries_what_cannot_be_built),
                cmocka_unit_test(test_too_small_a_reservation_is_a_problem),
                cmocka_unit_test(test_a_bad_configuration_is_a_problem_of_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
