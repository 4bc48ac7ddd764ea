/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of fallback-prepare.c with drivers and devices that are made up. */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>

#include "fallback-modules.h"
#include "fallback-prepare.h"
#include "io.h"
#include "target-device.h"

typedef enum Script {
        ENDS, /* modules: at once; device: it is there */
        FAILS,
        HANGS,
        ENDS_LATER, /* when the test says so */
} Script;

static Script modules, device;
static int loader_fds[2], go_fds[2];
static unsigned n_alive, n_alive_to_go;

/* It goes on by this with each look at it. */
static uint64_t clock_usec, step_usec;

uint64_t __wrap_now_boottime_usec(void);
uint64_t __wrap_now_boottime_usec(void)
{
        return clock_usec += step_usec;
}

int __wrap_usleep(useconds_t usec);
int __wrap_usleep(useconds_t usec)
{
        return 0;
}

static int act(Script script)
{
        char byte;

        if (script == ENDS_LATER && read(go_fds[0], &byte, 1) == 1)
                return 0;
        while (script == HANGS)
                (void) pause();
        return script == FAILS ? -ENODEV : 0;
}

void fallback_modules_load(const char *path, const char *cmdline)
{
        pid_t pid = getpid();

        assert_true(write(loader_fds[1], &pid, sizeof(pid)) == sizeof(pid));
        (void) act(modules);
}

int target_device_wait(const char *what, uint64_t timeout_usec, char **ret_device)
{
        return streq(what, "LABEL=dumps") ? act(device) : -ENODEV;
}

static void alive(void *data)
{
        assert_ptr_equal(data, &n_alive);
        if (++n_alive == n_alive_to_go)
                assert_true(write(go_fds[1], "", 1) == 1);
}

/* Returns the process that loads, which has been left alone; it ends here. */
static bool prepare(const Target *target)
{
        const Plan plan = { .targets = (Target *) (uintptr_t) target, .n_targets = 1 };
        bool loads;
        pid_t pid;

        n_alive = 0;
        clock_usec = USEC_PER_SEC;
        fallback_prepare(&plan, alive, &n_alive);
        assert_true(read(loader_fds[0], &pid, sizeof(pid)) == sizeof(pid));
        loads = waitpid(pid, NULL, WNOHANG) == 0;
        if (loads)
                assert_int_equal(kill(pid, SIGKILL), 0);
        /* Whoever looks for the device has ended by itself or was killed. */
        while (wait(NULL) > 0)
                continue;
        return loads;
}

static const Target disk = { .type = TARGET_FS, .what = (char[]){ "LABEL=dumps" } };

static void test_modules_are_waited_for(void **state)
{
        static const Script devices[] = { HANGS, FAILS };

        modules = ENDS_LATER;
        step_usec = 0;
        n_alive_to_go = 1000;
        for (size_t i = 0; i < ELEMENTSOF(devices); i++) {
                device = devices[i];
                assert_false(prepare(&disk));
                assert_true(n_alive >= n_alive_to_go);
        }
        n_alive_to_go = 0;
}

static void test_a_device_that_is_there_is_used_at_once(void **state)
{
        modules = HANGS;
        device = ENDS;
        step_usec = 0;
        assert_true(prepare(&disk));
}

static void test_a_driver_that_takes_long_is_not_killed(void **state)
{
        static const struct {
                uint64_t deadline_usec, limit_usec;
        } cases[] = {
                { 0, 300 * USEC_PER_SEC },
                { 100 * USEC_PER_SEC, 100 * USEC_PER_SEC },
                { 3000 * USEC_PER_SEC, 300 * USEC_PER_SEC },
                { USEC_INFINITY, 300 * USEC_PER_SEC },
        };

        modules = device = HANGS;
        step_usec = USEC_PER_SEC;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Target target = disk;

                target.deadline_usec = cases[i].deadline_usec;
                assert_true(prepare(&target));
                assert_true(clock_usec > cases[i].limit_usec);
                assert_true(clock_usec < cases[i].limit_usec + 5 * USEC_PER_SEC);
        }
}

/* Looking for it would find nothing. */
static void test_a_server_is_not_looked_for_among_the_disks(void **state)
{
        const Target server = { .type = TARGET_SSH, .what = (char[]){ "LABEL=dumps" } };

        modules = ENDS_LATER;
        device = ENDS;
        step_usec = 0;
        n_alive_to_go = 1000;
        assert_false(prepare(&server));
        n_alive_to_go = 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modules_are_waited_for),
                cmocka_unit_test(test_a_device_that_is_there_is_used_at_once),
                cmocka_unit_test(test_a_driver_that_takes_long_is_not_killed),
                cmocka_unit_test(test_a_server_is_not_looked_for_among_the_disks),
        };

        if (pipe(loader_fds) < 0 || pipe(go_fds) < 0)
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
