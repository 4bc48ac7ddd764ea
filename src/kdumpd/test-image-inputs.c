/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what makes a base image out of date: image-inputs.c, image.c. */
#include "test-system.h"

#include <fcntl.h>

#include "io.h"
#include "rootdir.h"
#include "strv.h"

static void expect_warned(const Fixture *root, const char *id, const char *warning)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };

        assert_int_equal(image_find(root->fd, NULL, &test_request, &base, &findings), 1);
        assert_string_equal(base.id, id);
        assert_non_null(findings.warning);
        if (!strstr(findings.warning, warning))
                fail_msg("'%s' does not say '%s'", findings.warning, warning);
}

static void expect_can_build(const Fixture *root, bool can, const char *why)
{
        _cleanup_free_ char *because = NULL;

        assert_int_equal(image_can_build(root->fd, &test_request, &because), can);
        assert_int_equal(because == NULL, can);
        if (!can && !strstr(because, why))
                fail_msg("'%s' does not say '%s'", because, why);
}

/* Whatever becomes of the file it was copied from. */
static void test_kernel_is_kept_with_the_image(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_free_ char *one = NULL, *two = NULL;
        size_t size;

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        assert_int_equal(file_read(root.fd, "boot/vmlinuz-6.1", 65536, &one, &size), 0);
        assert_int_equal(size, base.kernel_bytes);
        assert_int_equal(root_read(root.fd, base.kernel_path, 65536, &two, &size), 0);
        assert_int_equal(size, base.kernel_bytes);
        assert_memory_equal(one, two, size);
        expect_can_build(&root, true, NULL);
        write_kernel(&root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES / 2);
        expect_warned(&root, base.id, "vmlinuz-6.1' cannot be loaded as a kernel: it is cut short");
        expect_can_build(&root, false, "it is cut short");
        write_kernel(&root, "/boot/vmlinuz-6.1", 1, 0);
        expect_warned(&root, base.id, "it is empty");
        fixture_write(&root, "/boot/vmlinuz-6.1", "no kernel");
        expect_warned(&root, base.id, "it is not a bzImage");
        assert_int_equal(unlinkat(root.fd, "boot/vmlinuz-6.1", 0), 0);
        expect_found(&root, &test_request, base.id);
        expect_can_build(&root, false, "there is no image of kernel '6.1'");
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        expect_found(&root, &test_request, base.id);
        expect_can_build(&root, false, "the modules of kernel '6.1' are not installed");
        /* The copy is all there is. */
        fixture_write(&root, base.kernel_path, "short");
        expect_none(&root, &test_request, "vmlinuz' is missing or of another size");
        fixture_write_bytes(&root, base.kernel_path, one, base.kernel_bytes);
        expect_found(&root, &test_request, base.id);
        one[700] ^= 1;
        fixture_write_bytes(&root, base.kernel_path, one, base.kernel_bytes);
        expect_none(&root, &test_request, "vmlinuz' is damaged");
}

/* What modules.builtin said of them is gone as well. */
static void test_without_modules_all_are_taken_to_be_there(void **state)
{
        static char ext4[] = "ext4", xfs[] = "xfs";
        static char *more_drivers[] = { ext4, xfs, NULL };
        const BaseRequest wanted = { "6.1", more_drivers, NULL, NULL };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 }, again = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        expect_none(&root, &wanted, "module 'xfs' is not in");
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        assert_int_equal(image_find(root.fd, NULL, &wanted, &again, &findings), 1);
        assert_string_equal(again.id, base.id);
        assert_non_null(strstr(findings.warning, "module 'xfs' may not be in"));
}

static void test_a_damaged_kernel_is_not_built_for(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };

        make_system(&root);
        write_kernel(&root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES - 16);
        assert_int_equal(image_build_below(root.path, &test_request, &base), -EBADMSG);
        assert_int_equal(unlinkat(root.fd, "boot/vmlinuz-6.1", 0), 0);
        assert_int_equal(image_build_below(root.path, &test_request, &base), -ENOENT);
        write_kernel(&root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES);
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        assert_int_equal(image_build_below(root.path, &test_request, &base), -ENOENT);
        expect_none(&root, &test_request, "there is no base image");
}

static void flip_kernel_bit(const Fixture *root, off_t offset)
{
        _cleanup_close_ int fd = openat(root->fd, "boot/vmlinuz-6.1", O_RDWR | O_CLOEXEC);
        uint8_t byte;

        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &byte, 1, offset), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
}

