/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of wanted.c: from the configuration to what would be loaded. */
#include "wanted.h"

#include "test-system.h"

#include <fcntl.h>

#include "io.h"
#include "rootdir.h"
#include "strv.h"
#include "wanted-internal.h"

#define MIB (UINT64_C(1024) * 1024)

typedef struct Bed {
        Fixture root;
        Facts facts;
        GenerationStore store;
        Wanted wanted;
} Bed;

static void bed_init(Bed *bed)
{
        static char release[] = "6.1", cmdline[] = "root=/dev/vda1 ro", hostname[] = "box";

        *bed = (Bed){ 0 };
        make_system(&bed->root);
        fixture_write(&bed->root, "/etc/kdump.conf", "ext4 UUID=1234\n");
        fixture_write(&bed->root, "/proc/self/mountinfo", "");
        bed->facts = (Facts){ .kernel_release = release,
                              .kernel_cmdline = cmdline,
                              .hostname = hostname,
                              .crash_size_bytes = 256 * MIB };
        assert_int_equal(generation_store_load(bed->root.fd, &bed->store), 0);
}

static void bed_done(Bed *bed)
{
        wanted_done(&bed->wanted);
        generation_store_done(&bed->store);
        fixture_done(&bed->root);
}

static void read_wanted_with(Bed *bed, const char *keep_id)
{
        wanted_done(&bed->wanted);
        assert_int_equal(wanted_read(bed->root.fd, &bed->facts, &bed->store, NULL, keep_id, true,
                                     &bed->wanted),
                         0);
}

static void read_wanted(Bed *bed)
{
        read_wanted_with(bed, NULL);
}

/* Has what is wanted built. */
static void build(const Bed *bed)
{
        static char ext4[] = "ext4";
        static char *drivers[] = { ext4, NULL };
        _cleanup_(base_image_done) BaseImage base = { 0 };

        assert_int_equal(
                image_build_below(bed->root.path,
                                  &(BaseRequest){ .kernel_release = "6.1", .drivers = drivers },
                                  &base),
                0);
}

static void expect_whole(Bed *bed)
{
        read_wanted(bed);
        if (bed->wanted.problem || bed->wanted.base_missing)
                fail_msg("%s", bed->wanted.problem ?: bed->wanted.base_missing);
        assert_true(bed->wanted.generation.number > 0);
}

static void expect_problem(Bed *bed, const char *text)
{
        read_wanted(bed);
        assert_non_null(bed->wanted.problem);
        if (!strstr(bed->wanted.problem, text))
                fail_msg("'%s' does not say '%s'", bed->wanted.problem, text);
        assert_null(bed->wanted.base_missing);
        assert_int_equal(bed->wanted.generation.number, 0);
}

static void expect_base_missing(Bed *bed, const char *text)
{
        read_wanted(bed);
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
        build(&bed);
        expect_whole(&bed);
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
        build(&bed);
        expect_whole(&bed);
        sha256 = strdup(bed.wanted.generation.kernel_sha256);
        write_kernel(&bed.root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES / 2);
        expect_whole(&bed);
        assert_string_equal(bed.wanted.generation.kernel_sha256, sha256);
        assert_non_null(strstr(bed.wanted.warning, "cut short"));
        assert_non_null(strstr(bed.wanted.warning, "stays in use"));
        assert_null(bed.wanted.changed_inputs);
}

static void test_a_removed_kernel_package_takes_nothing_away(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        build(&bed);
        assert_int_equal(unlinkat(bed.root.fd, "boot/vmlinuz-6.1", 0), 0);
        assert_int_equal(root_remove_tree(bed.root.fd, "/usr/lib/modules/6.1"), 0);
        expect_whole(&bed);
        /* The disk of the configuration is not there: that stands behind all else. */
        assert_non_null(strstr(bed.wanted.warning, "there is no 'UUID="));
}

