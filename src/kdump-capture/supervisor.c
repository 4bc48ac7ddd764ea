/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of the whole capture. */
#include "supervisor.h"

#include "attempt-process.h"
#include "console-log.h"
#include "finish.h"
#include "hooks.h"
#include "log.h"

static void alive(void *data)
{
        watchdog_pet(data);
}

static bool vmcore_saved(CaptureStatus status)
{
        return status == CAPTURE_COMPLETE || status == CAPTURE_INCOMPLETE;
}

static CaptureStatus better(CaptureStatus a, CaptureStatus b)
{
        /* In the order of worth: complete, incomplete, full, log only, nothing. */
        static const int rank[] = {
                [CAPTURE_COMPLETE] = 4, [CAPTURE_INCOMPLETE] = 3, [CAPTURE_FULL] = 2,
                [CAPTURE_LOG_ONLY] = 1, [CAPTURE_NOTHING] = 0,
        };

        return rank[a] >= rank[b] ? a : b;
}

static CaptureStatus try_target(const Plan *plan, const Target *target, size_t index,
                                MemoryPeak *memory, Watchdog *watchdog)
{
        _cleanup_free_ char *text = NULL;
        CaptureStatus status;

        (void) target_describe(target, &text);
        log_info("target %zu: %s", index + 1, text ?: "");
        status = attempt_process_run(plan, target, index, memory, watchdog);
        log_notice("target %zu: %s", index + 1, capture_status_to_string(status));
        return status;
}

static CaptureStatus try_targets(const Plan *plan, Watchdog *watchdog)
{
        _cleanup_(memory_peak_freep) MemoryPeak *memory = memory_peak_new();
        CaptureStatus best = CAPTURE_NOTHING;

        memory_peak_sample(memory, true);
        for (size_t i = 0; i < plan->n_targets && !vmcore_saved(best); i++)
                best = better(best, try_target(plan, plan->targets + i, i, memory, watchdog));

        if (!vmcore_saved(best) && plan->failure_action == ACTION_DUMP_TO_ROOTFS && plan->rootfs) {
                log_notice("failure action: dump to the root file system");
                best = better(best,
                              try_target(plan, plan->rootfs, plan->n_targets, memory, watchdog));
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

void supervisor_run(const Plan *plan)
{
        Watchdog watchdog;
        CaptureStatus status;

        watchdog_init(&watchdog);
        watchdog_pet(&watchdog);
        if (hooks_pre(plan, alive, &watchdog) < 0) {
                console_log_show(alive, &watchdog);
                finish(plan->final_action, &watchdog);
        }

        status = try_targets(plan, &watchdog);
        if (status == CAPTURE_NOTHING)
                console_log_show(alive, &watchdog);
        hooks_post(plan, status, alive, &watchdog);

        if (vmcore_saved(status))
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
