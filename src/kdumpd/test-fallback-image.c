/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of fallback-image.c: images of a machine that is made up, unpacked again. */
#include "fallback-image.h"

#include <sys/stat.h>
#include <zlib.h>

#include "cpio.h"
#include "io.h"
#include "paths.h"
#include "rootdir.h"
#include "strv.h"
#include "test-fixture.h"
#include "test-machine.h"

#define FOLDER "/lib/modules/6.1/"
#define UNPACKED_MAX (1024 * 1024)

static const char dep[] = "kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko\n"
                          "kernel/drivers/virtio/virtio.ko:\n"
                          "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio.ko\n"
                          "kernel/drivers/watchdog/dog.ko:\n"
                          "kernel/drivers/extra.ko:\n"
                          "kernel/drivers/net/e1000.ko:\n"
                          "kernel/drivers/md/dm-mod.ko:\n"
                          "kernel/fs/nfs/nfs.ko:\n"
                          "kernel/fs/nls/nls_cp437.ko:\n"
                          "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko\n"
                          "kernel/fs/jbd2/jbd2.ko:\n"
                          "kernel/fs/quota/quota_tree.ko:\n"
                          "kernel/fs/quota/quota_v2.ko: kernel/fs/quota/quota_tree.ko\n"
                          "kernel/fs/xfs/xfs.ko:\n"
                          "kernel/crypto/crc32c_generic.ko:\n";

static char *drivers[] = {
        (char[]){ "dm_mod" }, (char[]){ "e1000" },     (char[]){ "extra" },    (char[]){ "nfs" },
        (char[]){ "dog" },    (char[]){ "nls_cp437" }, (char[]){ "built_in" }, NULL,
};
static const Needs needs = { .drivers = drivers };

/* The watchdog, what the file system needs, the disk, and what else is asked for by name */
#define MODULES(fs) "dog " fs "virtio virtio_blk virtio_pci extra nls_cp437"

static void make_machine(Fixture *root)
{
        _cleanup_free_ char *lines = strdup(dep);
        char *rest, *line;

        assert_non_null(lines);
        machine_make(root);
        fixture_write(root, FOLDER "modules.dep", dep);
        fixture_write(root, FOLDER "modules.alias", "alias crc32c crc32c_generic\n");
        rest = lines;
        while ((line = strsep(&rest, "\n")) && *line) {
                _cleanup_free_ char *path = NULL;

                line[strcspn(line, ":")] = '\0';
                assert_int_equal(strprintf(&path, FOLDER "%s", line), 0);
                fixture_write(root, path, path);
        }
        fixture_write(root, PATH_FALLBACK_PROGRAM, "\177ELF fallback");
        fixture_link(root, "/sys/class/watchdog/watchdog0/device", "/sys/devices/dog");
        fixture_link(root, "/sys/devices/dog/driver", "/sys/bus/dog");
        fixture_link(root, "/sys/bus/dog/module", "/sys/module/dog");
}

/* An image, unpacked. */
typedef struct Image {
        FallbackArchive archive;
        uint8_t *packed;
        size_t size;
        uint8_t *data;
        size_t data_size;
} Image;

static void image_done(Image *image)
{
        fallback_archive_done(&image->archive);
        free(image->packed);
        free(image->data);
}

static void unpack(Image *image)
{
        z_stream stream = { .next_in = image->packed, .avail_in = (unsigned) image->size };

        image->data = malloc(UNPACKED_MAX);
        assert_non_null(image->data);
        stream.next_out = image->data;
        stream.avail_out = UNPACKED_MAX;
        assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.avail_in, 0);
        image->data_size = UNPACKED_MAX - stream.avail_out;
        (void) inflateEnd(&stream);
}

static void build(const Fixture *root, const Plan *plan, const Target *local, const char *info,
                  Image *ret)
{
        _cleanup_free_ char *message = NULL;

        *ret = (Image){ 0 };
        if (fallback_archive_make(root->fd, "6.1", plan, &needs, local, info, &ret->archive,
                                  &message) < 0)
                fail_msg("%s", message);
        assert_int_equal(fallback_archive_pack(&ret->archive, &ret->packed, &ret->size), 0);
        unpack(ret);
        assert_int_equal(ret->data_size, ret->archive.size);
        assert_memory_equal(ret->data, ret->archive.data, ret->data_size);
}

/* The data of file @path; NULL if the image has none. */
static char *image_file(const Image *image, const char *path, CpioEntry *ret)
{
        CpioMemory memory = { image->data, image->data_size };
        CpioReader reader = { .read = cpio_memory_read, .userdata = &memory };
        char *data = NULL;
        size_t size;
        int r;

        while ((r = cpio_next(&reader, ret)) > 0) {
                if (!streq(ret->name, path + 1))
                        continue;
                assert_int_equal(cpio_read_data(&reader, UNPACKED_MAX, &data, &size), 0);
                return data;
        }
        assert_int_equal(r, 0);
        return NULL;
}

