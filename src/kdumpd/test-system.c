/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the made-up system that base images are built on in tests. */
#include "test-system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include "cpio.h"
#include "io.h"
#include "rootdir.h"

static const char base_info[] = "{\"plan_version\":2}";
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

void make_image(const Fixture *root, const char *path, unsigned parts)
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

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
        for (unsigned i = 0; i < bytes; i++)
                at[i] = (uint8_t) (value >> 8 * i);
}

/* Something that is an ELF file at first sight. Returns how long it is. */
static size_t make_payload(uint8_t fill, uint8_t *ret, size_t room)
{
        uint8_t content[300] = "\177ELF";
        z_stream stream = {
                .next_in = content,
                .avail_in = sizeof(content),
                .next_out = ret,
                .avail_out = (uInt) room,
        };

        memset(content + 4, fill, 100);
        assert_int_equal(
                deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        room = stream.total_out;
        assert_int_equal(deflateEnd(&stream), Z_OK);
        return room;
}

/* Fields: Documentation/arch/x86/boot.rst */
void write_kernel(const Fixture *root, const char *path, uint8_t fill, size_t size_bytes)
{
        uint8_t image[KERNEL_BYTES];
        size_t start = 4 * 512;

        memset(image, fill, sizeof(image));
        memset(image + 0x1f1, 0, 0x290 - 0x1f1);
        put(image + 0x1f1, start / 512 - 1, 1);
        put(image + 0x1f4, (KERNEL_BYTES - start) / 16, 4);
        put(image + 0x1fe, 0xaa55, 2);
        put(image + 0x200, 0x6aeb, 2); /* the header ends at 0x26c */
        memcpy(image + 0x202, "HdrS", 4);
        put(image + 0x206, 0x20f, 2);
        put(image + 0x211, 1, 1); /* loadflags: high */
        put(image + 0x230, 0x200000, 4);
        put(image + 0x234, 1, 1);    /* relocatable */
        put(image + 0x236, 0x3f, 2); /* xloadflags */
        put(image + 0x248, KERNEL_PAYLOAD - start, 4);
        put(image + 0x24c,
            make_payload(fill, image + KERNEL_PAYLOAD, KERNEL_BYTES - KERNEL_PAYLOAD), 4);
        put(image + 0x258, 0x1000000, 8);
        put(image + 0x260, 0x10000, 4);
        fixture_write_bytes(root, path, image, size_bytes);
}

void make_system(Fixture *root)
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
        write_kernel(root, "/boot/vmlinuz-6.1", 1, KERNEL_BYTES);
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

static char tool[] = "/usr/bin/tool", ext4[] = "ext4";
static char *tools[] = { tool, NULL };
static char *drivers[] = { ext4, NULL };

const BaseRequest test_request = { "6.1", drivers, tools, NULL };

void expect_none(const Fixture *root, const BaseRequest *wanted, const char *why)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };

        assert_int_equal(image_find(root->fd, NULL, wanted, &base, &findings), 0);
        if (!strstr(findings.why, why))
                fail_msg("'%s' does not say '%s'", findings.why, why);
}

void expect_found(const Fixture *root, const BaseRequest *wanted, const char *id)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };

        if (image_find(root->fd, NULL, wanted, &base, &findings) != 1)
                fail_msg("not found: %s", findings.why);
        assert_string_equal(base.id, id);
        assert_null(findings.warning);
}
