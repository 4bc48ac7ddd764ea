/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the rules by which kdumpd arms: one table of cases, from top to bottom, the first wins. */
#include "decide.h"

#include <inttypes.h>

#include "io.h"

/* An input that changes while an image is built makes a second build necessary. */
#define BUILDS_MAX 2

#define NO_REBUILD_PROBLEM "force_no_rebuild forbids to build the base image that is needed"

void decision_done(Decision *decision)
{
        if (!decision)
                return;
        free(decision->reason);
        *decision = (Decision){ 0 };
}

#define decision_set(ret, act, st, ...)                                                            \
        ({                                                                                         \
                (ret)->action = (act);                                                             \
                (ret)->state = (st);                                                               \
                strprintf(&(ret)->reason, __VA_ARGS__);                                            \
        })

/* Why the kernel would refuse to load; NULL if it would not. Both can only be undone by a reboot
 * (kernel/kexec_core.c, kexec_load_permitted(), v6.3). */
static const char *load_forbidden(const Facts *facts)
{
        if (facts->load_disabled)
                return "the kernel refuses to load until the next boot: kernel.kexec_load_disabled "
                       "is 1";
        if (facts->load_limit == 0)
                return "the kernel refuses to load until the next boot: "
                       "kernel.kexec_load_limit_panic has come down to 0";
        return NULL;
}

/* Why what is armed is not to be replaced; NULL if it may be. The kernel frees it before it looks
 * at the new image, so that the last load that is permitted has no way back. That is for people to
 * decide, but what is damaged is little to lose. */
static const char *replace_forbidden(const Facts *facts, const Situation *s)
{
        const char *forbidden = load_forbidden(facts);

        if (forbidden || facts->load_limit != 1 || s->asked || s->damage)
                return forbidden;
        return "kernel.kexec_load_limit_panic permits one more load until the next boot, and if "
               "that failed nothing would be armed: 'kdumpctl reload' does it";
}

/* What is asked for cannot be had: the best of what there is. */
static int decide_problem(const Facts *facts, const Situation *s, const char *problem,
                          Decision *ret)
{
        ret->failed = true;
        if (facts->crash_loaded && s->foreign)
                return decision_set(ret, DECIDE_NOTHING, ARM_STATE_DEGRADED,
                                    "someone else's image is armed: %s", problem);
        if (facts->crash_loaded && s->armed_generation > 0)
                return decision_set(ret, DECIDE_NOTHING, ARM_STATE_DEGRADED,
                                    "generation %" PRIu64 ", an older image, is armed: %s",
                                    s->armed_generation, problem);
        if (facts->crash_loaded)
                return decision_set(ret, DECIDE_NOTHING, ARM_STATE_DEGRADED,
                                    "an image of unknown origin is armed: %s", problem);
        if (s->restorable > 0 && !load_forbidden(facts))
                return decision_set(ret, DECIDE_RESTORE, ARM_STATE_DISARMED,
                                    "loading generation %" PRIu64 ", the last good one: %s",
                                    s->restorable, problem);
        return decision_set(ret, DECIDE_FAIL, ARM_STATE_DISARMED, "%s", problem);
}

static int decide_build(const Facts *facts, const Situation *s, Decision *ret)
{
        const char *why = s->base_missing ?: "force_rebuild is set";

        if (s->base_missing && s->force_no_rebuild) {
                _cleanup_free_ char *problem = NULL;
                int r;

                r = strprintf(&problem, "%s: %s", NO_REBUILD_PROBLEM, why);
                if (r < 0)
                        return r;
                return decide_problem(facts, s, problem, ret);
        }
        if (s->builds_done >= BUILDS_MAX) {
                _cleanup_free_ char *problem = NULL;
                int r;

                r = strprintf(&problem, "the base image just built cannot be used: %s", why);
                if (r < 0)
                        return r;
                return decide_problem(facts, s, problem, ret);
        }
        /* A build takes minutes, and the machine may panic meanwhile. */
        if (!facts->crash_loaded && s->restorable > 0 && !load_forbidden(facts))
                return decision_set(ret, DECIDE_RESTORE, ARM_STATE_DISARMED,
                                    "loading generation %" PRIu64
                                    ", the last good one, until a base image is built: %s",
                                    s->restorable, why);
        return decision_set(ret, DECIDE_BUILD, ARM_STATE_BUILDING, "building a base image: %s",
                            why);
}

