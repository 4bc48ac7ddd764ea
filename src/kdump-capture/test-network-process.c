/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of network-process.c with a network that ends in many ways. */
#include "network-process.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "io.h"
#include "net-wait.h"
#include "test.h"

#define MANY 100

/* Shared with the children. */
typedef struct Script {
        unsigned n_failures; /* how often it fails before it succeeds */
        int signal;          /* by which; 0: it returns an error */
        atomic_uint n_runs;
} Script;

static Script *script;
static uint64_t clock_usec;

uint64_t __wrap_now_boottime_usec(void);

uint64_t __wrap_now_boottime_usec(void)
{
        return clock_usec;
}

int net_wait_links(const Network *network, uint64_t deadline_usec)
{
        if (atomic_fetch_add(&script->n_runs, 1) >= script->n_failures)
                return 0;
        if (script->signal > 0) {
                if (script->signal != SIGKILL)
                        (void) signal(script->signal, SIG_DFL); /* not cmocka's */
                (void) kill(getpid(), script->signal);
        }
        return -EIO;
}

/* Looks often enough, for long enough, to see all that there is to come of it. */
static unsigned run(size_t n_links, unsigned n_failures, int signal)
{
        Network network = { .n_links = n_links };
        NetworkProcess process;
        siginfo_t info;

        *script = (Script){ .n_failures = n_failures, .signal = signal };
        clock_usec = 1;
        network_process_start(&process, &network);
        for (unsigned i = 0; i < MANY; i++) {
                if (process.pid > 0)
                        assert_int_equal(
                                waitid(P_PID, (id_t) process.pid, &info, WEXITED | WNOWAIT), 0);
                network_process_look(&process);
                clock_usec += 60 * USEC_PER_SEC;
        }
        assert_int_equal(process.pid, 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
        return atomic_load(&script->n_runs);
}

static void test_what_has_done_its_work_is_not_started_again(void **state)
{
        assert_int_equal(run(1, 0, 0), 1);
}

static void test_nothing_to_care_for(void **state)
{
        assert_int_equal(run(0, 0, 0), 0);
}

static void test_what_ended_early_is_started_again(void **state)
{
        assert_int_equal(run(1, 2, SIGKILL), 3);
        assert_int_equal(run(1, 1, SIGSEGV), 2);
        assert_int_equal(run(1, 3, 0), 4);
}

static void test_what_always_ends_early_is_given_up(void **state)
{
        assert_int_equal(run(1, UINT32_MAX, SIGKILL), 6);
        assert_int_equal(run(1, UINT32_MAX, 0), 6);
}

static void test_it_waits_before_it_starts_again(void **state)
{
        Network network = { .n_links = 1 };
        NetworkProcess process;
        siginfo_t info;

        *script = (Script){ .n_failures = UINT32_MAX };
        clock_usec = 1;
        network_process_start(&process, &network);
        assert_int_equal(waitid(P_PID, (id_t) process.pid, &info, WEXITED | WNOWAIT), 0);
        for (unsigned i = 0; i < MANY; i++)
                network_process_look(&process);
        assert_int_equal(process.pid, 0);
        assert_int_equal(atomic_load(&script->n_runs), 1);
        clock_usec += USEC_PER_SEC;
        network_process_look(&process);
        assert_true(process.pid > 0);
        assert_int_equal(waitpid(process.pid, NULL, 0), process.pid);
        assert_int_equal(atomic_load(&script->n_runs), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_has_done_its_work_is_not_started_again),
                cmocka_unit_test(test_nothing_to_care_for),
                cmocka_unit_test(test_what_ended_early_is_started_again),
                cmocka_unit_test(test_what_always_ends_early_is_given_up),
                cmocka_unit_test(test_it_waits_before_it_starts_again),
        };

        script = mmap(NULL, sizeof(*script), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        if (script == MAP_FAILED)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
