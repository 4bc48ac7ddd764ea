/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the rules of arming, as a table. */
#include "decide.h"

#include "test.h"

#define F_LIMIT .load_limit = -1
#define M (UINT64_C(1) << 20)

typedef struct Case {
        const char *name;
        Facts facts;
        Situation situation;
        DecideAction action;
        ArmState state;
        bool failed;
        const char *reason; /* a part of it */
} Case;

static const Case cases[] = {
        { "nothing reserved", { 0 }, { 0 }, DECIDE_FAIL, ARM_STATE_UNAVAILABLE, true, "reserved" },
        { "first start, no base",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .base_missing = "no base image for kernel 6.1" },
          DECIDE_BUILD,
          ARM_STATE_BUILDING,
          false,
          "no base image for kernel 6.1" },
        { "no base, but a generation from before the reboot",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .base_missing = "'/x' has changed", .restorable = 3 },
          DECIDE_RESTORE,
          ARM_STATE_DISARMED,
          false,
          "generation 3, the last good one, until a base image is built: '/x' has changed" },
        { "no base, an older generation restored",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .base_missing = "'/x' has changed", .armed_generation = 3, .restorable = 3 },
          DECIDE_BUILD,
          ARM_STATE_BUILDING,
          false,
          "'/x' has changed" },
        { "no base, loading is forbidden",
          { F_LIMIT, .crash_size_bytes = 256 * M, .load_disabled = true },
          { .base_missing = "'/x' has changed", .restorable = 3 },
          DECIDE_BUILD,
          ARM_STATE_BUILDING,
          false,
          "'/x' has changed" },
        { "build runs",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .base_missing = "x", .build_running = true },
          DECIDE_WAIT,
          ARM_STATE_BUILDING,
          false,
          "" },
        { "build runs while an older image is armed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .base_missing = "x", .build_running = true, .armed_generation = 1 },
          DECIDE_WAIT,
          ARM_STATE_BUILDING,
          false,
          "" },
        { "built",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .builds_done = 1 },
          DECIDE_LOAD,
          ARM_STATE_DISARMED,
          false,
          "no crash kernel is loaded" },
        { "built in vain",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .builds_done = 2, .base_missing = "'/x' has changed" },
          DECIDE_FAIL,
          ARM_STATE_DISARMED,
          true,
          "'/x' has changed" },
        { "built in vain, older image armed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .builds_done = 2, .base_missing = "'/x' has changed", .armed_generation = 4 },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "generation 4" },
        { "an input changed during the build",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .builds_done = 1, .base_missing = "'/x' has changed" },
          DECIDE_BUILD,
          ARM_STATE_BUILDING,
          false,
          "'/x' has changed" },
        { "a warning",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .wanted_is_armed = true, .armed_generation = 3, .warning = "'/boot/x' is cut short" },
          DECIDE_NOTHING,
          ARM_STATE_ARMED,
          false,
          "generation 3 is armed; '/boot/x' is cut short" },
        { "after a reboot",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .restorable = 3 },
          DECIDE_LOAD,
          ARM_STATE_DISARMED,
          false,
          "" },
        { "nothing changed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .wanted_is_armed = true, .armed_generation = 3, .restorable = 3 },
          DECIDE_NOTHING,
          ARM_STATE_ARMED,
          false,
          "generation 3 is armed" },
        { "nothing changed, and loading is forbidden since",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true, .load_disabled = true },
          { .wanted_is_armed = true, .armed_generation = 3 },
          DECIDE_NOTHING,
          ARM_STATE_ARMED,
          false,
          "generation 3 is armed" },
        { "someone unloaded it",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .wanted_is_armed = true, .armed_generation = 3, .restorable = 3 },
          DECIDE_LOAD,
          ARM_STATE_DISARMED,
          false,
          "no crash kernel is loaded" },
        { "config changed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .armed_generation = 3 },
          DECIDE_LOAD,
          ARM_STATE_STALE,
          false,
          "" },
        { "loading is forbidden, older image armed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true, .load_disabled = true },
          { .armed_generation = 3 },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "kexec_load_disabled" },
        { "loading is forbidden, nothing armed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .load_disabled = true },
          { .restorable = 3 },
          DECIDE_FAIL,
          ARM_STATE_DISARMED,
          true,
          "kexec_load_disabled" },
        { "bad config, older image armed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .problem = "/etc/kdump.conf:3: no", .armed_generation = 3, .restorable = 3 },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "/etc/kdump.conf:3: no" },
        { "bad config, someone else's image armed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .problem = "/etc/kdump.conf:3: no" },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "unknown origin" },
        { "bad config at boot",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .problem = "/etc/kdump.conf:3: no", .restorable = 3 },
          DECIDE_RESTORE,
          ARM_STATE_DISARMED,
          true,
          "/etc/kdump.conf:3: no" },
        { "bad config at boot, nothing to restore",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .problem = "/etc/kdump.conf:3: no" },
          DECIDE_FAIL,
          ARM_STATE_DISARMED,
          true,
          "/etc/kdump.conf:3: no" },
        { "force_rebuild",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .force_rebuild = true, .wanted_is_armed = true, .armed_generation = 3 },
          DECIDE_BUILD,
          ARM_STATE_BUILDING,
          false,
          "force_rebuild" },
        { "force_rebuild, done",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .force_rebuild = true, .builds_done = 1, .armed_generation = 3 },
          DECIDE_LOAD,
          ARM_STATE_STALE,
          false,
          "" },
        { "force_no_rebuild",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .force_no_rebuild = true, .base_missing = "'/x' has changed", .restorable = 2 },
          DECIDE_RESTORE,
          ARM_STATE_DISARMED,
          true,
          "force_no_rebuild" },
        { "force_no_rebuild with a base that serves",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .force_no_rebuild = true },
          DECIDE_LOAD,
          ARM_STATE_DISARMED,
          false,
          "" },
        { "the number of loads is used up",
          { .crash_size_bytes = 256 * M, .crash_loaded = true, .load_limit = 0 },
          { .armed_generation = 3 },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "kexec_load_limit_panic" },
        { "memory was plugged in",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .wanted_is_armed = true, .armed_generation = 3, .held = 3, .stale_headers = "more" },
          DECIDE_RELOAD,
          ARM_STATE_STALE,
          false,
          "loading generation 3 again: more" },
        { "memory was plugged in while a build runs",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .base_missing = "x",
            .build_running = true,
            .armed_generation = 3,
            .held = 3,
            .stale_headers = "more" },
          DECIDE_RELOAD,
          ARM_STATE_STALE,
          false,
          "more" },
        { "memory was plugged in while the configuration is bad",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .problem = "no", .armed_generation = 3, .held = 3, .stale_headers = "more" },
          DECIDE_RELOAD,
          ARM_STATE_STALE,
          true,
          "more" },
        { "memory was plugged in, and the configuration has changed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .armed_generation = 3, .held = 3, .stale_headers = "more" },
          DECIDE_LOAD,
          ARM_STATE_STALE,
          false,
          "not what the configuration asks for" },
        { "memory was plugged in, and loading is forbidden",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true, .load_disabled = true },
          { .wanted_is_armed = true, .armed_generation = 3, .held = 3, .stale_headers = "more" },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "more, but the image does not know yet: the kernel refuses" },
        { "memory was plugged in, and loading failed",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .wanted_is_armed = true, .armed_generation = 3, .stale_headers = "more" },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "loading it again has failed" },
        { "memory was plugged in, loading failed, and so does all else",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .problem = "no", .armed_generation = 3, .stale_headers = "more" },
          DECIDE_NOTHING,
          ARM_STATE_DEGRADED,
          true,
          "an older image, is armed: no" },
        { "someone else's image in the place of ours",
          { F_LIMIT, .crash_size_bytes = 256 * M, .crash_loaded = true },
          { .wanted_is_armed = true, .armed_generation = 3, .held = 3, .foreign = true },
          DECIDE_RELOAD,
          ARM_STATE_STALE,
          false,
          "someone else" },
        { "unloaded while the configuration is bad",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .problem = "no", .held = 3 },
          DECIDE_RELOAD,
          ARM_STATE_DISARMED,
          true,
          "generation 3 again, from memory" },
        { "unloaded while a build runs",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .base_missing = "x", .build_running = true, .restorable = 2, .held = 3 },
          DECIDE_RELOAD,
          ARM_STATE_DISARMED,
          false,
          "generation 3 again, from memory" },
        { "unloaded, and what is asked for can be had",
          { F_LIMIT, .crash_size_bytes = 256 * M },
          { .held = 3 },
          DECIDE_LOAD,
          ARM_STATE_DISARMED,
          false,
          "no crash kernel is loaded" },
        { "unloaded, and loading is forbidden",
          { F_LIMIT, .crash_size_bytes = 256 * M, .load_disabled = true },
          { .held = 3 },
          DECIDE_FAIL,
          ARM_STATE_DISARMED,
          true,
          "kexec_load_disabled" },
};

