/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of image*.c with a program in the place of dracut. */
#include "image.h"

#include "test-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include "cpio.h"
#include "image-check.h"
#include "io.h"
#include "paths.h"
#include "rootdir.h"
#include "strv.h"

static const char base_info[] = "{\"plan_version\":1}";

/* The parts that an image is made of in these tests. */
enum {
        PART_CAPTURE = 1 << 0,
        PART_BASE_INFO = 1 << 1,
        PART_OTHER_VERSION = 1 << 2,
        PART_EARLY = 1 << 3, /* a plain archive in front */
        PART_PLAIN = 1 << 4, /* all is plain */
        PART_GOOD = PART_CAPTURE | PART_BASE_INFO,
};

static void add_file(CpioWriter *writer, const char *path, const char *text)
{
        assert_int_equal(cpio_add(writer, path, S_IFREG | 0755, text, strlen(text)), 0);
}

static void write_gzip(int fd, const CpioWriter *writer)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        gzFile f = gzdopen(copy, "wb");

        assert_non_null(f);
        assert_int_equal(gzwrite(f, writer->data, (unsigned) writer->size), writer->size);
        assert_int_equal(gzclose(f), Z_OK);
}

static void make_image(const Fixture *root, const char *path, unsigned parts)
{
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 }, early = { 0 };
        _cleanup_close_ int fd = -EBADF;

        fixture_write(root, path, "");
        fd = openat(root->fd, root_relative(path), O_WRONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        if (parts & PART_EARLY) {
                add_file(&early, "early_cpio", "1");
                assert_int_equal(cpio_add_trailer(&early), 0);
                assert_int_equal(write_full(fd, early.data, early.size), 0);
        }
        assert_int_equal(cpio_add(&writer, "usr", S_IFDIR | 0755, NULL, 0), 0);
        if (parts & PART_CAPTURE)
                add_file(&writer, "./usr/lib/kdumpd/kdump-capture", "\177ELF");
        if (parts & PART_BASE_INFO)
                add_file(&writer, PATH_BASE_INFO, base_info);
        if (parts & PART_OTHER_VERSION)
                add_file(&writer, PATH_BASE_INFO, "{\"plan_version\":999}");
        assert_int_equal(cpio_add_trailer(&writer), 0);
        if (parts & PART_PLAIN)
                assert_int_equal(write_full(fd, writer.data, writer.size), 0);
        else
                write_gzip(fd, &writer);
}

