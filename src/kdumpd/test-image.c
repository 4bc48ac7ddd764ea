/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of image.c and image-build.c with a program in the place of dracut. */
#include "test-system.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "rootdir.h"
#include "strv.h"

static char tool[] = "/usr/bin/tool", ext4[] = "ext4", xfs[] = "xfs", extra[] = "--extra";
static char *no_list[] = { NULL };
static char *tools[] = { tool, NULL };
static char *drivers[] = { ext4, NULL };
static char *more_drivers[] = { ext4, xfs, NULL };
static char *extra_args[] = { extra, NULL };

static void test_build_and_find(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_free_ char *args = NULL, *seen = NULL;
        _cleanup_strv_ char **names = NULL;
        struct stat st;

        make_system(&root);
        expect_none(&root, &test_request, "there is no base image for kernel 6.1");
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        assert_non_null(startswith(base.id, "6.1-"));
        assert_int_equal(strlen(base.id), strlen("6.1-") + 12);
        assert_non_null(startswith(base.path, PATH_STATE_DIR "/base/6.1-"));
        assert_int_equal(fstatat(root.fd, root_relative(base.path), &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
        assert_int_equal(st.st_size, base.size_bytes);
        expect_found(&root, &test_request, base.id);
        expect_found(&root, &(BaseRequest){ "6.1", NULL, no_list, NULL }, base.id);

        assert_int_equal(file_read(root.fd, "args", 4096, &args, NULL), 0);
        assert_non_null(strstr(args, "--kver=6.1"));
        assert_int_equal(file_read(root.fd, "seen", 4096, &seen, NULL), 0);
        assert_non_null(startswith(seen, "ext4\n{"));
        assert_non_null(strstr(seen, "plan_version"));
        /* The work folder is gone. */
        assert_int_equal(root_list(root.fd, PATH_STATE_DIR, &names), 0);
        assert_int_equal(strv_length(names), 2);
        assert_string_equal(names[0], "base");
        assert_string_equal(names[1], "build.lock");
}

static void test_what_asks_for_a_new_image(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        expect_none(&root, &(BaseRequest){ "6.2", drivers, tools, NULL }, "for kernel 6.2");
        expect_none(&root, &(BaseRequest){ "6.1", more_drivers, tools, NULL }, "module 'xfs'");
        expect_none(&root, &(BaseRequest){ "6.1", drivers, extra_args, NULL }, "program '--extra'");
        expect_none(&root, &(BaseRequest){ "6.1", drivers, tools, extra_args }, "dracut_args");
        fixture_write(&root, "/usr/bin/tool", "two");
        expect_none(&root, &test_request, "'/usr/bin/tool' has changed");
        fixture_write(&root, "/usr/bin/tool", "one");
        fixture_write(&root, "/usr/lib/dracut/modules.d/99kdump/module-setup.sh", "two");
        expect_none(&root, &test_request, "module-setup.sh' has changed");
        fixture_write(&root, "/usr/lib/dracut/modules.d/99kdump/module-setup.sh", "one");
        write_kernel(&root, "/boot/vmlinuz-6.1", 2, KERNEL_BYTES);
        expect_none(&root, &test_request, "'/boot/vmlinuz-6.1' has changed");
        write_kernel(&root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES);
        expect_found(&root, &test_request, base.id);

        fixture_write(&root, base.path, "short");
        expect_none(&root, &test_request, "of another size");
        make_image(&root, base.path, PART_GOOD);
        expect_found(&root, &test_request, base.id);
}

static void test_damaged_image_is_replaced(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 }, again = { 0 };
        _cleanup_free_ char *zeros = NULL;

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        zeros = calloc(1, base.size_bytes);
        assert_non_null(zeros);
        fixture_write_bytes(&root, base.path, zeros, base.size_bytes);
        expect_none(&root, &test_request, "is damaged");
        assert_int_equal(image_build_below(root.path, &test_request, &again), 0);
        assert_string_equal(base.id, again.id);
        expect_found(&root, &test_request, base.id);
}

static void test_failed_build_leaves_what_was_there(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 }, none = { 0 };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        assert_int_equal(image_build_below(root.path,
                                           &(BaseRequest){ "6.1", NULL, extra_args, NULL }, &none),
                         -ENOENT);
        make_image(&root, "/image", PART_CAPTURE);
        assert_int_equal(image_build_below(root.path, &test_request, &none), -EBADMSG);
        assert_int_equal(unlinkat(root.fd, "image", 0), 0);
        assert_int_equal(image_build_below(root.path, &test_request, &none), -EIO);
        assert_int_equal(unlinkat(root.fd, "test-bin/dracut", 0), 0);
        assert_int_equal(image_build_below(root.path, &test_request, &none), -ENOENT);
        expect_found(&root, &test_request, base.id);
}

