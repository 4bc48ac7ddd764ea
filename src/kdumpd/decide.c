/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the rules by which kdumpd arms: one table of cases, from top to bottom, the first wins. */
#include "decide.h"

#include <inttypes.h>

#include "io.h"

#define NO_REBUILD_PROBLEM "force_no_rebuild forbids to build the base image that is needed"
#define LOAD_DISABLED_PROBLEM "the kernel refuses to load: kernel.kexec_load_disabled is 1"

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

/* What is asked for cannot be had: the best of what there is. */
static int decide_problem(const Facts *facts, const Situation *s, const char *problem,
                          Decision *ret)
{
        ret->failed = true;
        if (facts->crash_loaded && s->armed_generation > 0)
                return decision_set(ret, DECIDE_NOTHING, ARM_STATE_DEGRADED,
                                    "generation %" PRIu64 ", an older image, is armed: %s",
                                    s->armed_generation, problem);
        if (facts->crash_loaded)
                return decision_set(ret, DECIDE_NOTHING, ARM_STATE_DEGRADED,
                                    "an image of unknown origin is armed: %s", problem);
        if (s->restorable > 0 && !facts->load_disabled)
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
        if (s->build_done) {
                _cleanup_free_ char *problem = NULL;
                int r;

                r = strprintf(&problem, "the base image just built cannot be used: %s", why);
                if (r < 0)
                        return r;
                return decide_problem(facts, s, problem, ret);
        }
        /* A build takes minutes, and the machine may panic meanwhile. */
        if (!facts->crash_loaded && s->restorable > 0 && !facts->load_disabled)
                return decision_set(ret, DECIDE_RESTORE, ARM_STATE_DISARMED,
                                    "loading generation %" PRIu64
                                    ", the last good one, until a base image is built: %s",
                                    s->restorable, why);
        return decision_set(ret, DECIDE_BUILD, ARM_STATE_BUILDING, "building a base image: %s",
                            why);
}

int decide(const Facts *facts, const Situation *s, Decision *ret)
{
        *ret = (Decision){ 0 };

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
        if (s->base_missing || (s->force_rebuild && !s->build_done))
                return decide_build(facts, s, ret);
        if (facts->crash_loaded && s->wanted_is_armed)
                return decision_set(ret, DECIDE_NOTHING, ARM_STATE_ARMED,
                                    "generation %" PRIu64 " is armed", s->armed_generation);
        if (facts->load_disabled)
                return decide_problem(facts, s, LOAD_DISABLED_PROBLEM, ret);
        if (facts->crash_loaded)
                return decision_set(ret, DECIDE_LOAD, ARM_STATE_STALE,
                                    "what is armed is not what the configuration asks for");
        return decision_set(ret, DECIDE_LOAD, ARM_STATE_DISARMED, "no crash kernel is loaded");
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
