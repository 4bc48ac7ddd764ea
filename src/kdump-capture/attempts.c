/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns when an attempt is started, gets its order, is given up and is made again. */
#include "attempts.h"

#include <poll.h>
#include <signal.h>

#include "attempt-order.h"
#include "attempt-process.h"
#include "io.h"
#include "log.h"

#define TICK_MSEC 500
#define TICK_SILENT_MSEC 10 /* a process has closed its end, and will be gone in a moment */

/* The attempt gives up by itself at its limits, with a better message than ours. */
#define GRACE_USEC (5 * USEC_PER_SEC)
#define TIMEOUT_MIN_USEC (5 * USEC_PER_SEC)

/* How long those that were not needed may take to save the log and to leave. */
#define LEAVE_USEC (20 * USEC_PER_SEC)

/* A dump to another machine is finished in this time after its deadline, or not at all: with what
 * ending it takes, the next target has its turn within 10 s. */
#define FINISH_USEC (8 * USEC_PER_SEC)

/* How often a vmcore is begun anew at another machine, after its connection broke for good. A
 * process that has died counts for two of these: it may do so each time. */
#define BREAKS_MAX 3
#define DEATH_BREAKS 2

typedef struct Attempt {
        const Target *target;
        size_t index;
        char prefix[32];
        AttemptProcess process;
        CaptureStatus best;
        bool skip_log;
        unsigned n_tries, n_breaks;
        uint64_t begin_usec; /* of the first try, moved on by what it has waited for its order */
        uint64_t limit_usec; /* when it ends to be tried to reach the target */
        uint64_t until_usec; /* ATTEMPT_PAUSED: when it starts again */
        uint64_t ready_usec, order_usec;
} Attempt;

typedef struct AttemptSet {
        const AttemptsRequest *request;
        size_t n;
        Attempt *attempts;
        AttemptState *states;
        const Target *safe_on; /* where the vmcore is */
        uint64_t safe_usec;
} AttemptSet;

bool capture_status_has_vmcore(CaptureStatus status)
{
        return status == CAPTURE_COMPLETE || status == CAPTURE_INCOMPLETE;
}

CaptureStatus capture_status_better(CaptureStatus a, CaptureStatus b)
{
        /* In the order of worth: complete, incomplete, full, log only, nothing. */
        static const int rank[] = {
                [CAPTURE_COMPLETE] = 4, [CAPTURE_INCOMPLETE] = 3, [CAPTURE_FULL] = 2,
                [CAPTURE_LOG_ONLY] = 1, [CAPTURE_NOTHING] = 0,    [CAPTURE_AGAIN] = 0,
        };

        return rank[a] >= rank[b] ? a : b;
}

static uint64_t after(uint64_t usec, uint64_t delay_usec)
{
        return __builtin_add_overflow(usec, delay_usec, &usec) ? USEC_INFINITY : usec;
}

static uint64_t timeout_usec(const Target *target)
{
        return after(MAX(target->timeout_usec, TIMEOUT_MIN_USEC), GRACE_USEC);
}

static uint64_t connect_usec(const Target *target)
{
        return target->connect_usec > 0 ? target->connect_usec : target->timeout_usec;
}

/* When it ends with what it has. */
static uint64_t deadline_usec(const Attempt *attempt)
{
        uint64_t limit_usec = attempt->target->deadline_usec;

        return limit_usec > 0 ? after(attempt->begin_usec, limit_usec) : USEC_INFINITY;
}

static void set_end(AttemptSet *set, size_t i)
{
        const Attempt *attempt = set->attempts + i;

        set->states[i] = ATTEMPT_ENDED;
        log_notice("target %zu: %s", attempt->index + 1, capture_status_to_string(attempt->best));
}

/* Until it is started again, if there is time for that. */
static bool set_sleep(AttemptSet *set, size_t i, uint64_t now_usec)
{
        Attempt *attempt = set->attempts + i;
        uint64_t pause_usec = attempt_pause_usec(attempt->n_tries);
        uint64_t until_usec = after(now_usec, pause_usec);

        if (set->safe_on || until_usec >= MIN(attempt->limit_usec, deadline_usec(attempt)))
                return false;
        log_info("target %zu: trying again in %llu s", attempt->index + 1,
                 (unsigned long long) (pause_usec / USEC_PER_SEC));
        attempt->until_usec = until_usec;
        set->states[i] = ATTEMPT_PAUSED;
        return true;
}

static void set_start(AttemptSet *set, size_t i)
{
        const AttemptsRequest *request = set->request;
        Attempt *attempt = set->attempts + i;
        const AttemptJob job = {
                .plan = request->plan,
                .source = request->source,
                .target = attempt->target,
                .prefix = attempt->prefix,
                .index = attempt->index,
                .skip_log = attempt->skip_log,
                .begin_usec = attempt->begin_usec,
                .memory = request->memory,
        };
        int r;

        attempt->n_tries++;
        r = attempt_process_start(&attempt->process, &job);
        if (r >= 0) {
                set->states[i] = ATTEMPT_STARTING;
                return;
        }
        /* There may be memory again when another attempt has ended. */
        (void) log_error_errno(r, "%scannot start an attempt: %m", attempt->prefix);
        if (!set_sleep(set, i, now_boottime_usec()))
                set_end(set, i);
}

