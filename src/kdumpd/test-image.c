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

/* As make_system() has them, and what it has not. */
static void add_contents(CpioWriter *writer)
{
        static const char link[] = "libx.so.1.0";

        add_file(writer, "usr/lib/libx.so.1.0", "library");
        assert_int_equal(cpio_add(writer, "usr/lib/libx.so.1", S_IFLNK | 0777, link, strlen(link)),
                         0);
        assert_int_equal(cpio_add(writer, "usr/lib/dangling", S_IFLNK | 0777, link, 3), 0);
        assert_int_equal(cpio_add(writer, "init", S_IFLNK | 0777, "/etc/made-by-dracut", 19), 0);
        add_file(writer, "usr/lib/not-here", "1");
        add_file(writer, "usr/lib/empty", "");
        add_file(writer, "usr/lib/modules/6.1/a-b.ko", "a-b");
        add_file(writer, "usr/lib/modules/6.1/packed.ko", "unpacked");
        add_file(writer, "etc/made-by-dracut", "anew");
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
                add_file(&writer, "./usr/lib/kdumpd/kdump-capture", "one");
        if (parts & PART_CAPTURE)
                add_contents(&writer);
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

#define KERNEL_BYTES 4096

/* As much of a bzImage as is checked, of which @size_bytes are there; @fill: what is in it. */
static void write_kernel(const Fixture *root, uint8_t fill, size_t size_bytes)
{
        uint8_t image[KERNEL_BYTES];

        memset(image, fill, sizeof(image));
        memset(image + 0x1f1, 0, 0x264 - 0x1f1);
        image[0x1f1] = 3;
        image[0x1f5] = (KERNEL_BYTES - 4 * 512) / 16 >> 8;
        image[0x1f4] = (KERNEL_BYTES - 4 * 512) / 16 & 0xff;
        image[0x1fe] = 0x55;
        image[0x1ff] = 0xaa;
        memcpy(image + 0x202, "HdrS", 4);
        image[0x206] = 0x0f;
        image[0x207] = 0x02;
        image[0x234] = 1;
        fixture_write_bytes(root, "/boot/vmlinuz-6.1", image, size_bytes);
}

/* A root with all that a build looks at, and a dracut that copies /image. */
static void make_system(Fixture *root)
{
        _cleanup_free_ char *script = NULL, *path = NULL;

        fixture_init(root);
        fixture_write(root, "/usr/lib/kdumpd/kdump-capture", "one");
        fixture_folder(root, "/usr/lib/modules/6.1");
        fixture_link(root, "/lib", "usr/lib");
        fixture_write(root, "/usr/lib/modules/6.1/modules.dep",
                      "a-b.ko: packed.ko.xz\npacked.ko.xz:\n");
        fixture_write(root, "/usr/lib/modules/6.1/a-b.ko", "a-b");
        fixture_write(root, "/usr/lib/modules/6.1/packed.ko.xz", "packed");
        fixture_write(root, "/usr/lib/libx.so.1.0", "library");
        fixture_link(root, "/usr/lib/libx.so.1", "libx.so.1.0");
        fixture_write(root, "/etc/made-by-dracut", "as it is here");
        write_kernel(root, 1, KERNEL_BYTES);
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
                                   "cp %s/image \"$out\"\n"
                                   "cd %s && [ ! -e during ] || . ./during\n",
                                   root->path, root->path, root->path, root->path, root->path),
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
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };

        assert_int_equal(image_find(root->fd, NULL, wanted, &base, &findings), 0);
        if (!strstr(findings.why, why))
                fail_msg("'%s' does not say '%s'", findings.why, why);
}

static void expect_found(const Fixture *root, const BaseRequest *wanted, const char *id)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };

        if (image_find(root->fd, NULL, wanted, &base, &findings) != 1)
                fail_msg("not found: %s", findings.why);
        assert_string_equal(base.id, id);
        assert_null(findings.warning);
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
        write_kernel(&root, 2, KERNEL_BYTES);
        expect_none(&root, &request, "'/boot/vmlinuz-6.1' has changed");
        write_kernel(&root, 1, KERNEL_BYTES);
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
        _cleanup_strv_ char **paths = NULL, **none = NULL;
        char *keep[2] = { NULL };

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &request, &one), 0);
        make_image(&root, "/image", PART_GOOD | PART_EARLY);
        assert_int_equal(image_build_below(root.path, &request, &two), 0);
        expect_found(&root, &request, two.id);
        keep[0] = one.id;
        assert_int_equal(image_prune(root.fd, keep), 0);
        assert_int_equal(image_inputs(root.fd, one.id, &paths), 0);
        /* The newest of an installed kernel stays in any case. */
        assert_int_equal(image_prune(root.fd, NULL), 0);
        expect_found(&root, &request, two.id);
        assert_int_equal(image_inputs(root.fd, one.id, &none), -ENOENT);
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        expect_found(&root, &request, two.id);
        assert_int_equal(image_prune(root.fd, NULL), 0);
        expect_none(&root, &request, "there is no base image");
}

static void expect_warned(const Fixture *root, const char *id, const char *warning)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };

        assert_int_equal(image_find(root->fd, NULL, &request, &base, &findings), 1);
        assert_string_equal(base.id, id);
        assert_non_null(findings.warning);
        if (!strstr(findings.warning, warning))
                fail_msg("'%s' does not say '%s'", findings.warning, warning);
}