static int check(const Fixture *root, const char *path, char **ret_message)
{
        _cleanup_close_ int fd = openat(root->fd, root_relative(path), O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return image_check(fd, ret_message);
}

static void test_check(void **state)
{
        static const struct {
                unsigned parts;
                const char *message; /* NULL: it is good */
        } cases[] = {
                { PART_GOOD, NULL },
                { PART_GOOD | PART_EARLY, NULL },
                { PART_GOOD | PART_PLAIN, NULL },
                { PART_GOOD | PART_PLAIN | PART_EARLY, NULL },
                { PART_CAPTURE, "base.json" },
                { PART_BASE_INFO, "kdump-capture" },
                { PART_CAPTURE | PART_OTHER_VERSION, "Plan version" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_free_ char *message = NULL;
                int r;

                fixture_init(&root);
                make_image(&root, "/i", cases[i].parts);
                r = check(&root, "/i", &message);
                assert_int_equal(r, cases[i].message ? -EBADMSG : 0);
                if (cases[i].message)
                        assert_non_null(strstr(message, cases[i].message));
        }
}

static void test_check_sees_every_cut_and_damage(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_free_ char *image = NULL, *xz_message = NULL;
        size_t size;

        fixture_init(&root);
        make_image(&root, "/i", PART_GOOD);
        assert_int_equal(file_read(root.fd, "i", 1024 * 1024, &image, &size), 0);
        for (size_t n = 1; n < size; n++) {
                _cleanup_free_ char *message = NULL;

                fixture_write_bytes(&root, "/cut", image, n);
                assert_int_equal(check(&root, "/cut", &message), -EBADMSG);
        }
        /* The checksum and the length: whatever else is changed disagrees with them, or is no
         * change of what is unpacked. */
        for (size_t n = size - 8; n < size; n++) {
                _cleanup_free_ char *message = NULL;

                image[n] ^= 0x01;
                fixture_write_bytes(&root, "/cut", image, size);
                assert_int_equal(check(&root, "/cut", &message), -EBADMSG);
                image[n] ^= 0x01;
        }
        fixture_write_bytes(&root, "/xz",
                            "\375"
                            "7zXZ",
                            6);
        assert_int_equal(check(&root, "/xz", &xz_message), -EOPNOTSUPP);
        assert_non_null(strstr(xz_message, "gzip"));
}

/* A root with all that a build looks at, and a dracut that copies /image. */
static void make_system(Fixture *root)
{
        _cleanup_free_ char *script = NULL, *path = NULL;

        fixture_init(root);
        fixture_write(root, "/usr/lib/kdumpd/kdump-capture", "one");
        fixture_write(root, "/lib/modules/6.1/modules.dep", "a: b\n");
        fixture_write(root, "/boot/vmlinuz-6.1", "one");
        fixture_write(root, "/usr/lib/dracut/modules.d/99kdump/module-setup.sh", "one");
        fixture_write(root, "/usr/bin/tool", "one");
        fixture_mode(root, "/usr/bin/tool", 0755);
        make_image(root, "/image", PART_GOOD);
        assert_int_equal(strprintf(&script,
                                   "#!/bin/sh\n"
                                   "echo \"$@\" > %s/args\n"
                                   "cat \"$KDUMP_BUILD_DIR/drivers\" "
                                   "\"$KDUMP_BUILD_DIR/base.json\" > %s/seen\n"
                                   "for out; do :; done\n"
                                   "[ -e %s/image ] || exit 3\n"
                                   "cp %s/image \"$out\"\n",
                                   root->path, root->path, root->path, root->path),
                         0);
        fixture_write(root, "/test-bin/dracut", script);
        fixture_mode(root, "/test-bin/dracut", 0755);
        assert_int_equal(strprintf(&path, "%s/test-bin:/usr/bin:/bin", root->path), 0);
        assert_int_equal(setenv("PATH", path, 1), 0);
}

static char tool[] = "/usr/bin/tool", ext4[] = "ext4", xfs[] = "xfs", extra[] = "--extra";
static char *no_list[] = { NULL };
static char *tools[] = { tool, NULL };
static char *drivers[] = { ext4, NULL };
static char *more_drivers[] = { ext4, xfs, NULL };
static char *extra_args[] = { extra, NULL };

static const BaseRequest request = { "6.1", drivers, tools, NULL };

static void expect_none(const Fixture *root, const BaseRequest *wanted, const char *why)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_free_ char *because = NULL;

        assert_int_equal(image_find(root->fd, wanted, &base, &because), 0);
        if (!strstr(because, why))
                fail_msg("'%s' does not say '%s'", because, why);
}

static void expect_found(const Fixture *root, const BaseRequest *wanted, const char *id)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_free_ char *why = NULL;

        if (image_find(root->fd, wanted, &base, &why) != 1)
                fail_msg("not found: %s", why);
        assert_string_equal(base.id, id);
}