static Plan *image_plan(const Image *image)
{
        CpioEntry entry;
        _cleanup_free_ char *json = image_file(image, PATH_PLAN, &entry), *message = NULL;
        Plan *plan = NULL;

        assert_non_null(json);
        assert_int_equal(entry.mode, S_IFREG | 0600);
        if (plan_from_json(json, strlen(json), &plan, &message) < 0)
                fail_msg("%s", message);
        return plan;
}

/* The names of what the list of modules has, in its order; each must be there as a file. */
static void check_modules(const Image *image, const char *expected)
{
        CpioEntry entry;
        _cleanup_free_ char *list = image_file(image, PATH_FALLBACK_MODULES, &entry), *all = NULL;
        _cleanup_strv_ char **names = NULL;
        char *rest = list, *line;

        assert_non_null(list);
        while ((line = strsep(&rest, "\n")) && *line) {
                _cleanup_free_ char *data = image_file(image, line, &entry);
                const char *name = startswith(line, PATH_FALLBACK_MODULE_DIR "/");

                assert_non_null(name);
                assert_non_null(data);
                assert_non_null(strstr(data, name));
                assert_int_equal(strv_extendf(&names, "%.*s", (int) strcspn(name, "."), name), 0);
        }
        assert_int_equal(strv_join(names, &all), 0);
        assert_string_equal(all, expected);
}

static Target fs_target(const char *what, const char *fstype)
{
        return (Target){ .type = TARGET_FS,
                         .what = s(what),
                         .fstype = s(fstype),
                         .path = s("/crash"),
                         .timeout_usec = 7 };
}

static void test_the_image_has_all_that_runs_there(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(image_done) Image image = { 0 };
        _cleanup_(plan_freep) Plan *plan = NULL;
        _cleanup_free_ char *init = NULL, *info = NULL;
        Target target = fs_target("UUID=aaaa-0001", "ext4");
        const Plan given = {
                .generation = 7, .host = s("127.0.0.1"), .targets = &target, .n_targets = 1
        };
        CpioEntry entry;

        make_machine(&root);
        build(&root, &given, NULL, "OSRELEASE=6.1\n", &image);
        init = image_file(&image, "/init", &entry);
        assert_string_equal(init, "\177ELF fallback");
        assert_int_equal(entry.mode, S_IFREG | 0755);
        info = image_file(&image, PATH_KERNEL_INFO, &entry);
        assert_string_equal(info, "OSRELEASE=6.1\n");
        check_modules(&image, MODULES("crc32c_generic quota_tree quota_v2 jbd2 ext4 "));
        assert_string_equal(image.archive.target_words, "ext4 UUID=aaaa-0001 folder '/crash'");

        plan = image_plan(&image);
        assert_string_equal(plan->image, PLAN_IMAGE_FALLBACK);
        assert_true(plan->generation == 7);
        assert_string_equal(plan->host, "127.0.0.1");
        assert_int_equal(plan->n_targets, 1);
        assert_string_equal(plan->targets[0].what, "UUID=aaaa-0001");
        assert_string_equal(plan->targets[0].path, "/crash");
        assert_true(plan->targets[0].timeout_usec == 7);
}

/* The kernel's types are not known of each kernel. */
static void test_an_image_can_do_without_types(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(image_done) Image image = { 0 };
        Target target = { .type = TARGET_RAW, .what = s("/dev/vda5"), .timeout_usec = 7 };
        const Plan given = { .targets = &target, .n_targets = 1 };
        CpioEntry entry;

        make_machine(&root);
        build(&root, &given, NULL, NULL, &image);
        assert_null(image_file(&image, PATH_KERNEL_INFO, &entry));
        /* And a bare device without a file system. */
        check_modules(&image, MODULES(""));
}

