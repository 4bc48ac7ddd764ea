/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of running programs. This binary is its own child: "test-process exit 3". */
#include "test.h"

#include <signal.h>

#include "parse.h"
#include "process.h"

#define FOREVER USEC_INFINITY

static int run_self(const char *verb, const char *value, uint64_t timeout_usec, int *ret_status)
{
        char *argv[] = { (char *) "/proc/self/exe", (char *) verb, (char *) value, NULL };

        return process_run(argv, PROCESS_QUIET, timeout_usec, ret_status);
}

static void test_exit_status(void **state)
{
        int status = -1;

        assert_int_equal(run_self("exit", "0", FOREVER, &status), 0);
        assert_int_equal(status, 0);
        assert_int_equal(run_self("exit", "3", FOREVER, &status), 0);
        assert_int_equal(status, 3);
}

static void test_signal_is_128_and_more(void **state)
{
        int status = -1;

        assert_int_equal(run_self("kill", "9", 60 * USEC_PER_SEC, &status), 0);
        assert_int_equal(status, 128 + SIGKILL);
}

static void test_program_that_does_not_exist(void **state)
{
        char *missing[] = { (char *) "/nonexistent/program", NULL };
        char *folder[] = { (char *) "/", NULL };
        int status = -1;
        pid_t pid = 0;

        assert_int_equal(process_run(missing, 0, FOREVER, &status), -ENOENT);
        assert_int_equal(process_start(folder, 0, &pid), -EACCES);
        assert_int_equal(status, -1);
        assert_int_equal(pid, 0);
}

static void test_timeout_kills(void **state)
{
        int status = -1;

        assert_int_equal(run_self("pause", NULL, 50 * USEC_PER_MSEC, &status), -ETIMEDOUT);
        assert_int_equal(status, -1);
}

/* Its child keeps a pipe open for as long as it lives. */
static void test_timeout_kills_the_group(void **state)
{
        char number[16], *argv[] = { (char *) "/proc/self/exe", (char *) "parent", number, NULL };
        _cleanup_close_ int read_fd = -EBADF;
        int fds[2], status = -1;
        pid_t pid = 0;
        char c;

        assert_int_equal(pipe2(fds, 0), 0);
        read_fd = fds[0];
        (void) snprintf(number, sizeof(number), "%d", fds[1]);
        assert_int_equal(process_start(argv, PROCESS_QUIET | PROCESS_GROUP, &pid), 0);
        close_fd(fds[1]);
        assert_int_equal(read(read_fd, &c, 1), 1);
        assert_int_equal(process_wait(pid, 0, &status), -ETIMEDOUT);
        assert_int_equal(read(read_fd, &c, 1), 0);
}

static void test_huge_timeout_is_not_over_at_once(void **state)
{
        int status = -1;

        assert_int_equal(run_self("exit", "0", USEC_INFINITY - 1, &status), 0);
        assert_int_equal(status, 0);
}

static void test_child_starts_with_clean_signals_and_input(void **state)
{
        sigset_t all, old;
        int status = -1;

        sigfillset(&all);
        assert_int_equal(sigprocmask(SIG_BLOCK, &all, &old), 0);
        assert_int_equal(run_self("check", NULL, FOREVER, &status), 0);
        assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
        assert_int_equal(status, 0);
}

static void test_closed_standard_input(void **state)
{
        _cleanup_close_ int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        int status = -1, r;

        (void) close(STDIN_FILENO);
        r = run_self("check", NULL, FOREVER, &status);
        if (saved >= 0)
                (void) dup2(saved, STDIN_FILENO);
        assert_int_equal(r, 0);
        assert_int_equal(status, 0);
}