static void test_build_and_find(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_free_ char *args = NULL, *seen = NULL;
        _cleanup_strv_ char **names = NULL;
        struct stat st;

        make_system(&root);
        expect_none(&root, &request, "there is no base image for kernel 6.1");
        assert_int_equal(image_build_below(root.path, &request, &base), 0);
        assert_non_null(startswith(base.id, "6.1-"));
        assert_int_equal(strlen(base.id), strlen("6.1-") + 12);
        assert_non_null(startswith(base.path, PATH_STATE_DIR "/base/6.1-"));
        assert_int_equal(fstatat(root.fd, root_relative(base.path), &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
        assert_int_equal(st.st_size, base.size_bytes);
        expect_found(&root, &request, base.id);
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
        assert_int_equal(image_build_below(root.path, &request, &base), 0);
        expect_none(&root, &(BaseRequest){ "6.2", drivers, tools, NULL }, "for kernel 6.2");
        expect_none(&root, &(BaseRequest){ "6.1", more_drivers, tools, NULL }, "module 'xfs'");
        expect_none(&root, &(BaseRequest){ "6.1", drivers, extra_args, NULL }, "program '--extra'");
        expect_none(&root, &(BaseRequest){ "6.1", drivers, tools, extra_args }, "dracut_args");
        fixture_write(&root, "/usr/bin/tool", "two");
        expect_none(&root, &request, "'/usr/bin/tool' has changed");
        fixture_write(&root, "/usr/bin/tool", "one");
        fixture_write(&root, "/usr/lib/dracut/modules.d/99kdump/module-setup.sh", "two");
        expect_none(&root, &request, "module-setup.sh' has changed");
        fixture_write(&root, "/usr/lib/dracut/modules.d/99kdump/module-setup.sh", "one");
        fixture_write(&root, "/boot/vmlinuz-6.1", "two");
        expect_none(&root, &request, "'/boot/vmlinuz-6.1' has changed");
        fixture_write(&root, "/boot/vmlinuz-6.1", "one");
        expect_found(&root, &request, base.id);

        fixture_write(&root, base.path, "short");
        expect_none(&root, &request, "of another size");
        make_image(&root, base.path, PART_GOOD);
        expect_found(&root, &request, base.id);
}

static void test_damaged_image_is_replaced(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 }, again = { 0 };
        _cleanup_free_ char *zeros = NULL;

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &request, &base), 0);
        zeros = calloc(1, base.size_bytes);
        assert_non_null(zeros);
        fixture_write_bytes(&root, base.path, zeros, base.size_bytes);
        expect_none(&root, &request, "is damaged");
        assert_int_equal(image_build_below(root.path, &request, &again), 0);
        assert_string_equal(base.id, again.id);
        expect_found(&root, &request, base.id);
}

static void test_failed_build_leaves_what_was_there(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 }, none = { 0 };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &request, &base), 0);
        assert_int_equal(image_build_below(root.path,
                                           &(BaseRequest){ "6.1", NULL, extra_args, NULL }, &none),
                         -ENOENT);
        make_image(&root, "/image", PART_CAPTURE);
        assert_int_equal(image_build_below(root.path, &request, &none), -EBADMSG);
        assert_int_equal(unlinkat(root.fd, "image", 0), 0);
        assert_int_equal(image_build_below(root.path, &request, &none), -EIO);
        assert_int_equal(unlinkat(root.fd, "test-bin/dracut", 0), 0);
        assert_int_equal(image_build_below(root.path, &request, &none), -ENOENT);
        expect_found(&root, &request, base.id);
}

static void test_prune_keeps_what_is_named(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage one = { 0 }, two = { 0 };
        char *keep[2] = { NULL };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &request, &one), 0);
        make_image(&root, "/image", PART_GOOD | PART_EARLY);
        assert_int_equal(image_build_below(root.path, &request, &two), 0);
        expect_found(&root, &request, two.id);
        keep[0] = one.id;
        assert_int_equal(image_prune(root.fd, keep), 0);
        expect_found(&root, &request, one.id);
        assert_int_equal(image_prune(root.fd, NULL), 0);
        expect_none(&root, &request, "there is no base image");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check),
                cmocka_unit_test(test_check_sees_every_cut_and_damage),
                cmocka_unit_test(test_build_and_find),
                cmocka_unit_test(test_what_asks_for_a_new_image),
                cmocka_unit_test(test_damaged_image_is_replaced),
                cmocka_unit_test(test_failed_build_leaves_what_was_there),
                cmocka_unit_test(test_prune_keeps_what_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
