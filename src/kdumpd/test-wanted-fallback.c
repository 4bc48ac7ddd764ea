/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of wanted-fallback.c: which fallback image a generation gets, and when the one that it has
 * stays. */
#include "test-wanted-bed.h"

#include <fcntl.h>
#include <zlib.h>

#include "cpio.h"
#include "io.h"
#include "rootdir.h"
#include "wanted-internal.h"

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
        bed_expect_whole(bed);
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
        bed_build(bed);
        bed_expect_whole(bed);
        expect_fallback(bed, 1);
        assert_null(bed->wanted.fallback_missing);
}

static void test_no_fallback_is_no_problem(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        bed_build(&bed);
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
        bed_expect_whole(&bed);
        expect_fallback(&bed, 1);
        /* What is damaged on disk can be written again. */
        fixture_write(&bed.root, PATH_STATE_DIR "/generation/1/fallback.img", "x");
        bed_expect_whole(&bed);
        expect_fallback(&bed, 1);
        assert_int_equal(generation_keep(&bed.store, bed.wanted.overlay, bed.wanted.fallback), 1);
        /* A package is being replaced. */
        assert_int_equal(unlinkat(bed.root.fd, root_relative(PATH_FALLBACK_PROGRAM), 0), 0);
        bed_expect_whole(&bed);
        expect_fallback(&bed, 1);
        assert_non_null(strstr(bed.wanted.fallback_missing, PATH_FALLBACK_PROGRAM));
        /* And the disk is damaged as well: no reason to load something with less. */
        fixture_write(&bed.root, PATH_STATE_DIR "/generation/1/fallback.img", "x");
        bed_expect_whole(&bed);
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
        bed_expect_whole(&bed);
        expect_fallback(&bed, 2);
        arm(&bed);
        bed_expect_whole(&bed);
        expect_fallback(&bed, 2);
}

/* What an older version armed has none. */
static void test_a_generation_gets_the_fallback_that_it_lacks(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        bed_build(&bed);
        expect_no_fallback(&bed, "is not there now");
        arm(&bed);
        expect_no_fallback(&bed, "is not there now");
        assert_true(bed.wanted.generation.number == 1);
        add_disk(&bed);
        bed_expect_whole(&bed);
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
        bed_read_with(&bed, BASE_KEEP_NEWEST);
        assert_non_null(bed.wanted.base_outdated);
        expect_fallback(&bed, 1);
        assert_null(bed.wanted.fallback_missing);
}

#define MODULES "/usr/lib/modules/6.1"
#define DOG "kernel/drivers/watchdog/dog.ko"

static void add_modules(const Bed *bed)
{
        fixture_write(&bed->root, MODULES "/modules.dep",
                      "a-b.ko: packed.ko.xz\npacked.ko.xz:\nkernel/bus.ko:\n" DOG ":\n");
        fixture_write(&bed->root, MODULES "/kernel/bus.ko", "bus");
        fixture_write(&bed->root, MODULES "/" DOG, "dog");
}

/* A watchdog that hangs on a bus gets its driver. */
static void add_watchdog(const Bed *bed)
{
        const Fixture *root = &bed->root;

        fixture_link(root, "/sys/class/watchdog/watchdog0/device", "/sys/devices/bus/dog");
        fixture_link(root, "/sys/devices/bus/driver", "/sys/bus/bus");
        fixture_link(root, "/sys/bus/bus/module", "/sys/module/bus");
        fixture_link(root, "/sys/devices/bus/dog/driver", "/sys/bus/dog");
        fixture_link(root, "/sys/bus/dog/module", "/sys/module/dog");
}

/* The names of the modules in the image, in their order. */
static void expect_modules(const Bed *bed, const char *expected)
{
        z_stream stream = { .next_in = bed->wanted.fallback,
                            .avail_in = (unsigned) bed->wanted.generation.fallback_bytes };
        uint8_t data[65536];
        CpioMemory memory = { .data = data };
        CpioReader reader = { .read = cpio_memory_read, .userdata = &memory };
        _cleanup_free_ char *list = NULL;
        CpioEntry entry;
        size_t size;

        stream.next_out = data;
        stream.avail_out = sizeof(data);
        assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        (void) inflateEnd(&stream);
        memory.left_bytes = sizeof(data) - stream.avail_out;
        while (cpio_next(&reader, &entry) > 0)
                if (streq(entry.name, root_relative(PATH_FALLBACK_MODULES)))
                        assert_int_equal(cpio_read_data(&reader, 4096, &list, &size), 0);
        assert_string_equal(list, expected);
}