/* What it has around that is whole: nothing but unpacking it can tell. */
static void test_a_kernel_that_cannot_be_unpacked_is_not_built_for(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage good = { 0 }, base = { 0 };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &good), 0);
        flip_kernel_bit(&root, KERNEL_PAYLOAD + 12);
        assert_int_equal(image_build_below(root.path, &test_request, &base), -EBADMSG);
        flip_kernel_bit(&root, KERNEL_PAYLOAD + 12);
        /* What was built is as it was. */
        expect_found(&root, &test_request, good.id);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        assert_string_equal(base.id, good.id);
}

/* An unusual kernel may be one that kexec_file_load(2) takes. */
static void test_a_kernel_of_which_nothing_is_known_is_built_for(void **state)
{
        static const off_t fields[] = { 0x24c, 0x236 }; /* payload_length, xloadflags */

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(base_image_done) BaseImage base = { 0 };
                _cleanup_close_ int fd = -EBADF;

                make_system(&root);
                fd = openat(root.fd, "boot/vmlinuz-6.1", O_RDWR | O_CLOEXEC);
                assert_true(fd >= 0);
                assert_int_equal(pwrite(fd, "\0", 1, fields[i]), 1);
                assert_int_equal(pwrite(fd, "\0", 1, KERNEL_PAYLOAD), 1);
                assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        }
}

/* Images that were made before the kernel was kept with them. */
static void test_a_base_without_a_kernel_is_built_anew(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        make_system(&root);
        fixture_write(&root, PATH_BASES "/6.1-0123456789ab/manifest.json",
                      "{\"kernel_release\":\"6.1\",\"plan_version\":2,\"sha256\":\"\","
                      "\"size_bytes\":1,\"created_usec\":1,\"drivers\":[\"ext4\"],"
                      "\"binaries\":[\"/usr/bin/tool\"],\"inputs\":[]}");
        expect_none(&root, &test_request, "'6.1-0123456789ab' has no kernel with it");
        assert_int_equal(image_prune(root.fd, NULL), 0);
        expect_none(&root, &test_request, "there is no base image");
}

static void test_every_file_of_the_image_counts(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };
        _cleanup_strv_ char **paths = NULL;

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        assert_int_equal(image_inputs(root.fd, base.id, &paths), 0);
        assert_true(strv_contains(paths, "/usr/lib/kdumpd/kdump-capture"));
        assert_true(strv_contains(paths, "/usr/lib/libx.so.1.0"));
        assert_true(strv_contains(paths, "/usr/lib/libx.so.1"));
        assert_true(strv_contains(paths, "/usr/lib/modules/6.1/a-b.ko"));
        assert_true(strv_contains(paths, "/usr/lib/modules/6.1/packed.ko.xz"));
        assert_true(strv_contains(paths, "/boot/vmlinuz-6.1"));
        assert_true(strv_contains(paths, "/lib/modules/6.1/modules.dep"));
        assert_false(strv_contains(paths, "/etc/made-by-dracut"));
        assert_false(strv_contains(paths, "/usr/lib/not-here"));

        /* A file of the same content, and one that dracut has made. */
        fixture_write(&root, "/usr/lib/libx.so.1.0", "library");
        fixture_write(&root, "/etc/made-by-dracut", "whatever");
        expect_found(&root, &test_request, base.id);
        /* A new library beside the old one. */
        fixture_write(&root, "/usr/lib/libx.so.1.1", "new library");
        assert_int_equal(unlinkat(root.fd, "usr/lib/libx.so.1", 0), 0);
        fixture_link(&root, "/usr/lib/libx.so.1", "libx.so.1.1");
        assert_int_equal(unlinkat(root.fd, "usr/lib/libx.so.1.0", 0), 0);
        expect_none(&root, &test_request, "'/usr/lib/libx.so.1' has changed");
        fixture_write(&root, "/usr/lib/modules/6.1/packed.ko.xz", "new");
        assert_int_equal(image_find(root.fd, NULL, &test_request, &base, &findings), 0);
        assert_int_equal(strv_length(findings.changed), 2);
        assert_string_equal(findings.why, "'/usr/lib/modules/6.1/packed.ko.xz' has changed (and 1 "
                                          "more)");
}

