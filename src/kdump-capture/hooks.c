/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of hooks, and how long one may take. */
#include "hooks.h"

#include <signal.h>
#include <sys/wait.h>

#include "io.h"
#include "log.h"
#include "process.h"

/* A hook may well copy a whole dump elsewhere, but not keep the machine from coming back. */
#define HOOK_TIMEOUT_USEC (60 * 60 * USEC_PER_SEC)
#define ALIVE_INTERVAL_USEC (USEC_PER_SEC / 4)

/* Exit status, 128+N for a signal, or -errno. */
static int hook_wait(pid_t pid, AliveFunc alive, void *data)
{
        uint64_t start_usec = now_boottime_usec();
        int status;

        for (;;) {
                pid_t p = waitpid(pid, &status, WNOHANG);

                if (p < 0)
                        return -errno;
                if (p == pid)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                if (now_boottime_usec() - start_usec > HOOK_TIMEOUT_USEC) {
                        (void) kill(pid, SIGKILL);
                        return -ETIMEDOUT;
                }
                alive(data);
                (void) usleep(ALIVE_INTERVAL_USEC);
        }
}

static int hook_run(const char *path, const char *argument, AliveFunc alive, void *data)
{
        char *argv[] = { (char *) path, (char *) argument, NULL };
        pid_t pid;
        int r;

        log_info("running hook '%s'", path);
        r = process_start(argv, 0, &pid);
        if (r < 0)
                return log_error_errno(r, "cannot run hook '%s': %m", path);
        r = hook_wait(pid, alive, data);
        if (r < 0)
                return log_error_errno(r, "hook '%s': %m", path);
        if (r > 0)
                log_warning("hook '%s' ended with status %d", path, r);
        return r;
}

static void hooks_run_all(char *const *paths, const char *argument, AliveFunc alive, void *data)
{
        for (char *const *path = paths; path && *path; path++)
                (void) hook_run(*path, argument, alive, data);
}

int hooks_pre(const Plan *plan, AliveFunc alive, void *data)
{
        if (plan->kdump_pre && hook_run(plan->kdump_pre, NULL, alive, data) != 0) {
                log_error("kdump_pre '%s' failed: no dump is taken", plan->kdump_pre);
                return -ECANCELED;
        }
        hooks_run_all(plan->pre_d, NULL, alive, data);
        return 0;
}

void hooks_post(const Plan *plan, CaptureStatus status, AliveFunc alive, void *data)
{
        char argument[16];

        (void) snprintf(argument, sizeof(argument), "%d", (int) status);
        hooks_run_all(plan->post_d, argument, alive, data);
        if (plan->kdump_post)
                (void) hook_run(plan->kdump_post, argument, alive, data);
}

void hooks_emergency(const Plan *plan, AliveFunc alive, void *data)
{
        hooks_run_all(plan->emergency_d, NULL, alive, data);
        if (plan->kdump_emergency)
                (void) hook_run(plan->kdump_emergency, NULL, alive, data);
}