#define IN_IMAGE(name) PATH_FALLBACK_MODULE_DIR "/" name ".ko\n"

/* Which comes some time after us, at each boot. */
static void test_fallback_does_not_depend_on_when_the_watchdog_comes(void **state)
{
        static const char *const names[] = { "sys/class/watchdog", "sys/devices/bus" };
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        add_disk(&bed);
        add_modules(&bed);
        bed_build(&bed);
        bed_expect_whole(&bed);
        expect_fallback(&bed, 1);
        expect_modules(&bed, IN_IMAGE("dog") PATH_FALLBACK_MODULE_DIR
                       "/packed.ko.xz\n" IN_IMAGE("a-b") IN_IMAGE("bus"));
        arm(&bed);
        add_watchdog(&bed);
        bed_expect_whole(&bed);
        expect_fallback(&bed, 1);
        /* And so if it was made late, and is looked at early. */
        fixture_write(&bed.root, "/etc/kdump.conf", "ext4 UUID=1234\npath /x\n");
        bed_read(&bed);
        assert_true(bed.wanted.generation.number == 2);
        arm(&bed);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(root_remove_tree(bed.root.fd, names[i]), 0);
        bed_read(&bed);
        assert_true(bed.wanted.generation.number == 2);
        assert_non_null(bed.wanted.fallback);
}

/* A file that has changed, and whether modules may be of another kernel then. */
typedef struct BuildCase {
        const char *path;
        bool other_kernel, gone;
        const char *missing; /* NULL: a fallback image is made */
} BuildCase;

static void check_other_build(const BuildCase *c)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        add_disk(&bed);
        add_modules(&bed);
        bed_build(&bed);
        bed_expect_whole(&bed);
        arm(&bed);
        fixture_write(&bed.root, "/etc/kdump.conf", "ext4 UUID=1234\npath /x\n");
        if (c->path)
                fixture_write(&bed.root, c->path, "new");
        if (c->other_kernel)
                write_kernel(&bed.root, "/boot/vmlinuz-6.1", 2, KERNEL_BYTES);
        if (c->gone)
                assert_int_equal(root_remove_tree(bed.root.fd, MODULES), 0);
        bed_read_with(&bed, BASE_KEEP_NEWEST);
        assert_true(bed.wanted.generation.number == 2);
        assert_true(!bed.wanted.fallback == !!c->missing);
        assert_true(!bed.wanted.generation.fallback_sha256 == !!c->missing);
        if (c->missing && !strstr(bed.wanted.fallback_missing, c->missing))
                fail_msg("'%s' does not say '%s'", bed.wanted.fallback_missing, c->missing);
}

/* A package of the same release: its modules are for its own kernel. */
static void test_fallback_takes_no_modules_of_another_build(void **state)
{
        static const BuildCase cases[] = {
                { .path = NULL },
                { .path = "/usr/lib/libx.so.1.0" },
                { .path = MODULES "/a-b.ko",
                  .missing = "a-b.ko' has changed, and other modules of kernel '6.1'" },
                { .path = MODULES "/modules.dep", .missing = "may not fit" },
                { .other_kernel = true, .missing = "'/boot/vmlinuz-6.1' has changed" },
                { .gone = true, .missing = "cannot read the lists of modules of kernel '6.1'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_other_build(cases + i);
}

/* All targets are on other machines. */
static void test_fallback_saves_to_the_default_folder(void **state)
{
        static char what[] = "other:/export", path[] = "/crash", release[] = "6.1", line[] = "x";
        Target target = { .type = TARGET_NFS, .what = what, .path = path };
        const Plan plan = { .targets = &target, .n_targets = 1 };
        const Config config = { .general = { .timeout_usec = 7 } };
        const Needs needs = { 0 };
        const BaseImage base = { .kernel_release = release };
        _cleanup_(bed_done) Bed bed;
        WantedSources sources = { .store = &bed.store,
                                  .config = &config,
                                  .plan = &plan,
                                  .needs = &needs,
                                  .base = &base };

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
                cmocka_unit_test(test_no_fallback_is_no_problem),
                cmocka_unit_test(test_armed_fallback_stays_as_it_is),
                cmocka_unit_test(test_another_program_is_another_generation),
                cmocka_unit_test(test_a_generation_gets_the_fallback_that_it_lacks),
                cmocka_unit_test(test_fallback_waits_for_a_base_that_is_outdated),
                cmocka_unit_test(test_fallback_does_not_depend_on_when_the_watchdog_comes),
                cmocka_unit_test(test_fallback_takes_no_modules_of_another_build),
                cmocka_unit_test(test_fallback_saves_to_the_default_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