/* Another try, if it makes sense. */
static bool set_pause(AttemptSet *set, size_t i, uint64_t now_usec)
{
        Attempt *attempt = set->attempts + i;

        if (attempt->process.died)
                attempt->n_breaks += DEATH_BREAKS;
        else if (set->states[i] == ATTEMPT_SAVING)
                attempt->n_breaks++;
        if (attempt->n_breaks >= BREAKS_MAX)
                return false;
        if (set->states[i] == ATTEMPT_SAVING) {
                attempt->n_tries = 1;
                attempt->limit_usec = after(now_usec, connect_usec(attempt->target));
        }
        return set_sleep(set, i, now_usec);
}

/* Its process has ended with @status, or was given up. */
static void set_ended(AttemptSet *set, size_t i, CaptureStatus status, uint64_t now_usec)
{
        Attempt *attempt = set->attempts + i;
        AttemptProcess *process = &attempt->process;
        bool again = status == CAPTURE_AGAIN ||
                     (process->died && !process->given_up && target_is_remote(attempt->target));

        attempt_process_done(process);
        if (status == CAPTURE_AGAIN)
                status = process->last.log_saved ? CAPTURE_LOG_ONLY : CAPTURE_NOTHING;
        attempt->best = capture_status_better(attempt->best, status);
        if (process->died && process->last.phase == PROGRESS_LOG && !attempt->skip_log &&
            !set->safe_on) {
                /* A log that kills its reader must not cost the vmcore as well. */
                log_warning("%strying again without the log", attempt->prefix);
                attempt->skip_log = true;
                attempt->begin_usec = now_usec;
                set_start(set, i);
                return;
        }
        if (capture_status_has_vmcore(status)) {
                set->safe_on = attempt->target;
                set->safe_usec = now_usec;
        } else if (again && set_pause(set, i, now_usec)) {
                return;
        }
        set_end(set, i);
}

/* When the process is given up for its silence. */
static uint64_t silence_limit_usec(const AttemptSet *set, size_t i)
{
        const Attempt *attempt = set->attempts + i;
        const AttemptProcess *process = &attempt->process;

        if (set->states[i] == ATTEMPT_READY)
                return USEC_INFINITY;
        if (set->states[i] == ATTEMPT_STARTING && process->last.phase < PROGRESS_LOG &&
            target_is_remote(attempt->target))
                return after(attempt->limit_usec, GRACE_USEC);
        return after(process->progress_usec, timeout_usec(attempt->target));
}

/* When it is given up whatever it does. */
static uint64_t end_limit_usec(const AttemptSet *set, size_t i)
{
        const Attempt *attempt = set->attempts + i;
        bool has_deadline = target_is_remote(attempt->target) && attempt->target->deadline_usec > 0;
        uint64_t end_usec = USEC_INFINITY;

        switch (set->states[i]) {
        case ATTEMPT_STARTING:
                /* A server may take the log byte by byte. */
                if (has_deadline)
                        end_usec = after(MAX(deadline_usec(attempt), attempt->limit_usec),
                                         FINISH_USEC);
                return set->safe_on ? MIN(end_usec, after(set->safe_usec, LEAVE_USEC)) : end_usec;
        case ATTEMPT_LEAVING:
                return after(attempt->order_usec, LEAVE_USEC);
        case ATTEMPT_SAVING:
                /* What was late already when it got its order may still say so. */
                if (has_deadline)
                        end_usec = after(MAX(deadline_usec(attempt), attempt->order_usec),
                                         FINISH_USEC);
                return end_usec;
        default:
                return end_usec;
        }
}

/* Returns whether it was. */
static bool set_give_up(AttemptSet *set, size_t i, uint64_t now_usec)
{
        const char *prefix = set->attempts[i].prefix;
        AttemptProcess *process = &set->attempts[i].process;
        const char *what = set->attempts[i].target->what ?: "";

        if (now_usec > silence_limit_usec(set, i))
                log_error(
                        "%sno progress on '%s' for %llu s, giving it up", prefix, what,
                        (unsigned long long) ((now_usec - process->progress_usec) / USEC_PER_SEC));
        else if (now_usec > end_limit_usec(set, i))
                log_error("%sno more time for '%s', giving it up", prefix, what);
        else
                return false;
        set_ended(set, i, attempt_process_kill(process), now_usec);
        return true;
}

static void set_look(AttemptSet *set, size_t i, uint64_t now_usec)
{
        Attempt *attempt = set->attempts + i;
        CaptureStatus status;

        if (attempt_process_look(&attempt->process, now_usec, &status) > 0) {
                set_ended(set, i, status, now_usec);
                return;
        }
        if (set_give_up(set, i, now_usec))
                return;
        if (set->states[i] == ATTEMPT_STARTING && attempt->process.last.phase == PROGRESS_READY) {
                set->states[i] = ATTEMPT_READY;
                attempt->ready_usec = now_usec;
        }
}