/* A program of the system, which is found whatever the caller's PATH is. */
static void test_system_path(void **state)
{
        _cleanup_free_ char *old = strdup(getenv("PATH") ?: "");
        char *by_name[] = { (char *) "true", NULL };
        char *self[] = { (char *) "/proc/self/exe", (char *) "path", NULL };
        int with = -1, self_with = -1, self_without = -1, r, r_without;

        assert_non_null(old);
        assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
        r_without = process_run(by_name, PROCESS_QUIET, FOREVER, &with);
        r = process_run(by_name, PROCESS_QUIET | PROCESS_SYSTEM_PATH, FOREVER, &with);
        (void) process_run(self, PROCESS_QUIET, FOREVER, &self_without);
        (void) process_run(self, PROCESS_QUIET | PROCESS_SYSTEM_PATH, FOREVER, &self_with);
        assert_string_equal(getenv("PATH"), "/nonexistent");
        assert_int_equal(setenv("PATH", old, 1), 0);
        assert_int_equal(r_without, -ENOENT);
        assert_int_equal(r, 0);
        assert_int_equal(with, 0);
        assert_int_equal(self_without, 1);
        assert_int_equal(self_with, 0);
}

/* Exits 0 if no signal is blocked and standard input is open and empty. */
static int child_check(void)
{
        sigset_t now;
        char c;

        if (sigprocmask(SIG_SETMASK, NULL, &now) < 0 || sigismember(&now, SIGTERM) ||
            sigismember(&now, SIGCHLD))
                return 1;
        return read(STDIN_FILENO, &c, 1) == 0 ? 0 : 2;
}

/* Tells by @fd that there is a child. */
static int child_parent(int fd)
{
        if (fork() == 0)
                return write(fd, "x", 1) == 1 ? pause() : 1;
        close_fd(fd);
        return pause();
}

static void test_output_is_read(void **state)
{
        char *const hello[] = { (char[]){ "sh" }, (char[]){ "-c" },
                                (char[]){ "echo hello; echo no >&2; exit 3" }, NULL };
        char *const none[] = { (char[]){ "true" }, NULL };
        char *const missing[] = { (char[]){ "/no/such/program" }, NULL };
        _cleanup_free_ char *text = NULL, *empty = NULL, *large = NULL;
        int status = -1;

        assert_int_equal(
                process_run_output(hello, PROCESS_QUIET, 60 * USEC_PER_SEC, 100, &text, &status),
                0);
        assert_string_equal(text, "hello\n");
        assert_int_equal(status, 3);
        assert_int_equal(process_run_output(none, 0, 60 * USEC_PER_SEC, 100, &empty, &status), 0);
        assert_string_equal(empty, "");
        assert_int_equal(
                process_run_output(hello, PROCESS_QUIET, 60 * USEC_PER_SEC, 3, &large, &status),
                -EFBIG);
        assert_int_equal(process_run_output(missing, 0, USEC_PER_SEC, 100, &large, &status),
                         -ENOENT);
}

static int child(char **argv)
{
        uint32_t value = 0;

        if (argv[2] && parse_u32(argv[2], &value) < 0)
                return 99;
        if (streq(argv[1], "exit"))
                return (int) value;
        if (streq(argv[1], "kill"))
                return raise((int) value);
        if (streq(argv[1], "check"))
                return child_check();
        if (streq(argv[1], "path"))
                return streq_ptr(getenv("PATH"), "/usr/sbin:/usr/bin:/sbin:/bin") ? 0 : 1;
        if (streq(argv[1], "parent"))
                return child_parent((int) value);
        return pause();
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_exit_status),
                cmocka_unit_test(test_signal_is_128_and_more),
                cmocka_unit_test(test_program_that_does_not_exist),
                cmocka_unit_test(test_timeout_kills),
                cmocka_unit_test(test_timeout_kills_the_group),
                cmocka_unit_test(test_huge_timeout_is_not_over_at_once),
                cmocka_unit_test(test_child_starts_with_clean_signals_and_input),
                cmocka_unit_test(test_closed_standard_input),
                cmocka_unit_test(test_system_path),
                cmocka_unit_test(test_output_is_read),
        };

        if (argc > 1)
                return child(argv);
        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