static void test_what_is_in_use_may_be_kept(void **state)
{
        static char nvme[] = "nvme";
        static char *drivers[] = { nvme, NULL };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage first = { 0 }, second = { 0 }, found = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };
        BaseRequest request = test_request;

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &first), 0);
        request.keep_id = first.id;
        expect_found(&root, &request, first.id);

        fixture_write(&root, "/usr/lib/libx.so.1.0", "new library");
        expect_none(&root, &test_request, "'/usr/lib/libx.so.1.0' has changed");
        assert_int_equal(image_find(root.fd, NULL, &request, &found, &findings), 1);
        assert_string_equal(found.id, first.id);
        assert_non_null(strstr(findings.why, "' has changed (and 1 more)"));
        assert_true(strv_contains(findings.changed, "/usr/lib/libx.so.1.0"));

        /* But not if it lacks something, or is damaged, or is not the one. */
        request.drivers = drivers;
        fixture_write(&root, "/usr/lib/modules/6.1/modules.dep", "nvme.ko:\n");
        expect_none(&root, &request, "module 'nvme' is not in base image");
        request.drivers = test_request.drivers;
        request.keep_id = "6.1-ffffffffffff";
        expect_none(&root, &request, "has changed");
        request.keep_id = BASE_KEEP_NEWEST;
        expect_found(&root, &request, first.id);
        request.keep_id = first.id;
        fixture_write(&root, first.path, "damage");
        expect_none(&root, &request, "has changed");

        /* One that is up to date goes before it. */
        assert_int_equal(image_build_below(root.path, &test_request, &second), 0);
        expect_found(&root, &request, second.id);
}

/* dracut may have copied the file before or after the change: all of them count as changed, once.
 */
static void test_a_change_during_the_build_is_one_afterwards(void **state)
{
        static const struct {
                const char *command, *path;
        } cases[] = {
                { "echo new > usr/lib/libx.so.1.0", "/usr/lib/libx.so.1.0" },
                { "echo new > lib/new && mv lib/new lib/libx.so.1.0", "/usr/lib/libx.so.1.0" },
                { "echo new > usr/lib/new && ln -sf new usr/lib/libx.so.1", "/usr/lib/libx.so.1" },
                { "echo new > etc/made-by-dracut", "/etc/made-by-dracut" },
                { "echo new > usr/lib/not-here", "/usr/lib/not-here" },
                { "echo new > lib/modules/6.1/packed.ko.xz", "/usr/lib/modules/6.1/packed.ko.xz" },
                { "echo a-b.ko: > lib/modules/6.1/modules.dep", "/lib/modules/6.1/modules.dep" },
                { "echo new > usr/bin/tool", "/usr/bin/tool" },
                { "echo new > usr/lib/kdumpd/kdump-capture", "/usr/lib/kdumpd/kdump-capture" },
                { "cat boot/vmlinuz-6.1 boot/vmlinuz-6.1 > b && mv b boot/vmlinuz-6.1",
                  "/boot/vmlinuz-6.1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(base_image_done) BaseImage base = { 0 };
                _cleanup_(image_findings_done) ImageFindings findings = { 0 };

                make_system(&root);
                fixture_write(&root, "/during", cases[i].command);
                assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
                base_image_done(&base);
                assert_int_equal(image_find(root.fd, NULL, &test_request, &base, &findings), 0);
                if (!strv_contains(findings.changed, cases[i].path))
                        fail_msg("'%s' is not seen: %s", cases[i].path, findings.why);
        }
}

/* What of the modules is of no concern. */
static void test_other_modules_do_not_count(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        fixture_write(&root, "/lib/modules/6.1/modules.dep",
                      "updates/zfs.ko:\na-b.ko: packed.ko.xz\npacked.ko.xz:\n");
        expect_found(&root, &test_request, base.id);
        fixture_write(&root, "/lib/modules/6.1/modules.dep",
                      "updates/a-b.ko:\na-b.ko: packed.ko.xz\npacked.ko.xz:\n");
        expect_none(&root, &test_request, "modules.dep' has changed");
        /* One that was to be in the image and was not there then. */
        fixture_write(&root, "/lib/modules/6.1/modules.dep",
                      "a-b.ko: packed.ko.xz\npacked.ko.xz:\nupdates/ext4.ko:\n");
        expect_none(&root, &test_request, "modules.dep' has changed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kernel_is_kept_with_the_image),
                cmocka_unit_test(test_without_modules_all_are_taken_to_be_there),
                cmocka_unit_test(test_a_damaged_kernel_is_not_built_for),
                cmocka_unit_test(test_a_kernel_that_cannot_be_unpacked_is_not_built_for),
                cmocka_unit_test(test_a_kernel_of_which_nothing_is_known_is_built_for),
                cmocka_unit_test(test_a_base_without_a_kernel_is_built_anew),
                cmocka_unit_test(test_every_file_of_the_image_counts),
                cmocka_unit_test(test_what_is_in_use_may_be_kept),
                cmocka_unit_test(test_a_change_during_the_build_is_one_afterwards),
                cmocka_unit_test(test_other_modules_do_not_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