static void test_changes_are_listed(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        build(&bed);
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
        build(&bed);
        bed.facts.crash_size_bytes = 16 * MIB;
        expect_problem(&bed, "has no room for a kernel");
        /* Not known. */
        bed.facts.crash_size_bytes = 0;
        expect_whole(&bed);
}

static void test_a_bad_configuration_is_a_problem_of_its_own(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        fixture_write(&bed.root, "/etc/kdump.conf", "no_such_directive 1\n");
        expect_problem(&bed, "no_such_directive");
        assert_true(bed.wanted.config_error);
}

#define DISK "/sys/devices/pci0/block/vda"

/* A partition that targets can be on, and the program that saves to it. */
static void add_disk(const Bed *bed)
{
        const Fixture *root = &bed->root;

        fixture_write(root, PATH_FALLBACK_PROGRAM, "program");
        fixture_folder(root, DISK "/slaves");
        fixture_folder(root, DISK "/vda1");
        fixture_link(root, "/sys/dev/block/254:1", "../../devices/pci0/block/vda/vda1");
        fixture_link(root, "/sys/class/block/vda1", "../../devices/pci0/block/vda/vda1");
        fixture_write(root, "/dev/vda1", "");
        fixture_link(root, "/dev/disk/by-uuid/1234", "../../vda1");
}

/* What is wanted becomes what is armed. */
static void arm(Bed *bed)
{
        const Wanted *w = &bed->wanted;

        assert_true(w->generation.number == bed->store.next);
        assert_int_equal(generation_write(&bed->store, &w->generation, w->overlay, w->fallback), 0);
        assert_int_equal(generation_adopt(&bed->store, &w->generation, false), 0);
}

static void expect_fallback(const Bed *bed, uint64_t number)
{
        const Generation *g = &bed->wanted.generation;
        char hex[SHA256_HEX_SIZE];

        assert_true(g->number == number);
        assert_non_null(g->fallback_sha256);
        assert_non_null(bed->wanted.fallback);
        assert_int_equal(generation_hash(bed->wanted.fallback, g->fallback_bytes, hex), 0);
        assert_string_equal(g->fallback_sha256, hex);
        assert_string_equal(g->fallback_target, "ext4 UUID=1234 folder '/var/crash'");
        assert_non_null(strstr(g->fallback_cmdline, " kdumpd.fallback=1"));
}

static void expect_no_fallback(Bed *bed, const char *why)
{
        expect_whole(bed);
        assert_null(bed->wanted.generation.fallback_sha256);
        assert_null(bed->wanted.generation.fallback_cmdline);
        assert_null(bed->wanted.fallback);
        if (!strstr(bed->wanted.fallback_missing, why))
                fail_msg("'%s' does not say '%s'", bed->wanted.fallback_missing, why);
}

static void bed_init_with_fallback(Bed *bed)
{
        bed_init(bed);
        add_disk(bed);
        build(bed);
        expect_whole(bed);
        expect_fallback(bed, 1);
        assert_null(bed->wanted.fallback_missing);
}

static void test_no_fallback_is_no_problem(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        build(&bed);
        expect_no_fallback(&bed, "is not there now");
        add_disk(&bed);
        assert_int_equal(unlinkat(bed.root.fd, root_relative(PATH_FALLBACK_PROGRAM), 0), 0);
        expect_no_fallback(&bed, PATH_FALLBACK_PROGRAM);
}

static void test_armed_fallback_stays_as_it_is(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init_with_fallback(&bed);
        arm(&bed);
        expect_whole(&bed);
        expect_fallback(&bed, 1);
        /* What is damaged on disk can be written again. */
        fixture_write(&bed.root, PATH_STATE_DIR "/generation/1/fallback.img", "x");
        expect_whole(&bed);
        expect_fallback(&bed, 1);
        assert_int_equal(generation_keep(&bed.store, bed.wanted.overlay, bed.wanted.fallback), 1);
        /* A package is being replaced. */
        assert_int_equal(unlinkat(bed.root.fd, root_relative(PATH_FALLBACK_PROGRAM), 0), 0);
        expect_whole(&bed);
        expect_fallback(&bed, 1);
        assert_non_null(strstr(bed.wanted.fallback_missing, PATH_FALLBACK_PROGRAM));
        /* And the disk is damaged as well: no reason to load something with less. */
        fixture_write(&bed.root, PATH_STATE_DIR "/generation/1/fallback.img", "x");
        expect_whole(&bed);
        assert_true(bed.wanted.generation.number == 1);
        assert_null(bed.wanted.fallback);
        assert_true(generation_same_image(&bed.wanted.generation, &bed.store.current));
}