#define MANIFEST_OF_SIZE                                                                           \
        "{\"kernel_release\":\"6.0\",\"plan_version\":2,\"sha256\":\"\",\"size_bytes\":%s,"        \
        "\"unpacked_bytes\":1,\"kernel_bytes\":1,\"created_usec\":9000000000000000,\"inputs\":[]}"

/* More than any disk has. */
static void test_without_room_nothing_is_begun(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 }, none = { 0 };
        _cleanup_free_ char *large = NULL, *absurd = NULL;
        uint64_t bytes;

        make_system(&root);
        assert_int_equal(image_build_bytes(root.fd, &bytes), 0);
        assert_int_equal(bytes, 64 << 20);
        assert_int_equal(image_build_below(root.path, &test_request, &base), 0);
        assert_int_equal(image_build_bytes(root.fd, &bytes), 0);
        assert_int_equal(bytes, base.unpacked_bytes + base.kernel_bytes + 2 * base.size_bytes);
        assert_int_equal(strprintf(&large, MANIFEST_OF_SIZE, "4611686018427387904"), 0);
        fixture_write(&root, PATH_BASES "/6.0/manifest.json", large);
        assert_int_equal(image_build_below(root.path, &test_request, &none), -ENOSPC);
        expect_found(&root, &test_request, base.id);
        /* A sum that no number holds is none. */
        assert_int_equal(strprintf(&absurd, MANIFEST_OF_SIZE, "18446744073709551615"), 0);
        fixture_write(&root, PATH_BASES "/6.0/manifest.json", absurd);
        assert_int_equal(image_build_bytes(root.fd, &bytes), 0);
        assert_int_equal(bytes, base.unpacked_bytes + base.kernel_bytes + 2 * base.size_bytes);
}

static void test_prune_keeps_what_is_named(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage one = { 0 }, two = { 0 };
        _cleanup_strv_ char **paths = NULL, **none = NULL;
        char *keep[2] = { NULL };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &test_request, &one), 0);
        make_image(&root, "/image", PART_GOOD | PART_EARLY);
        assert_int_equal(image_build_below(root.path, &test_request, &two), 0);
        expect_found(&root, &test_request, two.id);
        keep[0] = one.id;
        assert_int_equal(image_prune(root.fd, keep), 0);
        assert_int_equal(image_inputs(root.fd, one.id, &paths), 0);
        /* The newest of an installed kernel stays in any case. */
        assert_int_equal(unlinkat(root.fd, "boot/vmlinuz-6.1", 0), 0);
        assert_int_equal(image_prune(root.fd, NULL), 0);
        expect_found(&root, &test_request, two.id);
        assert_int_equal(image_inputs(root.fd, one.id, &none), -ENOENT);
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        expect_found(&root, &test_request, two.id);
        assert_int_equal(image_prune(root.fd, NULL), 0);
        expect_none(&root, &test_request, "there is no base image");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_build_and_find),
                cmocka_unit_test(test_what_asks_for_a_new_image),
                cmocka_unit_test(test_damaged_image_is_replaced),
                cmocka_unit_test(test_failed_build_leaves_what_was_there),
                cmocka_unit_test(test_without_room_nothing_is_begun),
                cmocka_unit_test(test_prune_keeps_what_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
