/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests that `kdumpd reload` ends, whatever the daemon does when it is told. */
#include "verb-reload.h"

#include "test-fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "io.h"
#include "state.h"

static void publish(int root_fd, uint64_t request, bool failed)
{
        State state = { .state = ARM_STATE_ARMED,
                        .reason = (char[]){ "a reason" },
                        .request = request,
                        .request_failed = failed };

        assert_int_equal(state_write(root_fd, &state), 0);
}

static void answer_well(int root_fd)
{
        publish(root_fd, 7, false);
        publish(root_fd, 8, false);
}

static void answer_with_a_failure(int root_fd)
{
        publish(root_fd, 8, true);
}

/* What file_write_atomic() does when there is no room. */
static void fail_to_write(int root_fd)
{
        int fd = openat(root_fd, "run/kdumpd/state.json.tmp", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        close_fd(fd);
        assert_int_equal(unlinkat(root_fd, "run/kdumpd/state.json.tmp", 0), 0);
}

static void lose_the_file(int root_fd)
{
        assert_int_equal(unlinkat(root_fd, "run/kdumpd/state.json", 0), 0);
}

static void write_at_the_second_try(int root_fd)
{
        fail_to_write(root_fd);
        lose_the_file(root_fd);
        publish(root_fd, 8, false);
}

static void end(int root_fd)
{
        _exit(0);
}

/* Does @act when it is told to reload, and stays. */
static pid_t daemon_new(int root_fd, void (*act)(int root_fd))
{
        sigset_t set;
        pid_t pid;

        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (sigwaitinfo(&set, NULL) < 0)
                        _exit(1);
                act(root_fd);
                for (;;)
                        (void) pause();
        }
        return pid;
}

static void test_it_ends(void **state)
{
        static const struct {
                void (*act)(int root_fd);
                int status;
        } cases[] = {
                { answer_well, 0 },   { answer_with_a_failure, 1 },   { fail_to_write, 1 },
                { lose_the_file, 1 }, { write_at_the_second_try, 0 }, { end, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                pid_t pid;
                int r;

                fixture_init(&root);
                publish(root.fd, 7, false);
                pid = daemon_new(root.fd, cases[i].act);
                r = verb_reload_below(root.path, pid);
                (void) kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                if (r != cases[i].status)
                        fail_msg("case %zu returns %d", i, r);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