static void test_another_program_is_another_generation(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init_with_fallback(&bed);
        arm(&bed);
        fixture_write(&bed.root, PATH_FALLBACK_PROGRAM, "another");
        expect_whole(&bed);
        expect_fallback(&bed, 2);
        arm(&bed);
        expect_whole(&bed);
        expect_fallback(&bed, 2);
}

/* What an older version armed has none. */
static void test_a_generation_gets_the_fallback_that_it_lacks(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        build(&bed);
        expect_no_fallback(&bed, "is not there now");
        arm(&bed);
        expect_no_fallback(&bed, "is not there now");
        assert_true(bed.wanted.generation.number == 1);
        add_disk(&bed);
        expect_whole(&bed);
        expect_fallback(&bed, 2);
}

/* Its modules are those of the base's kernel. */
static void test_fallback_waits_for_a_base_that_is_outdated(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init_with_fallback(&bed);
        arm(&bed);
        fixture_write(&bed.root, "/usr/lib/libx.so.1.0", "new");
        fixture_write(&bed.root, PATH_FALLBACK_PROGRAM, "another");
        read_wanted_with(&bed, BASE_KEEP_NEWEST);
        assert_non_null(bed.wanted.base_outdated);
        expect_fallback(&bed, 1);
        assert_null(bed.wanted.fallback_missing);
}

/* All targets are on other machines. */
static void test_fallback_saves_to_the_default_folder(void **state)
{
        static char what[] = "other:/export", path[] = "/crash", release[] = "6.1", line[] = "x";
        Target target = { .type = TARGET_NFS, .what = what, .path = path };
        const Plan plan = { .targets = &target, .n_targets = 1 };
        const Config config = { .general = { .timeout_usec = 7 } };
        const Needs needs = { 0 };
        _cleanup_(bed_done) Bed bed;
        WantedSources sources = {
                .store = &bed.store, .config = &config, .plan = &plan, .needs = &needs
        };

        bed_init(&bed);
        add_disk(&bed);
        sources.root_fd = bed.root.fd;
        bed.wanted.generation.number = 9;
        bed.wanted.generation.kernel_release = strdup(release);
        bed.wanted.generation.cmdline = strdup(line);
        fixture_write(&bed.root, "/proc/self/mountinfo",
                      "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n");
        assert_int_equal(wanted_make_fallback(&sources, &bed.wanted), 0);
        if (bed.wanted.fallback_missing)
                fail_msg("%s", bed.wanted.fallback_missing);
        expect_fallback(&bed, 9);

        fixture_write(&bed.root, "/proc/self/mountinfo",
                      "22 1 0:30 / / rw,relatime shared:1 - nfs4 other:/x rw\n");
        assert_int_equal(wanted_make_fallback(&sources, &bed.wanted), 0);
        assert_null(bed.wanted.fallback);
        assert_non_null(strstr(bed.wanted.fallback_missing, "is on another machine"));
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
                cmocka_unit_test(test_no_fallback_is_no_problem),
                cmocka_unit_test(test_armed_fallback_stays_as_it_is),
                cmocka_unit_test(test_another_program_is_another_generation),
                cmocka_unit_test(test_a_generation_gets_the_fallback_that_it_lacks),
                cmocka_unit_test(test_fallback_waits_for_a_base_that_is_outdated),
                cmocka_unit_test(test_fallback_saves_to_the_default_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