static void test_what_needs_a_program_is_left_out(void **state)
{
        static const struct {
                Action failure, final, expected;
        } cases[] = {
                { ACTION_REBOOT, ACTION_POWEROFF, ACTION_REBOOT },
                { ACTION_HALT, ACTION_REBOOT, ACTION_HALT },
                { ACTION_POWEROFF, ACTION_REBOOT, ACTION_POWEROFF },
                { ACTION_SHELL, ACTION_REBOOT, ACTION_REBOOT },
                { ACTION_SHELL, ACTION_HALT, ACTION_HALT },
                { ACTION_DUMP_TO_ROOTFS, ACTION_REBOOT, ACTION_REBOOT },
        };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        Target targets[] = { { .type = TARGET_SSH, .what = s("a@b"), .path = s("/x") },
                             fs_target("UUID=aaaa-0001", "ext4") };
        char *argv[] = { s("scp"), NULL }, *hooks[] = { s("/hook"), NULL };

        make_machine(&root);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(image_done) Image image = { 0 };
                _cleanup_(plan_freep) Plan *plan = NULL;
                Plan given = {
                        .targets = targets,
                        .n_targets = 2,
                        .rootfs = targets + 1,
                        .collector = { .argv = argv,
                                       .dump_level = 17,
                                       .compression = COMPRESSION_ZSTD,
                                       .format = DUMP_FORMAT_ELF },
                        .kdump_pre = s("/pre"),
                        .pre_d = hooks,
                        .post_d = hooks,
                        .failure_action = cases[i].failure,
                        .final_action = cases[i].final,
                };

                build(&root, &given, NULL, NULL, &image);
                plan = image_plan(&image);
                assert_int_equal(plan->n_targets, 1);
                assert_int_equal(plan->targets[0].type, TARGET_FS);
                assert_null(plan->rootfs);
                assert_null(plan->collector.argv);
                assert_int_equal(plan->collector.dump_level, 17);
                assert_int_equal(plan->collector.compression, COMPRESSION_ZSTD);
                assert_int_equal(plan->collector.format, DUMP_FORMAT_ELF);
                assert_null(plan->kdump_pre);
                assert_null(plan->pre_d);
                assert_null(plan->post_d);
                assert_int_equal(plan->failure_action, cases[i].expected);
                assert_int_equal(plan->final_action, cases[i].final);
        }
}

static void test_equal_input_gives_equal_bytes(void **state)
{
        _cleanup_(fixture_done) Fixture a = FIXTURE_NULL, b = FIXTURE_NULL;
        _cleanup_(image_done) Image image_a = { 0 }, image_b = { 0 };
        Target target = fs_target("UUID=aaaa-0001", "ext4");
        const Plan given = { .targets = &target, .n_targets = 1 };

        make_machine(&a);
        make_machine(&b);
        build(&a, &given, NULL, "X=1\n", &image_a);
        build(&b, &given, NULL, "X=1\n", &image_b);
        assert_int_equal(image_a.size, image_b.size);
        assert_memory_equal(image_a.packed, image_b.packed, image_a.size);
        /* gzip's header, RFC 1952, 2.3: no name, no time */
        assert_memory_equal(image_a.packed, "\x1f\x8b\x08\0\0\0\0\0", 8);
}

static void check_refused(const Fixture *root, const Plan *plan, int error, const char *part)
{
        _cleanup_(fallback_archive_done) FallbackArchive archive = { 0 };
        _cleanup_free_ char *message = NULL;

        assert_int_equal(fallback_archive_make(root->fd, "6.1", plan, &needs, NULL, NULL, &archive,
                                               &message),
                         error);
        assert_null(archive.data);
        assert_null(archive.target_words);
        if (!strstr(message, part))
                fail_msg("'%s' does not say '%s'", message, part);
}

static void test_what_is_missing_is_named(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        Target target = fs_target("UUID=aaaa-0001", "ext4");
        const Plan given = { .targets = &target, .n_targets = 1 };

        make_machine(&root);
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/kernel/fs/jbd2/jbd2.ko", 0), 0);
        check_refused(&root, &given, -ENOENT, "kernel/fs/jbd2/jbd2.ko");
        assert_int_equal(unlinkat(root.fd, root_relative(PATH_FALLBACK_PROGRAM), 0), 0);
        check_refused(&root, &given, -EOPNOTSUPP, PATH_FALLBACK_PROGRAM);
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        check_refused(&root, &given, -ENOENT, "of kernel '6.1'");
}

/* Nobody there can load what a file system asks for when it is mounted. */
static void test_each_file_system_has_what_it_asks_for(void **state)
{
        static const struct {
                const char *fstype, *modules;
        } cases[] = {
                { "ext2", MODULES("crc32c_generic quota_tree quota_v2 jbd2 ext4 ") },
                { "ext3", MODULES("crc32c_generic quota_tree quota_v2 jbd2 ext4 ") },
                { "xfs", MODULES("crc32c_generic xfs ") },
                { "vfat", "dog crc32c_generic nls_cp437 virtio virtio_blk virtio_pci extra" },
        };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        make_machine(&root);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(image_done) Image image = { 0 };
                Target target = fs_target("UUID=aaaa-0001", cases[i].fstype);
                const Plan given = { .targets = &target, .n_targets = 1 };

                build(&root, &given, NULL, NULL, &image);
                check_modules(&image, cases[i].modules);
        }
}