static void test_decide(void **unused)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(decision_done) Decision d = { 0 };
                const Case *c = cases + i;

                assert_int_equal(decide(&c->facts, &c->situation, &d), 0);
                if (d.action != c->action || d.state != c->state || d.failed != c->failed ||
                    !strstr(d.reason, c->reason))
                        fail_msg("%s: action %d, state %s, failed %d, reason '%s'", c->name,
                                 d.action, arm_state_to_string(d.state), d.failed, d.reason);
        }
}

/* Whatever is known: an image that is loaded is never a reason to fail, and never left to be
 * restored. */
static void test_armed_never_fails(void **unused)
{
        for (unsigned bits = 0; bits < 512; bits++) {
                _cleanup_(decision_done) Decision d = { 0 };
                Facts facts = {
                        .crash_loaded = true,
                        .load_limit = -1,
                        .load_disabled = bits & 1,
                        .crash_size_bytes = bits & 2 ? M : 0,
                };
                Situation s = {
                        .problem = bits & 4 ? "p" : NULL,
                        .base_missing = bits & 8 ? "b" : NULL,
                        .force_rebuild = bits & 16,
                        .force_no_rebuild = bits & 32,
                        .build_running = bits & 64,
                        .builds_done = bits & 128 ? 2 : 0,
                        .armed_generation = bits & 256 ? 3 : 0,
                        .restorable = 3,
                };

                assert_int_equal(decide(&facts, &s, &d), 0);
                assert_int_not_equal(d.action, DECIDE_FAIL);
                assert_int_not_equal(d.action, DECIDE_RESTORE);
                assert_int_not_equal(d.state, ARM_STATE_DISARMED);
                assert_non_null(d.reason);
        }
}

static void test_unload(void **unused)
{
        static const struct {
                const char *job_type, *system_state;
                bool unload;
        } table[] = {
                { "stop", "running", true },
                { "stop", "degraded", true },
                { "stop", "stopping", false },
                { "restart", "running", false },
                { "try-restart", "running", false },
                { "start", "running", false },
                { NULL, "running", false },
                { NULL, "stopping", false },
                { "stop", "starting", true },
                { NULL, NULL, false },
                { "stop", NULL, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const char *reason = NULL;

                assert_int_equal(decide_unload(table[i].job_type, table[i].system_state, &reason),
                                 table[i].unload);
                assert_non_null(reason);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_decide),
                cmocka_unit_test(test_armed_never_fails),
                cmocka_unit_test(test_unload),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
