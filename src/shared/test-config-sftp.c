/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of sftp:// URLs, which are another way to write an ssh target. */
#include "test-config.h"

/* Returns what config_load() does with *messages; *ret is NULL then. */
static int load_text(const char *text, Config **ret, ConfigMessages *messages)
{
        _cleanup_(test_root_freep) char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        *ret = NULL;
        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        test_write_text(root_fd, "etc/kdump.conf", text);
        return test_config_load(root_fd, ret, messages);
}

/* The last target of @text, which holds until config_freep(). */
static const Target *load_target(const char *text, Config **ret)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };

        if (load_text(text, ret, &messages) < 0 || messages.n_items > 0)
                fail_msg("%s", messages.n_items > 0 ? messages.items[0].text : "not read");
        return (*ret)->targets + (*ret)->n_targets - 1;
}

static void check_target(const Target *target, const char *what, const char *path, unsigned port)
{
        assert_int_equal(target->type, TARGET_SSH);
        assert_string_equal(target->what, what);
        assert_string_equal(target->path, path);
        assert_int_equal(target->port, port);
}

static void test_it_is_the_ssh_target(void **state)
{
        static const struct {
                const char *text, *what, *path;
                unsigned port;
        } cases[] = {
                { "url sftp://me@srv/dumps/a\n", "me@srv", "/dumps/a", 22 },
                { "url sftp://me@srv:2222/d\n", "me@srv", "/d", 2222 },
                { "url sftp://me@[2001:db8::1]:22/d\n", "me@2001:db8::1", "/d", 22 },
                { "url sftp://me@srv\n", "me@srv", "/var/crash", 22 },
                { "url sftp://me@srv/\n", "me@srv", "/var/crash", 22 },
                { "url sftp://me@srv\npath /p\n", "me@srv", "/p", 22 },
                { "path /p\next4 UUID=1\nurl sftp://me@srv/d\n", "me@srv", "/d", 22 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_freep) Config *config = NULL, *again = NULL;
                _cleanup_free_ char *text = NULL;

                check_target(load_target(cases[i].text, &config), cases[i].what, cases[i].path,
                             cases[i].port);
                assert_int_equal(config_format(config, &text), 0);
                check_target(load_target(text, &again), cases[i].what, cases[i].path,
                             cases[i].port);
        }
}

static void test_odd_ones_are_refused(void **state)
{
        static const char *const urls[] = {
                "sftp://",           "sftp://srv/d",     "sftp://@srv/d",     "sftp://me@/d",
                "sftp://me@s:0/",    "sftp://me@s:x/",   "sftp://-o@srv/d",   "sftp://me@srv/a%20b",
                "sftp://me@s/..",    "sftp://a:b@srv/d", "sftp://me@srv/d?x", "sftp://a@b@c/d",
                "sftp://me@[srv]/d",
        };

        for (size_t i = 0; i < ELEMENTSOF(urls); i++) {
                _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
                _cleanup_free_ char *text = NULL;
                Config *config;

                assert_int_equal(strprintf(&text, "url %s\n", urls[i]), 0);
                if (load_text(text, &config, &messages) != -EINVAL)
                        fail_msg("%s was taken", urls[i]);
                assert_int_equal(messages.n_items, 1);
        }
}

/* As with an ssh target: one folder is enough. */
static void test_a_second_folder_is_told(void **state)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        Config *config;

        assert_int_equal(
                load_text("ext4 UUID=1\nurl sftp://me@srv/d\npath /p\n", &config, &messages),
                -EINVAL);
        assert_int_equal(messages.n_items, 1);
        assert_non_null(strstr(messages.items[0].text, "'path' is set again"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_is_the_ssh_target),
                cmocka_unit_test(test_odd_ones_are_refused),
                cmocka_unit_test(test_a_second_folder_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
