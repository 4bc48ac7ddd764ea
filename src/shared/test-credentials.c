/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "credentials.h"
#include "test.h"

typedef struct Case {
        const char *text;
        int result;
        const char *why; /* a part of it */
} Case;

static const Case cases[] = {
        { "user = u\npassword = p\n", 0, NULL },
        { "# a comment\n\n  bearer_token=t  \r\n", 0, NULL },
        { "access_key_id = a\nsecret_access_key = s\nsession_token = t", 0, NULL },
        /* Both kinds, for targets of both kinds */
        { "user = u\npassword = p\naccess_key_id = a\nsecret_access_key = s\n", 0, NULL },
        { "user = u\npassword = with = and # in it\n", 0, NULL },
        { "", -EINVAL, "no credentials" },
        { "# nothing\n", -EINVAL, "no credentials" },
        { "user u\n", -EINVAL, "line 1 is not" },
        { "\nuser = u\npass = p\n", -EINVAL, "line 3 has none of the keys" },
        { "= p\n", -EINVAL, "line 1 has none" },
        { "user =\n", -EINVAL, "line 1: the value of user is empty" },
        { "user = a\tb\n", -EINVAL, "control" },
        { "user = a\x7f\n", -EINVAL, "control" },
        { "user = u\nuser = v\n", -EINVAL, "line 2: user is there already" },
        { "user = u\n", -EINVAL, "user without password" },
        { "password = p\n", -EINVAL, "password without user" },
        { "user = a:b\npassword = p\n", -EINVAL, "':'" },
        { "access_key_id = a\n", -EINVAL, "access_key_id without secret_access_key" },
        { "secret_access_key = a\n", -EINVAL, "secret_access_key without access_key_id" },
        { "session_token = a\nuser = u\npassword = p\n", -EINVAL, "session_token without" },
        { "user = u\npassword = p\nbearer_token = t\n", -EINVAL, "which one is meant" },
};

static void test_lines_are_read_and_judged(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(credentials_done) Credentials credentials = {};
                _cleanup_free_ char *why = NULL;
                int r;

                r = credentials_parse(cases[i].text, strlen(cases[i].text), &credentials, &why);
                if (r != cases[i].result || (r < 0 && !strstr(why, cases[i].why)))
                        fail_msg("case %zu: %d, %s", i, r, why ?: "no words");
        }
}

static void test_values_are_cut_at_blanks_only(void **state)
{
        static const char text[] = "user = a user \npassword =p=#1\t\n";
        _cleanup_(credentials_done) Credentials credentials = {};
        _cleanup_free_ char *why = NULL;

        assert_int_equal(credentials_parse(text, strlen(text), &credentials, &why), 0);
        assert_string_equal(credentials.user, "a user");
        assert_string_equal(credentials.password, "p=#1");
        assert_null(credentials.bearer_token);
}

static void test_a_complaint_has_no_value_in_it(void **state)
{
        static const char text[] = "password = hunter2\nhunter3\n";
        _cleanup_(credentials_done) Credentials credentials = {};
        _cleanup_free_ char *why = NULL;

        assert_int_equal(credentials_parse(text, strlen(text), &credentials, &why), -EINVAL);
        assert_null(strstr(why, "hunter"));
}

static void test_a_zero_byte_is_no_text(void **state)
{
        static const char text[] = "user = u\0\npassword = p\n";
        _cleanup_(credentials_done) Credentials credentials = {};
        _cleanup_free_ char *why = NULL;

        assert_int_equal(credentials_parse(text, sizeof(text) - 1, &credentials, &why), -EINVAL);
}

static void read_with_mode(int dir_fd, mode_t mode, int result, const char *expected)
{
        _cleanup_(credentials_done) Credentials credentials = {};
        _cleanup_free_ char *why = NULL;
        int r;

        assert_int_equal(fchmodat(dir_fd, "secret", mode, 0), 0);
        r = credentials_read(dir_fd, "secret", &credentials, &why);
        if (r != result || (expected && !strstr(why, expected)))
                fail_msg("mode %o: %d, %s", mode, r, why ?: "no words");
        if (r == 0)
                assert_string_equal(credentials.bearer_token, "t");
}

static void test_only_what_nobody_else_reads_is_read(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        test_write_text(dir_fd, "secret", "bearer_token = t\n");
        read_with_mode(dir_fd, 0600, 0, NULL);
        read_with_mode(dir_fd, 0400, 0, NULL);
        read_with_mode(dir_fd, 0640, -EPERM, "chmod 0600");
        read_with_mode(dir_fd, 0604, -EPERM, "mode 0604");
        read_with_mode(dir_fd, 0620, -EPERM, "chmod 0600");
}

static void test_what_is_no_small_file_is_refused(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_close_ int fd = -EBADF;
        static const struct {
                const char *name;
                int result;
        } rows[] = {
                { "fifo", -EPERM }, { "folder", -EPERM }, { "large", -EFBIG }, { "none", -ENOENT }
        };

        assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
        assert_int_equal(mkdirat(dir_fd, "folder", 0700), 0);
        fd = openat(dir_fd, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, (off_t) CREDENTIALS_MAX_BYTES + 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(credentials_done) Credentials credentials = {};
                _cleanup_free_ char *why = NULL;

                assert_int_equal(credentials_read(dir_fd, rows[i].name, &credentials, &why),
                                 rows[i].result);
                assert_non_null(why);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_are_read_and_judged),
                cmocka_unit_test(test_values_are_cut_at_blanks_only),
                cmocka_unit_test(test_a_complaint_has_no_value_in_it),
                cmocka_unit_test(test_a_zero_byte_is_no_text),
                cmocka_unit_test(test_only_what_nobody_else_reads_is_read),
                cmocka_unit_test(test_what_is_no_small_file_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