static void expect_can_build(const Fixture *root, bool can, const char *why)
{
        _cleanup_free_ char *because = NULL;

        assert_int_equal(image_can_build(root->fd, &request, &because), can);
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
        assert_int_equal(image_build_below(root.path, &request, &base), 0);
        assert_int_equal(file_read(root.fd, "boot/vmlinuz-6.1", 65536, &one, &size), 0);
        assert_int_equal(size, base.kernel_bytes);
        assert_int_equal(root_read(root.fd, base.kernel_path, 65536, &two, &size), 0);
        assert_int_equal(size, base.kernel_bytes);
        assert_memory_equal(one, two, size);
        expect_can_build(&root, true, NULL);
        write_kernel(&root, 1, KERNEL_BYTES / 2);
        expect_warned(&root, base.id, "vmlinuz-6.1' cannot be loaded as a kernel: it is cut short");
        expect_can_build(&root, false, "it is cut short");
        write_kernel(&root, 1, 0);
        expect_warned(&root, base.id, "it is empty");
        fixture_write(&root, "/boot/vmlinuz-6.1", "no kernel");
        expect_warned(&root, base.id, "it is not a bzImage");
        assert_int_equal(unlinkat(root.fd, "boot/vmlinuz-6.1", 0), 0);
        expect_found(&root, &request, base.id);
        expect_can_build(&root, false, "there is no image of kernel '6.1'");
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        expect_found(&root, &request, base.id);
        expect_can_build(&root, false, "the modules of kernel '6.1' are not installed");
        /* The copy is all there is. */
        fixture_write(&root, base.kernel_path, "short");
        expect_none(&root, &request, "vmlinuz' is missing or of another size");
        fixture_write_bytes(&root, base.kernel_path, one, base.kernel_bytes);
        expect_found(&root, &request, base.id);
        one[700] ^= 1;
        fixture_write_bytes(&root, base.kernel_path, one, base.kernel_bytes);
        expect_none(&root, &request, "vmlinuz' is damaged");
}

static void test_a_damaged_kernel_is_not_built_for(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };

        make_system(&root);
        write_kernel(&root, 1, KERNEL_BYTES - 16);
        assert_int_equal(image_build_below(root.path, &request, &base), -EBADMSG);
        assert_int_equal(unlinkat(root.fd, "boot/vmlinuz-6.1", 0), 0);
        assert_int_equal(image_build_below(root.path, &request, &base), -ENOENT);
        write_kernel(&root, 1, KERNEL_BYTES);
        assert_int_equal(unlinkat(root.fd, "lib/modules/6.1/modules.dep", 0), 0);
        assert_int_equal(image_build_below(root.path, &request, &base), -ENOENT);
        expect_none(&root, &request, "there is no base image");
}

/* Images that were made before the kernel was kept with them. */
static void test_a_base_without_a_kernel_is_built_anew(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        make_system(&root);
        fixture_write(&root, PATH_BASES "/6.1-0123456789ab/manifest.json",
                      "{\"kernel_release\":\"6.1\",\"plan_version\":1,\"sha256\":\"\","
                      "\"size_bytes\":1,\"created_usec\":1,\"drivers\":[\"ext4\"],"
                      "\"binaries\":[\"/usr/bin/tool\"],\"inputs\":[]}");
        expect_none(&root, &request, "'6.1-0123456789ab' has no kernel with it");
        assert_int_equal(image_prune(root.fd, NULL), 0);
        expect_none(&root, &request, "there is no base image");
}

static void test_every_file_of_the_image_counts(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };
        _cleanup_strv_ char **paths = NULL;

        make_system(&root);
        assert_int_equal(image_build_below(root.path, &request, &base), 0);
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
        expect_found(&root, &request, base.id);
        /* A new library beside the old one. */
        fixture_write(&root, "/usr/lib/libx.so.1.1", "new library");
        assert_int_equal(unlinkat(root.fd, "usr/lib/libx.so.1", 0), 0);
        fixture_link(&root, "/usr/lib/libx.so.1", "libx.so.1.1");
        assert_int_equal(unlinkat(root.fd, "usr/lib/libx.so.1.0", 0), 0);
        expect_none(&root, &request, "'/usr/lib/libx.so.1' has changed");
        fixture_write(&root, "/usr/lib/modules/6.1/packed.ko.xz", "new");
        assert_int_equal(image_find(root.fd, NULL, &request, &base, &findings), 0);
        assert_int_equal(strv_length(findings.changed), 2);
        assert_string_equal(findings.why, "'/usr/lib/modules/6.1/packed.ko.xz' has changed (and 1 "
                                          "more)");
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
                assert_int_equal(image_build_below(root.path, &request, &base), 0);
                base_image_done(&base);
                assert_int_equal(image_find(root.fd, NULL, &request, &base, &findings), 0);
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
        assert_int_equal(image_build_below(root.path, &request, &base), 0);
        fixture_write(&root, "/lib/modules/6.1/modules.dep",
                      "updates/zfs.ko:\na-b.ko: packed.ko.xz\npacked.ko.xz:\n");
        expect_found(&root, &request, base.id);
        fixture_write(&root, "/lib/modules/6.1/modules.dep",
                      "updates/a-b.ko:\na-b.ko: packed.ko.xz\npacked.ko.xz:\n");
        expect_none(&root, &request, "modules.dep' has changed");
        /* One that was to be in the image and was not there then. */
        fixture_write(&root, "/lib/modules/6.1/modules.dep",
                      "a-b.ko: packed.ko.xz\npacked.ko.xz:\nupdates/ext4.ko:\n");
        expect_none(&root, &request, "modules.dep' has changed");
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
                cmocka_unit_test(test_kernel_is_kept_with_the_image),
                cmocka_unit_test(test_a_damaged_kernel_is_not_built_for),
                cmocka_unit_test(test_a_base_without_a_kernel_is_built_anew),
                cmocka_unit_test(test_every_file_of_the_image_counts),
                cmocka_unit_test(test_a_change_during_the_build_is_one_afterwards),
                cmocka_unit_test(test_other_modules_do_not_count),
                cmocka_unit_test(test_prune_keeps_what_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
