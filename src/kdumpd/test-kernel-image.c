/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of kernel-image.c. */
#include "kernel-image.h"

#include "test-fixture.h"

#include <fcntl.h>

#include "rootdir.h"

#define MIB (UINT64_C(1024) * 1024)

static void test_places(void **state)
{
        static const struct {
                const char *file, *machine_id;
                bool found;
        } cases[] = {
                { "/boot/vmlinuz-6.1", NULL, true },
                { "/boot/vmlinux-6.1", NULL, true },
                { "/usr/lib/modules/6.1/vmlinuz", NULL, true },
                { "/boot/0123/6.1/linux", "0123", true },
                { "/efi/0123/6.1/linux", "0123", true },
                { "/boot/0123/6.1/linux", NULL, false },
                { "/boot/vmlinuz-6.2", "0123", false },
                { "/boot/vmlinuz-6.1/folder", NULL, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_free_ char *path = NULL;
                int r;

                fixture_init(&root);
                fixture_write(&root, cases[i].file, "");
                r = kernel_image_find(root.fd, "6.1", cases[i].machine_id, &path);
                assert_int_equal(r, cases[i].found ? 0 : -ENOENT);
                if (cases[i].found)
                        assert_string_equal(path, cases[i].file);
        }
}

#if defined(__x86_64__)
static void put_le32(uint8_t *p, uint32_t value)
{
        for (size_t i = 0; i < 4; i++)
                p[i] = (uint8_t) (value >> (8 * i));
}

static int read_header(const uint8_t *header, size_t size, KernelImage *ret, char **ret_message)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_close_ int fd = -EBADF;

        fixture_init(&root);
        fixture_write_bytes(&root, "/k", header, size);
        fd = openat(root.fd, "k", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        return kernel_image_read(fd, ret, ret_message);
}

static void fill_header(uint8_t *header)
{
        put_le32(header + 0x1fe, 0xaa55);
        memcpy(header + 0x202, "HdrS", 4);
        put_le32(header + 0x206, 0x020f);
        header[0x234] = 1;
        put_le32(header + 0x260, 48 * MIB);
}

static void test_header(void **state)
{
        uint8_t header[1024] = { 0 };
        _cleanup_free_ char *cut = NULL, *old = NULL, *fixed = NULL, *other = NULL, *none = NULL,
                            *empty = NULL;
        KernelImage image;

        fill_header(header);
        assert_int_equal(read_header(header, sizeof(header), &image, &none), 0);
        assert_true(image.checked);
        assert_true(image.relocatable);
        assert_int_equal(image.protocol, 0x020f);
        assert_int_equal(image.init_size_bytes, 48 * MIB);
        assert_int_equal(image.file_bytes, sizeof(header));

        assert_int_equal(read_header(header, 0x200, &image, &cut), -EBADMSG);
        assert_int_equal(read_header(header, 0, &image, &empty), -EBADMSG);
        assert_non_null(strstr(empty, "empty"));
        header[0x234] = 0;
        assert_int_equal(read_header(header, sizeof(header), &image, &fixed), -EBADMSG);
        assert_non_null(strstr(fixed, "RELOCATABLE"));
        header[0x206] = 0x0b;
        assert_int_equal(read_header(header, sizeof(header), &image, &old), -EBADMSG);
        assert_non_null(strstr(old, "protocol 2.11"));
        header[0x202] = 'h';
        assert_int_equal(read_header(header, sizeof(header), &image, &other), -EBADMSG);
        assert_non_null(strstr(other, "not a bzImage"));
}

/* The setup's sectors and what follows; a signature may be behind it. */
static void test_length(void **state)
{
        static const struct {
                uint8_t setup_sectors;
                uint32_t size; /* in 16 bytes */
                size_t file_bytes;
                bool whole;
        } cases[] = {
                { 1, 64, 2048, true },  { 1, 64, 2049, true },  { 1, 64, 2033, true },
                { 1, 64, 2032, false }, { 1, 65, 2048, false }, { 0, 1, 2560, false },
                { 0, 1, 2576, true },   { 1, 0, 1024, true },   { 255, UINT32_MAX, 4096, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *message = NULL;
                uint8_t header[4096] = { 0 };
                KernelImage image;
                int r;

                fill_header(header);
                header[0x1f1] = cases[i].setup_sectors;
                put_le32(header + 0x1f4, cases[i].size);
                r = read_header(header, cases[i].file_bytes, &image, &message);
                assert_int_equal(r, cases[i].whole ? 0 : -EBADMSG);
                assert_true(cases[i].whole || strstr(message, "cut short"));
        }
}
#endif

static void test_fit(void **state)
{
        static const struct {
                KernelNeeds needs;
                const char *reason;
        } cases[] = {
                { { 50 * MIB, 30 * MIB, 0, 256 * MIB }, NULL },
                { { 50 * MIB, 30 * MIB, 0, 112 * MIB }, NULL },
                { { 50 * MIB, 30 * MIB, 0, 111 * MIB }, "to start with" },
                { { 50 * MIB, 30 * MIB, 0, 0 }, "to start with" },
                { { UINT64_MAX, 1, 0, UINT64_MAX }, "to start with" },
                /* Debian 12, which captures in it. */
                { { 63 * MIB + 604 * 1024, 13 * MIB, 35 * MIB, 136 * MIB }, NULL },
                { { 60 * MIB, 30 * MIB, 60 * MIB, 136 * MIB }, NULL },
                { { 60 * MIB, 30 * MIB, 61 * MIB, 136 * MIB }, "to unpack" },
                { { 60 * MIB, 30 * MIB, UINT64_MAX, UINT64_MAX }, "to unpack" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *reason = NULL;
                bool fits = kernel_image_fits(&cases[i].needs, &reason);

                assert_true(fits == !cases[i].reason);
                assert_true(fits == !reason);
                assert_true(fits || strstr(reason, cases[i].reason));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_places),
#if defined(__x86_64__)
                cmocka_unit_test(test_header),
                cmocka_unit_test(test_length),
#endif
                cmocka_unit_test(test_fit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