/* What the configuration asks for, and what is in the way. */
static int decide_wanted(const Facts *facts, const Situation *s, Decision *ret)
{
        const char *forbidden;

        if (facts->crash_size_bytes == 0 && !facts->crash_loaded) {
                ret->failed = true;
                return decision_set(ret, DECIDE_FAIL, ARM_STATE_UNAVAILABLE,
                                    "no memory is reserved for a crash kernel");
        }
        if (s->problem)
                return decide_problem(facts, s, s->problem, ret);
        if (s->build_running)
                return decision_set(ret, DECIDE_WAIT, ARM_STATE_BUILDING,
                                    "a base image is being built");
        if (s->base_missing || (s->force_rebuild && s->builds_done == 0))
                return decide_build(facts, s, ret);
        if (facts->crash_loaded && s->wanted_is_armed && s->base_outdated)
                return decision_set(
                        ret, DECIDE_NOTHING, ARM_STATE_STALE,
                        "generation %" PRIu64 " is armed, and a new base image is built %s: %s",
                        s->armed_generation, s->build_waits ?: "soon", s->base_outdated);
        if (facts->crash_loaded && s->wanted_is_armed)
                return decision_set(ret, DECIDE_NOTHING, ARM_STATE_ARMED,
                                    "generation %" PRIu64 " is armed%s%s", s->armed_generation,
                                    s->warning ? "; " : "", s->warning ?: "");
        forbidden = facts->crash_loaded ? replace_forbidden(facts, s) : load_forbidden(facts);
        if (forbidden)
                return decide_problem(facts, s, forbidden, ret);
        if (facts->crash_loaded)
                return decision_set(ret, DECIDE_LOAD, ARM_STATE_STALE,
                                    "what is armed is not what the configuration asks for");
        return decision_set(ret, DECIDE_LOAD, ARM_STATE_DISARMED, "no crash kernel is loaded");
}

static int decision_replace(Decision *d, DecideAction action, ArmState state, char *reason)
{
        free(d->reason);
        d->reason = reason;
        d->action = action;
        d->state = state;
        return 0;
}

/* Nothing is loaded, and what is held in memory is nearer than anything else. */
static int decide_load_held(const Situation *s, Decision *d)
{
        char *reason;
        int r;

        if (d->action == DECIDE_LOAD)
                return 0;
        r = strprintf(&reason,
                      "no crash kernel is loaded: loading generation %" PRIu64
                      " again, from memory",
                      s->held);
        if (r < 0)
                return r;
        return decision_replace(d, DECIDE_RELOAD, ARM_STATE_DISARMED, reason);
}

/* What is loaded is not right any more, whatever becomes of what is asked for. */
static int decide_stale(const Facts *facts, const Situation *s, Decision *d)
{
        const char *why = s->foreign  ? "someone else has loaded another image"
                          : s->damage ? s->damage
                                      : s->stale_headers;
        const char *forbidden = replace_forbidden(facts, s);
        char *reason;
        int r;

        /* A load would bring new headers with it. */
        if (d->action == DECIDE_LOAD)
                return 0;
        if (s->held > 0 && !forbidden) {
                r = strprintf(&reason, "loading generation %" PRIu64 " again: %s", s->held, why);
                if (r < 0)
                        return r;
                return decision_replace(d, DECIDE_RELOAD, ARM_STATE_STALE, reason);
        }
        /* What has failed was told; that a new base image is waited for is no failure. */
        if (d->action != DECIDE_NOTHING || d->failed)
                return 0;
        r = strprintf(&reason, "%s%s%s", why,
                      why == s->stale_headers ? ", but the image does not know yet: " : "; ",
                      forbidden ?: "loading it again has failed");
        if (r < 0)
                return r;
        d->failed = true;
        return decision_replace(d, DECIDE_NOTHING, ARM_STATE_DEGRADED, reason);
}

int decide(const Facts *facts, const Situation *s, Decision *ret)
{
        int r;

        *ret = (Decision){ 0 };
        r = decide_wanted(facts, s, ret);
        if (r < 0)
                return r;
        if (facts->crash_loaded && (s->foreign || s->damage || s->stale_headers))
                r = decide_stale(facts, s, ret);
        else if (!facts->crash_loaded && facts->crash_size_bytes > 0 && s->held > 0 &&
                 !load_forbidden(facts))
                r = decide_load_held(s, ret);
        if (r < 0)
                decision_done(ret);
        return r;
}

bool decide_unload(const char *job_type, const char *system_state, const char **ret_reason)
{
        if (!system_state) {
                *ret_reason = "the service manager did not say why the service ends";
                return false;
        }
        if (streq(system_state, "stopping")) {
                *ret_reason = "the system goes down, and may still panic";
                return false;
        }
        if (!job_type) {
                *ret_reason = "nobody asked the service to stop";
                return false;
        }
        if (!streq(job_type, "stop")) {
                *ret_reason = "the service is to run again";
                return false;
        }
        *ret_reason = "the service was asked to stop";
        return true;
}