static void set_step(AttemptSet *set, size_t i, uint64_t now_usec)
{
        switch (set->states[i]) {
        case ATTEMPT_ENDED:
                return;
        case ATTEMPT_PAUSED:
                if (set->safe_on)
                        set_end(set, i);
                else if (now_usec >= set->attempts[i].until_usec)
                        set_start(set, i);
                return;
        default:
                set_look(set, i, now_usec);
        }
}

static void set_dismiss(AttemptSet *set, size_t i, uint64_t now_usec)
{
        _cleanup_free_ char *target = NULL, *why = NULL;

        (void) target_describe(set->safe_on, &target);
        (void) strprintf(&why, "the vmcore is on %s", target ?: "another target");
        set->attempts[i].order_usec = now_usec;
        set->states[i] = ATTEMPT_LEAVING;
        attempt_process_order(&set->attempts[i].process, why ?: "it is on another target");
}

static void set_go(AttemptSet *set, size_t i, uint64_t now_usec)
{
        Attempt *attempt = set->attempts + i;

        attempt->begin_usec += now_usec - attempt->ready_usec;
        attempt->order_usec = now_usec;
        set->states[i] = ATTEMPT_SAVING;
        attempt_process_order(&attempt->process, NULL);
}

/* Whoever waits for an order gets it, if it is time. */
static void set_order(AttemptSet *set, uint64_t now_usec)
{
        int next;

        if (!set->safe_on) {
                next = attempt_order_next(set->states, set->n);
                if (next >= 0)
                        set_go(set, (size_t) next, now_usec);
                return;
        }
        for (size_t i = 0; i < set->n; i++)
                if (set->states[i] == ATTEMPT_READY)
                        set_dismiss(set, i, now_usec);
}

static bool set_has_process(const AttemptSet *set, size_t i)
{
        return set->states[i] != ATTEMPT_ENDED && set->states[i] != ATTEMPT_PAUSED;
}

/* Returns whether there is anything left to wait for. */
static bool set_wait(const AttemptSet *set, struct pollfd *poll_fds)
{
        int tick_msec = TICK_MSEC;
        bool left = false;

        for (size_t i = 0; i < set->n; i++) {
                const AttemptProcess *process = &set->attempts[i].process;
                bool open = set_has_process(set, i) && !process->silent;

                left = left || set->states[i] != ATTEMPT_ENDED;
                if (set_has_process(set, i) && process->silent)
                        tick_msec = TICK_SILENT_MSEC;
                poll_fds[i] = (struct pollfd){ .fd = open ? process->fd : -1, .events = POLLIN };
        }
        if (left)
                (void) poll(poll_fds, set->n, tick_msec);
        return left;
}

static void set_begin(AttemptSet *set)
{
        const AttemptsRequest *request = set->request;
        uint64_t now_usec = now_boottime_usec();

        for (size_t i = 0; i < set->n; i++) {
                _cleanup_free_ char *text = NULL;
                Attempt *attempt = set->attempts + i;

                *attempt = (Attempt){
                        .target = request->targets + i,
                        .index = request->first_index + i,
                        .best = CAPTURE_NOTHING,
                        .begin_usec = now_usec,
                        .limit_usec = after(now_usec, connect_usec(request->targets + i)),
                };
                if (set->n > 1)
                        (void) snprintf(attempt->prefix, sizeof(attempt->prefix),
                                        "target %zu: ", attempt->index + 1);
                (void) target_describe(attempt->target, &text);
                log_info("target %zu: %s", attempt->index + 1, text ?: "");
                set_start(set, i);
        }
}

CaptureStatus attempts_run(const AttemptsRequest *request)
{
        AttemptSet set = { .request = request, .n = request->n_targets };
        _cleanup_free_ Attempt *attempts = calloc(set.n, sizeof(*attempts));
        _cleanup_free_ AttemptState *states = calloc(set.n, sizeof(*states));
        _cleanup_free_ struct pollfd *poll_fds = calloc(set.n, sizeof(*poll_fds));
        CaptureStatus best = CAPTURE_NOTHING;

        if (!attempts || !states || !poll_fds) {
                (void) log_oom();
                return CAPTURE_NOTHING;
        }
        /* A child that is gone before it gets its order shows by its end. */
        (void) signal(SIGPIPE, SIG_IGN);
        set.attempts = attempts;
        set.states = states;
        set_begin(&set);
        while (set_wait(&set, poll_fds)) {
                uint64_t now_usec = now_boottime_usec();

                for (size_t i = 0; i < set.n; i++)
                        set_step(&set, i, now_usec);
                set_order(&set, now_usec);
                memory_peak_sample(request->memory, false);
                if (request->network)
                        network_process_look(request->network);
                watchdog_pet(request->watchdog);
        }
        for (size_t i = 0; i < set.n; i++)
                best = capture_status_better(best, attempts[i].best);
        return best;
}
