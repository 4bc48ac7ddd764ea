/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of image-check.c. */
#include "image-check.h"

#include "test-system.h"

#include <fcntl.h>

#include "io.h"
#include "rootdir.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check),
                cmocka_unit_test(test_check_sees_every_cut_and_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