/* Quotas are built in, or not known to the kernel. */
static void test_an_ext4_can_do_without_modules_for_quotas(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(image_done) Image image = { 0 };
        Target target = fs_target("UUID=aaaa-0001", "ext4");
        const Plan given = { .targets = &target, .n_targets = 1 };

        make_machine(&root);
        fixture_write(&root, FOLDER "modules.dep", "kernel/fs/ext4/ext4.ko:\n");
        build(&root, &given, NULL, NULL, &image);
        check_modules(&image, "ext4");
}

/* In the middle of an upgrade: the one that is armed stays (wanted-fallback.c). */
static void test_a_program_for_another_version_of_the_plan_is_refused(void **state)
{
        static const struct {
                const char *program, *why; /* NULL: it is taken */
        } cases[] = {
                { "\177ELF.." PLAN_FALLBACK_MARK_WITH(PLAN_VERSION) "\n..", NULL },
                { "\177ELF.." PLAN_FALLBACK_MARK_WITH(PLAN_VERSION) "", NULL },
                { "\177ELF.." PLAN_FALLBACK_MARK "999", "version '999' of the plan" },
                { PLAN_FALLBACK_MARK "4294967298", "version '4294967298' of the plan" },
                { PLAN_FALLBACK_MARK "99999999999999999999999", "version '999999999999999' of" },
                { PLAN_FALLBACK_MARK "", "version '' of the plan" },
                { "\177ELF that does not say", NULL },
        };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        Target target = fs_target("UUID=aaaa-0001", "ext4");
        const Plan given = { .targets = &target, .n_targets = 1 };

        make_machine(&root);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(image_done) Image image = { 0 };

                fixture_write(&root, PATH_FALLBACK_PROGRAM, cases[i].program);
                if (cases[i].why)
                        check_refused(&root, &given, -EOPNOTSUPP, cases[i].why);
                else
                        build(&root, &given, NULL, NULL, &image);
        }
}

/* There is no program there that could unpack them. */
static void test_modules_that_the_kernel_cannot_unpack_are_refused(void **state)
{
        static const struct {
                const char *running, *compression;
                int r;
        } cases[] = {
                { "6.1\n", "xz\n", 0 },
                { "6.1\n", "zstd\n", -EOPNOTSUPP },
                { "6.1\n", NULL, -EOPNOTSUPP },
                { "6.2\n", NULL, 0 },
                { NULL, NULL, 0 },
        };
        Target target = fs_target("UUID=aaaa-0001", "xfs");
        const Plan given = { .targets = &target, .n_targets = 1 };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(image_done) Image image = { 0 };

                make_machine(&root);
                fixture_write(&root, FOLDER "modules.dep", "kernel/fs/xfs/xfs.ko.xz:\n");
                fixture_write(&root, FOLDER "kernel/fs/xfs/xfs.ko.xz", "xfs.ko.xz");
                if (cases[i].running)
                        fixture_write(&root, "/proc/sys/kernel/osrelease", cases[i].running);
                if (cases[i].compression)
                        fixture_write(&root, "/sys/module/compression", cases[i].compression);
                if (cases[i].r < 0) {
                        check_refused(&root, &given, cases[i].r, "(xz)");
                        continue;
                }
                build(&root, &given, NULL, NULL, &image);
                check_modules(&image, "xfs");
        }
}

static void test_an_image_without_bounds_is_refused(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        Target target = fs_target("UUID=aaaa-0001", "ext4");
        const Plan given = { .targets = &target, .n_targets = 1 };

        make_machine(&root);
        for (size_t i = 0; i < 2; i++) {
                static const char *const files[] = { "kernel/fs/ext4/ext4.ko",
                                                     "kernel/fs/jbd2/jbd2.ko" };
                char path[128];

                (void) snprintf(path, sizeof(path), "%s" FOLDER "%s", root.path, files[i]);
                assert_int_equal(truncate(path, 32 * 1024 * 1024), 0);
        }
        check_refused(&root, &given, -EFBIG, "larger than");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_image_has_all_that_runs_there),
                cmocka_unit_test(test_an_image_can_do_without_types),
                cmocka_unit_test(test_what_needs_a_program_is_left_out),
                cmocka_unit_test(test_equal_input_gives_equal_bytes),
                cmocka_unit_test(test_what_is_missing_is_named),
                cmocka_unit_test(test_each_file_system_has_what_it_asks_for),
                cmocka_unit_test(test_an_ext4_can_do_without_modules_for_quotas),
                cmocka_unit_test(test_a_program_for_another_version_of_the_plan_is_refused),
                cmocka_unit_test(test_modules_that_the_kernel_cannot_unpack_are_refused),
                cmocka_unit_test(test_an_image_without_bounds_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
