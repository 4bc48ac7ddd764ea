/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trials of targets of the test's own, which fail in the ways that their names say. */
#include <signal.h>

#include "depot-folder.h"
#include "depot-open.h"
#include "test.h"
#include "trial.h"

static char *test_root;

static int no_file(Depot *depot, const char *incomplete_name, const char *final_name,
                   uint64_t size_hint_bytes, Sink **ret)
{
        return -EDQUOT;
}

static int no_folder(Depot *depot, const char *name, char **ret_where)
{
        return -EROFS;
}

static int cannot_remove(Depot *depot)
{
        return -EACCES;
}

static void no_free(Depot *depot)
{
}

static bool has_begun; /* in the process of the trial */

static int begin_here(Depot *depot, const char *name, char **ret_where)
{
        has_begun = true;
        *ret_where = strdup("here");
        return *ret_where ? 0 : -ENOMEM;
}

static int quota_room(Depot *depot, uint64_t *ret_bytes)
{
        *ret_bytes = has_begun ? 1000 : 1000000;
        return 0;
}

static Depot *other_depot(const char *what)
{
        static const DepotOps without_discard = { .name = "stream", .free = no_free };
        static const DepotOps read_only = {
                .name = "read-only",
                .begin = no_folder,
                .discard = cannot_remove,
                .free = no_free,
        };
        static const DepotOps full = {
                .name = "full",
                .begin = begin_here,
                .open = no_file,
                .room = quota_room,
                .discard = cannot_remove,
                .free = no_free,
        };
        static Depot depots[] = { { &without_discard }, { &read_only }, { &full } };

        return streq(what, "stream") ? depots : streq(what, "read-only") ? depots + 1 : depots + 2;
}

int depot_open(const Target *target, size_t index, const DepotHost *host, ProgressPipe *pipe,
               Depot **ret)
{
        if (streq(target->what, "refuses"))
                return -ECONNREFUSED;
        if (streq(target->what, "dies"))
                (void) kill(getpid(), SIGKILL);
        if (streq(target->what, "good"))
                return depot_folder_new(test_root_open(test_root), "/dumps", ret);
        *ret = other_depot(target->what);
        return 0;
}

static void test_trials(void **state)
{
        static const struct {
                const char *what;
                TrialStep step;
                int error;
                bool has_room, left;
        } cases[] = {
                { "good", TRIAL_DONE, 0, true, false },
                { "stream", TRIAL_DONE, 0, false, false },
                { "refuses", TRIAL_OPEN, -ECONNREFUSED, false, false },
                { "read-only", TRIAL_BEGIN, -EROFS, false, false },
                { "full", TRIAL_WRITE, -EDQUOT, true, true },
                { "dies", TRIAL_OPEN, -EIO, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Target target = {
                        .type = TARGET_SSH,
                        .what = (char *) cases[i].what,
                        .timeout_usec = 3600 * USEC_PER_SEC,
                };
                Trial trial = {};

                assert_int_equal(trial_run(&target, 0, &trial), 0);
                if (geteuid() != 0) { /* it may not have mounts of its own */
                        assert_int_equal(trial.step, TRIAL_OPEN);
                        assert_int_equal(trial.error, -EPERM);
                        continue;
                }
                assert_int_equal(trial.step, cases[i].step);
                assert_int_equal(trial.error, cases[i].error);
                assert_int_equal(trial.has_room, cases[i].has_room);
                assert_int_equal(trial.left, cases[i].left);
                if (streq(cases[i].what, "full"))
                        assert_int_equal(trial.room_bytes, 1000);
        }
}

static void test_nothing_is_left(void **state)
{
        const Target target = {
                .type = TARGET_SSH,
                .what = (char *) "good",
                .timeout_usec = 3600 * USEC_PER_SEC,
        };
        _cleanup_close_ int root_fd = test_root_open(test_root);
        Trial trial = {};

        (void) unlinkat(root_fd, "dumps", AT_REMOVEDIR);
        assert_int_equal(trial_run(&target, 0, &trial), 0);
        if (geteuid() == 0)
                assert_non_null(startswith(trial.where, "/dumps/kdumpd-verify-"));
        /* It can be removed only if it is empty. */
        if (faccessat(root_fd, "dumps", F_OK, 0) >= 0)
                assert_int_equal(unlinkat(root_fd, "dumps", AT_REMOVEDIR), 0);
}

static void test_the_name_is_the_same_unless_it_is_taken(void **state)
{
        const Target target = {
                .type = TARGET_SSH,
                .what = (char *) "good",
                .timeout_usec = 3600 * USEC_PER_SEC,
        };
        _cleanup_close_ int root_fd = test_root_open(test_root);
        Trial first = {}, second = {}, third = {};

        if (geteuid() != 0) /* see above */
                skip();
        assert_int_equal(trial_run(&target, 0, &first), 0);
        assert_int_equal(trial_run(&target, 0, &second), 0);
        assert_string_equal(first.where, second.where);
        assert_int_equal(mkdirat(root_fd, first.where + 1, 0700), 0);
        assert_int_equal(trial_run(&target, 0, &third), 0);
        assert_int_equal(third.step, TRIAL_DONE);
        assert_string_not_equal(first.where, third.where);
        assert_int_equal(unlinkat(root_fd, first.where + 1, AT_REMOVEDIR), 0);
}

static void test_steps_have_names(void **state)
{
        for (TrialStep step = 0; step < _TRIAL_STEP_MAX; step++)
                assert_non_null(trial_step_to_string(step));
        assert_null(trial_step_to_string(_TRIAL_STEP_MAX));
        assert_null(trial_step_to_string(_TRIAL_STEP_INVALID));
}

static int root_make(void **state)
{
        test_root = test_root_new();
        return 0;
}

static int root_remove(void **state)
{
        test_root_freep(&test_root);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_trials),
                cmocka_unit_test(test_nothing_is_left),
                cmocka_unit_test(test_the_name_is_the_same_unless_it_is_taken),
                cmocka_unit_test(test_steps_have_names),
        };

        return cmocka_run_group_tests(tests, root_make, root_remove) != 0;
}
