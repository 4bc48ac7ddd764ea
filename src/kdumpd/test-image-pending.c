/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of image-pending.c. */
#include "image-pending.h"

#include "test-system.h"

#include "rootdir.h"
#include "strv.h"

static char running[] = "6.1";

static const Facts facts = { .kernel_release = running };

/* A kernel with its modules. */
static void install_kernel(const Fixture *root, const char *release)
{
        char path[128];

        (void) snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", release);
        fixture_write(root, path, "a.ko:\n");
        (void) snprintf(path, sizeof(path), "/boot/vmlinuz-%s", release);
        write_kernel(root, path, 1, KERNEL_BYTES);
}

static void make_configured_system(Fixture *root)
{
        make_system(root);
        fixture_write(root, "/etc/kdump.conf", "ext4 UUID=1234\n");
        fixture_write(root, "/proc/self/mountinfo", "");
}

static void expect_pending(const Fixture *root, const char *releases)
{
        _cleanup_strv_ char **pending = NULL;
        _cleanup_free_ char *text = NULL;

        assert_int_equal(image_pending(root->fd, &facts, NULL, &pending), 0);
        assert_int_equal(strv_join(pending, &text), 0);
        assert_string_equal(text, releases);
}

/* What the configuration asks for. */
static void build_for(const Fixture *root, char *release)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(plan_freep) Plan *plan = NULL;
        _cleanup_(needs_done) Needs needs = { 0 };
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        const Facts other = { .kernel_release = release };

        assert_int_equal(
                config_load(root->fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages), 0);
        assert_int_equal(resolve_plan(root->fd, config, &other, &plan, &needs, &warnings, &message),
                         0);
        assert_int_equal(image_build_below(root->path,
                                           &(BaseRequest){ release, needs.drivers, needs.binaries,
                                                           config->dracut_args },
                                           &base),
                         0);
}

static void test_other_kernels_without_an_image(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        char newer[] = "6.10";

        make_configured_system(&root);
        expect_pending(&root, "");
        install_kernel(&root, "6.9");
        install_kernel(&root, newer);
        expect_pending(&root, "6.10 6.9");
        build_for(&root, newer);
        expect_pending(&root, "6.9");
        /* The needs are not what they were. */
        fixture_write(&root, "/etc/kdump.conf", "ext4 UUID=1234\nextra_modules nvme\n");
        expect_pending(&root, "6.10 6.9");
        build_for(&root, newer);
        fixture_write(&root, "/usr/lib/libx.so.1.0", "new");
        expect_pending(&root, "6.10 6.9");
}

static void test_only_what_can_be_built_for(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        make_configured_system(&root);
        install_kernel(&root, "6.9");
        install_kernel(&root, "6.8");
        install_kernel(&root, "6.7");
        fixture_folder(&root, "/lib/modules/6.6");
        fixture_folder(&root, "/lib/modules/.hidden");
        assert_int_equal(unlinkat(root.fd, "boot/vmlinuz-6.8", 0), 0);
        write_kernel(&root, "/boot/vmlinuz-6.7", 1, KERNEL_BYTES / 2);
        expect_pending(&root, "6.9");
        /* Only that one is ever loaded. */
        fixture_write(&root, "/etc/kdump.conf", "ext4 UUID=1234\nkernel 6.9\n");
        expect_pending(&root, "");
        assert_int_equal(root_remove_tree(root.fd, "/usr/lib/modules"), 0);
        fixture_write(&root, "/etc/kdump.conf", "ext4 UUID=1234\n");
        expect_pending(&root, "");
}

static void test_one_that_cannot_be_told_does_not_hide_the_others(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        make_configured_system(&root);
        install_kernel(&root, "6.10");
        install_kernel(&root, "6.8");
        install_kernel(&root, "6.9");
        fixture_folder(&root, "/lib/modules/6.8/modules.builtin");
        expect_pending(&root, "6.10 6.9");
}

static void test_a_bad_configuration_is_an_error(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        char **pending = NULL;

        make_configured_system(&root);
        install_kernel(&root, "6.9");
        fixture_write(&root, "/etc/kdump.conf", "no_such_directive 1\n");
        assert_int_equal(image_pending(root.fd, &facts, NULL, &pending), -EINVAL);
        assert_null(pending);
}

static void test_name_of_the_unit(void **state)
{
        static const struct {
                const char *release, *unit; /* NULL: refused */
        } cases[] = {
                { "6.1.0-50-amd64", "kdump-build@6.1.0\\x2d50\\x2damd64.service" },
                { "6.1+a~b", "kdump-build@6.1\\x2ba\\x7eb.service" },
                { "a:b_C\\", "kdump-build@a:b_C\\x5c.service" },
                { "", NULL },
                { ".", NULL },
                { "../x", NULL },
                { "a/b", NULL },
                { "a b", NULL },
                { "-a", NULL },
                { "a\xc3\xa4", "kdump-build@a\\xc3\\xa4.service" },
        };
        char longest[200];
        char *unit = NULL;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *name = NULL;

                assert_int_equal(image_build_unit(cases[i].release, &name),
                                 cases[i].unit ? 0 : -EINVAL);
                assert_true(streq_ptr(name, cases[i].unit));
        }
        memset(longest, '+', sizeof(longest));
        longest[65] = '\0';
        assert_int_equal(image_build_unit(longest, &unit), -EINVAL);
        longest[64] = '\0';
        assert_int_equal(image_build_unit(longest, &unit), 0);
        assert_int_equal(strlen(unit), strlen("kdump-build@.service") + 4 * 64);
        free(unit);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_other_kernels_without_an_image),
                cmocka_unit_test(test_only_what_can_be_built_for),
                cmocka_unit_test(test_one_that_cannot_be_told_does_not_hide_the_others),
                cmocka_unit_test(test_a_bad_configuration_is_an_error),
                cmocka_unit_test(test_name_of_the_unit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
