/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of the whole capture. */
#include "supervisor.h"

#include <fcntl.h>

#include "attempts.h"
#include "console-log.h"
#include "crash-clock.h"
#include "finish.h"
#include "hooks.h"
#include "log.h"
#include "network-process.h"
#include "purgatory-status.h"

#define SOURCE "/proc/vmcore"

static void alive(void *data)
{
        watchdog_pet(data);
}

/* How this crash kernel was found when it was needed. */
static void tell_purgatory(void)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        PurgatoryStatus status;
        int r;

        r = root_fd < 0 ? -errno : purgatory_status_read(root_fd, &status);
        if (r >= 0)
                r = purgatory_status_describe(&status, &text);
        if (r < 0 && r != -ENOENT)
                (void) log_warning_errno(r, "what the purgatory did is not known, ignoring: %m");
        if (r >= 0)
                log_notice("%s", text);
}

/* What only servers want to know: the time, and who it is. (An NFS server takes clients of the same
 * name for the same client: nfs4_init_uniform_client_string() in fs/nfs/nfs4proc.c.) */
static void introduce(const Plan *plan, Watchdog *watchdog)
{
        const char *name = plan->hostname;

        for (size_t i = 0; i < plan->n_targets; i++) {
                if (!target_is_remote(plan->targets + i))
                        continue;
                if (!strempty(name) && sethostname(name, strlen(name)) < 0)
                        (void) log_warning_errno(errno, "cannot set the name '%s', ignoring: %m",
                                                 name);
                crash_clock_set(SOURCE, alive, watchdog);
                return;
        }
}

static CaptureStatus try_targets(const Plan *plan, NetworkProcess *network, Watchdog *watchdog)
{
        _cleanup_(memory_peak_freep) MemoryPeak *memory = memory_peak_new();
        AttemptsRequest request = {
                .plan = plan,
                .source = SOURCE,
                .targets = plan->targets,
                .n_targets = plan->n_targets,
                .memory = memory,
                .network = network,
                .watchdog = watchdog,
        };
        CaptureStatus best;

        introduce(plan, watchdog);
        memory_peak_sample(memory, true);
        best = attempts_run(&request);
        if (!capture_status_has_vmcore(best) && plan->failure_action == ACTION_DUMP_TO_ROOTFS &&
            plan->rootfs) {
                log_notice("failure action: dump to the root file system");
                request.targets = plan->rootfs;
                request.first_index = plan->n_targets;
                request.n_targets = 1;
                best = capture_status_better(best, attempts_run(&request));
        }
        return best == CAPTURE_FULL ? CAPTURE_INCOMPLETE : best;
}

/* The failure action, or the final one when there is nothing (left) to do about the failure. */
static Action failure_end(const Plan *plan, Watchdog *watchdog)
{
        switch (plan->failure_action) {
        case ACTION_SHELL:
                finish_shell(watchdog);
                return plan->final_action;
        case ACTION_DUMP_TO_ROOTFS:
                return plan->final_action;
        default:
                log_notice("failure action: %s", action_to_string(plan->failure_action));
                return plan->failure_action;
        }
}

void supervisor_run(const Plan *plan,
                    void (*prepare)(const Plan *plan, AliveFunc alive, void *data))
{
        NetworkProcess network;
        Watchdog watchdog;
        CaptureStatus status;

        watchdog_init(&watchdog);
        watchdog_pet(&watchdog);
        tell_purgatory();
        if (prepare)
                prepare(plan, alive, &watchdog);
        network_process_start(&network, &plan->network);
        if (hooks_pre(plan, alive, &watchdog) < 0) {
                console_log_show(alive, &watchdog);
                finish(plan->final_action, &watchdog);
        }

        status = try_targets(plan, &network, &watchdog);
        if (status == CAPTURE_NOTHING)
                console_log_show(alive, &watchdog);
        hooks_post(plan, status, alive, &watchdog);

        if (capture_status_has_vmcore(status))
                finish(plan->final_action, &watchdog);
        log_error("no vmcore was saved (%s)", capture_status_to_string(status));
        hooks_emergency(plan, alive, &watchdog);
        finish(failure_end(plan, &watchdog), &watchdog);
}

void supervisor_failsafe(const Plan *plan)
{
        Watchdog watchdog;
        Action action = ACTION_REBOOT;

        log_error("the capture ended before its time: failsafe");
        watchdog_init(&watchdog);
        watchdog_pet(&watchdog);
        console_log_show(alive, &watchdog);
        if (plan &&
            (plan->failure_action == ACTION_HALT || plan->failure_action == ACTION_POWEROFF))
                action = plan->failure_action;
        finish(action, &watchdog);
}
