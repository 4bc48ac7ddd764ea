/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the words for the sizes of a base image. */
#include "image-sizes.h"

#include <fcntl.h>

#include "test-fixture.h"

#include "io.h"
#include "rootdir.h"
#include "state.h"

#define TAKES "The base image takes 2.0 MiB, unpacked 3.5 MiB"

static void test_describe(void **state)
{
        static const struct {
                const char *measured, *text;
        } cases[] = {
                { "", TAKES "." },
                { "ssh 1048576\n", TAKES ", of these 1.0 MiB for ssh." },
                { "network 524288\nnfs 100000\nnetwork 1048576\nssh 0",
                  TAKES ", of these 1.5 MiB for network, 0.1 MiB for nfs, 0.0 MiB for ssh." },
                { "ssh\nssh x\n 5\nssh -5\nSSH 5\n../x 5\nssh 5 5\nssh 99999999999999999999\n",
                  TAKES "." },
                { "a 18446744073709551615\na 18446744073709551615\n",
                  TAKES ", of these 17592186044416.0 MiB for a." },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = NULL;

                assert_int_equal(image_sizes_describe(cases[i].measured, 2 << 20, 7 << 19, &text),
                                 0);
                assert_string_equal(text, cases[i].text);
        }
}

static void test_no_more_kinds_than_there_are(void **state)
{
        char measured[26 * 4 + 1] = "";
        _cleanup_free_ char *text = NULL;
        size_t n = 0;

        for (unsigned i = 0; i < 26; i++)
                (void) snprintf(measured + 4 * i, 5, "%c 1\n", (int) ('a' + i));
        assert_int_equal(image_sizes_describe(measured, 0, 0, &text), 0);
        for (const char *p = text; (p = strstr(p, " for ")); p++)
                n++;
        assert_int_equal(n, 16);
}

static void test_it_is_left_for_others(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        const BaseImage base = { .size_bytes = 2 << 20, .unpacked_bytes = 7 << 19 };
        _cleanup_free_ char *work_dir = NULL, *text = NULL, *again = NULL;

        fixture_init(&root);
        assert_int_equal(strprintf(&work_dir, "%s/build", root.path), 0);
        image_sizes_tell(root.path, work_dir, &base);
        assert_int_equal(root_read(root.fd, PATH_IMAGE_SIZES, 1000, &text, NULL), 0);
        assert_string_equal(text, TAKES ".");
        fixture_write(&root, "/build/sizes", "lvm 3145728\n");
        image_sizes_tell(root.path, work_dir, &base);
        assert_int_equal(root_read(root.fd, PATH_IMAGE_SIZES, 1000, &again, NULL), 0);
        assert_string_equal(again, TAKES ", of these 3.0 MiB for lvm.");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_describe),
                cmocka_unit_test(test_no_more_kinds_than_there_are),
                cmocka_unit_test(test_it_is_left_for_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
