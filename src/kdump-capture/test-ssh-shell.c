/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-shell.h"
#include "test.h"
#include "text.h"

#include <sys/wait.h>

/* What the server's login shell would do; its output, and how it ends. */
static int run(const char *command, char output[1024])
{
        int pipe_fds[2], status;
        size_t size = 0;
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void) dup2(pipe_fds[1], STDOUT_FILENO);
                (void) execl("/bin/sh", "sh", "-c", command, NULL);
                _exit(127);
        }
        close_fd(pipe_fds[1]);
        while ((n = read(pipe_fds[0], output + size, 1023 - size)) > 0)
                size += (size_t) n;
        output[size] = '\0';
        close_fd(pipe_fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int run_script(SshScript script, const char *const *arguments, const char *input,
                      char output[1024])
{
        _cleanup_free_ char *command = NULL, *whole = NULL;

        assert_int_equal(ssh_script_format(script, arguments, &command), 0);
        assert_int_equal(strprintf(&whole, "printf '%s' | %s 2>&1", input, command), 0);
        return run(whole, output);
}

static void test_scripts_have_no_single_quotes_of_their_own(void **state)
{
        for (SshScript i = 0; i < _SSH_SCRIPT_MAX; i++) {
                _cleanup_free_ char *command = NULL;
                unsigned n = 0;

                assert_int_equal(
                        ssh_script_format(i, (const char *[]){ "a b", "it's", NULL }, &command), 0);
                for (const char *c = command; *c; c++)
                        n += *c == '\'';
                assert_int_equal(n, 2 + 2 + 5);
                assert_non_null(strstr(command, " 'a b' 'it'\\''s'"));
        }
}

static void test_a_dump_is_saved_by_scripts(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_free_ char *path = NULL, *folder = NULL, *file = NULL, *final = NULL;
        char output[1024];
        uint64_t number = 0;

        assert_int_equal(strprintf(&path, "%s/it's \"$HOME\" `x`/a", root), 0);
        assert_int_equal(strprintf(&folder, "%s/-dump", path), 0);
        assert_int_equal(strprintf(&file, "%s/vmcore-incomplete", folder), 0);
        assert_int_equal(strprintf(&final, "%s/vmcore", folder), 0);

        const char *const begin[] = { path, folder, NULL }, *const one[] = { file, NULL };
        const char *const commit[] = { file, final, "5", folder, NULL };
        const char *const wrong[] = { file, final, "6", folder, NULL };

        assert_int_equal(run_script(SSH_SCRIPT_ROOM, one, "", output), 0);
        assert_int_equal(ssh_script_room(output, &number), 0);
        assert_int_equal(run_script(SSH_SCRIPT_BEGIN, begin, "", output), 0);
        assert_int_not_equal(run_script(SSH_SCRIPT_BEGIN, begin, "", output), 0);
        assert_int_equal(ssh_script_errno(output), -EEXIST);
        assert_int_not_equal(run_script(SSH_SCRIPT_APPEND, one, "no", output), 0);
        assert_int_equal(run_script(SSH_SCRIPT_CREATE, one, "wrong", output), 0);
        assert_int_equal(run_script(SSH_SCRIPT_CREATE, one, "abc", output), 0);
        assert_int_equal(run_script(SSH_SCRIPT_APPEND, one, "de", output), 0);
        assert_int_equal(run_script(SSH_SCRIPT_SYNC, one, "", output), 0);
        assert_int_equal(run_script(SSH_SCRIPT_SIZE, one, "", output), 0);
        assert_int_equal(ssh_script_number(output, &number), 0);
        assert_int_equal(number, 5);
        assert_int_equal(run_script(SSH_SCRIPT_COMMIT, commit, "", output), 0);
        assert_int_equal(access(file, F_OK), -1);
        /* Once more, as when the answer was lost */
        assert_int_equal(run_script(SSH_SCRIPT_COMMIT, commit, "", output), 0);
        assert_int_not_equal(run_script(SSH_SCRIPT_COMMIT, wrong, "", output), 0);
        assert_int_not_equal(run_script(SSH_SCRIPT_SIZE, one, "", output), 0);
        assert_int_equal(ssh_script_errno(output), -ENOENT);

        struct stat st;

        assert_int_equal(stat(final, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(stat(folder, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);

        const char *const discard[] = { folder, NULL };

        assert_int_equal(run_script(SSH_SCRIPT_DISCARD, discard, "", output), 0);
        assert_int_equal(access(folder, F_OK), -1);
        assert_int_equal(access(path, F_OK), 0);
        /* Once more, and where there are no files */
        assert_int_equal(run_script(SSH_SCRIPT_DISCARD, discard, "", output), 0);
        assert_int_equal(run_script(SSH_SCRIPT_BEGIN, begin, "", output), 0);
        assert_int_equal(run_script(SSH_SCRIPT_DISCARD, discard, "", output), 0);
        assert_int_equal(access(folder, F_OK), -1);
}

static void test_probe_says_that_it_is_ready(void **state)
{
        char output[1024];

        assert_int_equal(run_script(SSH_SCRIPT_PROBE, (const char *[]){ NULL }, "", output), 0);
        assert_string_equal(output, SSH_SCRIPT_READY "\n");
}

static void test_errors_are_understood(void **state)
{
        static const struct {
                const char *text;
                int error;
        } cases[] = {
                { "cat: write error: No space left on device", -ENOSPC },
                { "cat: write error: Disk quota exceeded", -EDQUOT },
                { "cat: write error: File too large", -EFBIG },
                { "sh: 1: cannot create x: Read-only file system", -EROFS },
                { "mkdir: cannot create directory 'x': Permission denied", -EACCES },
                { "mkdir: cannot create directory 'x': File exists", -EEXIST },
                { "cat: x: No such file or directory", -ENOENT },
                { "Killed", -EIO },
                { "", -EIO },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(ssh_script_errno(cases[i].text), cases[i].error);
}

static void test_numbers_are_bounded(void **state)
{
        static const char *const bad[] = { "",     "\n",  "x",  "-1",
                                           "+1",   "1 2", "1x", "18446744073709551616",
                                           "0x10", "1.5" };
        uint64_t value = 0;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(ssh_script_number(bad[i], &value), -EBADMSG);
        assert_int_equal(ssh_script_number("  18446744073709551615\n", &value), 0);
        assert_int_equal(value, UINT64_MAX);
}

static void test_room_is_what_df_says(void **state)
{
        static const char head[] = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        static const char *const bad[] = { "/dev/vda1 10 2 ", "/dev/vda1 10 2 x 3% /", "", "\n",
                                           "x 1 1 18446744073709551615 1% /" };
        char text[256];
        uint64_t bytes = 0;

        (void) snprintf(text, sizeof(text), "%s/dev/vda1 1000 200 800 20%% /\n", head);
        assert_int_equal(ssh_script_room(text, &bytes), 0);
        assert_int_equal(bytes, 800 * 1024);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                (void) snprintf(text, sizeof(text), "%s%s", head, bad[i]);
                assert_int_equal(ssh_script_room(text, &bytes), -EBADMSG);
        }
        assert_int_equal(ssh_script_room("no line", &bytes), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scripts_have_no_single_quotes_of_their_own),
                cmocka_unit_test(test_a_dump_is_saved_by_scripts),
                cmocka_unit_test(test_probe_says_that_it_is_ready),
                cmocka_unit_test(test_errors_are_understood),
                cmocka_unit_test(test_numbers_are_bounded),
                cmocka_unit_test(test_room_is_what_df_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
