/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests that the state file says back what was put into it, and that anything else is refused. */
#include "state.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "io.h"
#include "strv.h"

static void fill(State *s)
{
        *s = (State){
                .state = ARM_STATE_DEGRADED,
                .reason = strdup("an older image is armed: '/etc/kdump.conf:3' \"x\"\n"),
                .pid = 321,
                .generation = 7,
                .kernel_release = strdup("6.1.0-26-amd64"),
                .base_id = strdup("6.1.0-26-amd64-0123456789ab"),
                .base_bytes = UINT64_C(30) << 20,
                .overlay_bytes = 4608,
                .loaded_realtime_usec = UINT64_C(1760000000000000),
                .gap_usec = 812,
                .guard = strdup("checked before it starts"),
                .check_problem = strdup("'/proc/kcore': Operation not permitted"),
                .fallback = strdup("none: '/usr/lib/kdumpd/kdump-fallback' is not there"),
                .request = UINT64_MAX,
                .request_failed = true,
                .request_usec = 42,
                .last_error = strdup("no"),
        };
        assert_int_equal(strv_extend(&s->targets, "ext4 UUID=1 folder '/var/crash'"), 0);
        assert_int_equal(strv_extend(&s->targets, "ssh a@b"), 0);
}

static void assert_state_equal(const State *a, const State *b)
{
        assert_int_equal(a->state, b->state);
        assert_string_equal(a->reason, b->reason);
        assert_string_equal(a->kernel_release, b->kernel_release);
        assert_string_equal(a->base_id, b->base_id);
        assert_string_equal(a->guard, b->guard);
        assert_string_equal(a->check_problem, b->check_problem);
        assert_string_equal(a->fallback, b->fallback);
        assert_string_equal(a->last_error, b->last_error);
        assert_true(a->pid == b->pid);
        assert_true(a->generation == b->generation);
        assert_true(a->base_bytes == b->base_bytes);
        assert_true(a->loaded_realtime_usec == b->loaded_realtime_usec);
        assert_true(a->gap_usec == b->gap_usec);
        assert_true(a->request == b->request);
        assert_true(a->request_failed == b->request_failed);
        assert_int_equal(strv_length(a->targets), 2);
        assert_int_equal(strv_length(b->targets), 2);
        assert_string_equal(a->targets[0], b->targets[0]);
}

static void test_json_round_trip(void **unused)
{
        _cleanup_(state_done) State a = { 0 }, b = { 0 };
        _cleanup_free_ char *json = NULL;

        fill(&a);
        assert_int_equal(state_to_json(&a, &json), 0);
        assert_int_equal(state_from_json(json, strlen(json), &b), 0);
        assert_state_equal(&a, &b);
}

static int truncate_state(int root_fd)
{
        _cleanup_close_ int fd = openat(root_fd, "run/kdumpd/state.json", O_WRONLY | O_CLOEXEC);

        return fd < 0 ? -1 : ftruncate(fd, 0);
}

static void test_file_is_readable_by_all(void **unused)
{
        _cleanup_(state_done) State a = { 0 }, b = { 0 };
        char root[] = "/tmp/test-state-XXXXXX";
        _cleanup_close_ int root_fd = -EBADF;
        struct stat st;

        assert_non_null(mkdtemp(root));
        root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(root_fd >= 0);
        assert_int_equal(state_read(root_fd, &b), -ENOENT);

        fill(&a);
        (void) umask(022);
        assert_int_equal(state_write(root_fd, &a), 0);
        assert_int_equal(state_write(root_fd, &a), 0);
        assert_int_equal(state_read(root_fd, &b), 0);
        assert_state_equal(&a, &b);
        assert_int_equal(fstatat(root_fd, "run/kdumpd/state.json", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0644);

        /* As it is for a moment on a full /run. */
        assert_int_equal(truncate_state(root_fd), 0);
        assert_int_equal(state_read(root_fd, &b), -ENOENT);

        assert_int_equal(unlinkat(root_fd, "run/kdumpd/state.json", 0), 0);
        assert_int_equal(unlinkat(root_fd, "run/kdumpd", AT_REMOVEDIR), 0);
        assert_int_equal(unlinkat(root_fd, "run", AT_REMOVEDIR), 0);
        assert_int_equal(rmdir(root), 0);
}

static void test_malformed_is_refused(void **unused)
{
        static const char *const bad[] = {
                "",
                "{",
                "[]",
                "null",
                "\"armed\"",
                "{}",
                "{\"state\":\"asleep\"}",
                "{\"state\":1}",
                "{\"state\":\"armed\",\"reason\":3}",
                "{\"state\":\"armed\",\"generation\":\"7\"}",
                "{\"state\":\"armed\",\"targets\":\"x\"}",
                "{\"state\":\"armed\",\"targets\":[1]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                State s = { 0 };

                assert_int_equal(state_from_json(bad[i], strlen(bad[i]), &s), -EBADMSG);
        }
}

static void test_any_bytes_in_a_reason(void **unused)
{
        _cleanup_(state_done) State a = { .reason = strdup("bad \xff value \x01") }, b = { 0 };
        _cleanup_free_ char *json = NULL;

        assert_int_equal(strv_extend(&a.targets, "ext4 folder '/a\xff'"), 0);
        assert_int_equal(state_to_json(&a, &json), 0);
        assert_int_equal(state_from_json(json, strlen(json), &b), 0);
        assert_non_null(strstr(b.reason, "bad "));
        assert_string_equal(b.targets[0], "ext4 folder '/a?'");
}

static void test_missing_members_are_zero(void **unused)
{
        _cleanup_(state_done) State s = { 0 };
        static const char json[] = "{\"state\":\"disarmed\",\"of a later version\":{}}";

        assert_int_equal(state_from_json(json, strlen(json), &s), 0);
        assert_int_equal(s.state, ARM_STATE_DISARMED);
        assert_string_equal(s.reason, "");
        assert_true(s.generation == 0);
        assert_null(s.targets);
}

static void test_names(void **unused)
{
        for (ArmState i = 0; i < _ARM_STATE_MAX; i++)
                assert_int_equal(arm_state_from_string(arm_state_to_string(i)), i);
        assert_int_equal(arm_state_from_string(NULL), _ARM_STATE_INVALID);
        assert_int_equal(arm_state_from_string("x"), _ARM_STATE_INVALID);
        assert_null(arm_state_to_string(_ARM_STATE_MAX));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_json_round_trip),
                cmocka_unit_test(test_file_is_readable_by_all),
                cmocka_unit_test(test_malformed_is_refused),
                cmocka_unit_test(test_any_bytes_in_a_reason),
                cmocka_unit_test(test_missing_members_are_zero),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
