/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon on a real bus: what it shows, its jobs, whom it refuses, and a bus that goes away. */
#include "bus-jobs.h"
#include "test-bus.h"

#include <grp.h>
#include <signal.h>

static char *targets[] = { (char[]){ "ext4 1234:/var/crash" }, (char[]){ "xfs \xff:/" }, NULL };

/* All properties at values of their own. */
static const BusProperties example = {
        .state = "degraded",
        .reason = "'/x\xe9' is gone",
        .operational = 1,
        .generation = 7,
        .loaded_since = UINT64_C(1789000000000000),
        .kernel = "6.1.0-32-amd64",
        .targets = targets,
        .base_image = "abcdef",
        .gap_last = 8,
        .gap_worst = 9,
        .gap_total = UINT64_MAX,
        .loads = 10,
        .crash_size = UINT64_C(256) << 20,
        .last_error = "no",
        .last_error_time = 11,
        .last_dump = "/var/crash/host-2026",
        .last_dump_time = 12,
};

static sd_bus_message *get_property(TestBus *t, const char *path, const char *interface,
                                    const char *name)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(t->client, &m, BUS_NAME, path,
                                                   "org.freedesktop.DBus.Properties", "Get") >= 0);
        assert_true(sd_bus_message_append(m, "ss", interface, name) >= 0);
        return test_bus_exchange(t, m);
}

static void assert_string_property(TestBus *t, const char *name, const char *expected)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                get_property(t, BUS_PATH, BUS_INTERFACE_MANAGER, name);
        const char *value;

        assert_true(sd_bus_message_read(reply, "v", "s", &value) > 0);
        assert_string_equal(value, expected);
}

static void assert_number_property(TestBus *t, const char *name, uint64_t expected)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
                get_property(t, BUS_PATH, BUS_INTERFACE_MANAGER, name);
        uint64_t value;

        assert_true(sd_bus_message_read(reply, "v", "t", &value) > 0);
        assert_true(value == expected);
}

static void assert_error(const sd_bus_message *reply, const char *name)
{
        const sd_bus_error *error = sd_bus_message_get_error((sd_bus_message *) reply);

        assert_non_null(error);
        assert_string_equal(error->name, name);
}

static void test_all_properties_can_be_read(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *operational = NULL, *list = NULL;
        const char *first, *second;
        TestBus *t = *state;
        int value;

        t->properties = example;
        manager_bus_changed(t->manager);
        assert_string_property(t, "Version", KDUMPD_VERSION);
        assert_string_property(t, "State", "degraded");
        assert_string_property(t, "Reason", "'/x?' is gone");
        assert_number_property(t, "Generation", 7);
        assert_number_property(t, "LoadedSince", example.loaded_since);
        assert_string_property(t, "Kernel", "6.1.0-32-amd64");
        assert_string_property(t, "BaseImage", "abcdef");
        assert_number_property(t, "GapLast", 8);
        assert_number_property(t, "GapWorst", 9);
        assert_number_property(t, "GapTotal", UINT64_MAX);
        assert_number_property(t, "Loads", 10);
        assert_number_property(t, "CrashSize", UINT64_C(256) << 20);
        assert_string_property(t, "LastError", "no");
        assert_number_property(t, "LastErrorTime", 11);
        assert_string_property(t, "LastDump", "/var/crash/host-2026");
        assert_number_property(t, "LastDumpTime", 12);

        operational = get_property(t, BUS_PATH, BUS_INTERFACE_MANAGER, "Operational");
        assert_true(sd_bus_message_read(operational, "v", "b", &value) > 0);
        assert_true(value);
        list = get_property(t, BUS_PATH, BUS_INTERFACE_MANAGER, "Targets");
        assert_true(sd_bus_message_read(list, "v", "as", 2, &first, &second) > 0);
        assert_string_equal(first, targets[0]);
        assert_string_equal(second, "xfs ?:/");
}

static void test_only_what_changed_is_told(void **state)
{
        char *one[] = { (char[]){ "ext4 1234:/var/crash" }, NULL };
        TestBus *t = *state;

        t->properties = example;
        manager_bus_changed(t->manager);
        test_bus_sync(t);
        assert_int_equal(t->n_changed, 1);
        assert_non_null(strstr(t->changed, "LastDumpTime "));
        assert_null(strstr(t->changed, "Version "));

        t->properties.reason = "'/x\xe8' is gone"; /* the same once it is UTF-8 */
        t->properties.operational = 2;             /* as true as 1 */
        manager_bus_changed(t->manager);
        test_bus_sync(t);
        assert_int_equal(t->n_changed, 1);

        t->properties.state = "armed";
        t->properties.targets = one;
        t->properties.gap_last++;
        t->properties.last_error = NULL;
        manager_bus_changed(t->manager);
        test_bus_sync(t);
        assert_int_equal(t->n_changed, 2);
        assert_string_equal(t->changed, "State Targets GapLast LastError ");
}

static const char *begin(TestBus *t, const char *method, sd_bus_message **ret)
{
        const char *path;

        *ret = test_bus_call(t, method);
        assert_true(sd_bus_message_read(*ret, "o", &path) > 0);
        return path;
}

static void assert_job(TestBus *t, const char *path, const char *kind, const char *job_state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL, *b = NULL;
        const char *value;

        a = get_property(t, path, BUS_INTERFACE_JOB, "Kind");
        if (!kind) {
                assert_error(a, SD_BUS_ERROR_UNKNOWN_OBJECT);
                return;
        }
        assert_true(sd_bus_message_read(a, "v", "s", &value) > 0);
        assert_string_equal(value, kind);
        b = get_property(t, path, BUS_INTERFACE_JOB, "State");
        assert_true(sd_bus_message_read(b, "v", "s", &value) > 0);
        assert_string_equal(value, job_state);
}

static void test_a_job_ends_with_its_request_and_those_before(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL, *b = NULL, *c = NULL, *d = NULL;
        const char *reload, *rebuild, *later, *verify;
        TestBus *t = *state;

        reload = begin(t, "Reload", &a);
        rebuild = begin(t, "Rebuild", &b);
        verify = begin(t, "Verify", &c);
        later = begin(t, "Reload", &d);
        assert_job(t, reload, "reload", "running");
        assert_job(t, rebuild, "rebuild", "waiting");
        assert_job(t, verify, "verify", "running");
        assert_job(t, later, "reload", "waiting");

        t->properties.reason = "new";
        manager_bus_answered(t->manager, 2, false, NULL);
        test_bus_sync(t);
        assert_int_equal(t->n_changed, 1);
        assert_int_equal(t->n_removed, 2);
        assert_string_equal(t->removed, "rebuild done ");
        assert_job(t, reload, NULL, NULL);
        assert_job(t, rebuild, NULL, NULL);
        assert_job(t, verify, "verify", "running");
        assert_job(t, later, "reload", "running");

        manager_bus_answered(t->manager, 3, true, "kdump.conf:3: '\xc3' is wrong");
        manager_bus_answered(t->manager, 3, true, "again");
        test_bus_sync(t);
        assert_int_equal(t->n_removed, 3);
        assert_string_equal(t->removed, "reload failed kdump.conf:3: '?' is wrong");
        manager_bus_verified(t->manager, 1, false, "it is as it was loaded");
        test_bus_sync(t);
        assert_string_equal(t->removed, "verify done it is as it was loaded");
        assert_job(t, verify, NULL, NULL);
}

static void test_jobs_are_listed(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL, *list = NULL, *xml = NULL,
                                                        *m = NULL;
        const char *path, *listed, *kind, *job_state, *text;
        TestBus *t = *state;
        uint32_t id;

        path = begin(t, "Reload", &a);
        list = test_bus_call(t, "ListJobs");
        assert_true(sd_bus_message_read(list, "a(uoss)", 1, &id, &listed, &kind, &job_state) > 0);
        assert_int_equal(id, 1);
        assert_string_equal(listed, path);
        assert_string_equal(kind, "reload");
        assert_string_equal(job_state, "running");

        assert_true(sd_bus_message_new_method_call(t->client, &m, BUS_NAME, BUS_PATH_JOB,
                                                   "org.freedesktop.DBus.Introspectable",
                                                   "Introspect") >= 0);
        xml = test_bus_exchange(t, m);
        assert_true(sd_bus_message_read(xml, "s", &text) > 0);
        assert_non_null(strstr(text, "<node name=\"1\"/>"));
}

static void test_no_more_jobs_than_there_is_room_for(void **state)
{
        TestBus *t = *state;

        for (unsigned i = 0; i < BUS_JOBS_MAX; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL;

                (void) begin(t, "Reload", &a);
        }
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = test_bus_call(t, "Verify");

                assert_error(a, SD_BUS_ERROR_LIMITS_EXCEEDED);
        }
        assert_int_equal(t->reloads, BUS_JOBS_MAX);
        assert_int_equal(t->verifies, 0);
        manager_bus_answered(t->manager, BUS_JOBS_MAX, false, NULL);
        test_bus_sync(t);
        assert_int_equal(t->n_removed, BUS_JOBS_MAX);
}

static void test_a_refusal_has_a_name_and_makes_no_job(void **state)
{
        static const struct {
                int r;
                const char *name;
        } table[] = {
                { -EBUSY, BUS_ERROR_BUSY },
                { -EOPNOTSUPP, BUS_ERROR_NOT_SUPPORTED },
                { -ENOENT, BUS_ERROR_FAILED },
                { -ENOMEM, SD_BUS_ERROR_NO_MEMORY },
        };
        TestBus *t = *state;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL, *list = NULL;

                t->refuse = table[i].r;
                reply = test_bus_call(t, "Reload");
                assert_error(reply, table[i].name);
                list = test_bus_call(t, "ListJobs");
                assert_true(sd_bus_message_enter_container(list, 'a', "(uoss)") > 0);
                assert_true(sd_bus_message_at_end(list, false) > 0);
        }
}

static void test_status_is_the_state_file(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(state_done) State read = { 0 };
        TestBus *t = *state;
        const char *json;

        reply = test_bus_call(t, "GetStatus");
        assert_true(sd_bus_message_read(reply, "s", &json) > 0);
        assert_int_equal(state_from_json(json, strlen(json), &read), 0);
        assert_string_equal(read.reason, "as configured");
}

static void test_the_end_of_the_daemon_cancels(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL;
        TestBus *t = *state;

        (void) begin(t, "Rebuild", &a);
        assert_true(sd_bus_detach_event(t->client) >= 0);
        assert_true(sd_event_exit(t->event, 0) >= 0);
        assert_true(sd_event_loop(t->event) >= 0);
        t->manager = manager_bus_free(t->manager);

        sd_event_unref(t->event);
        assert_true(sd_event_new(&t->event) >= 0);
        assert_true(sd_bus_attach_event(t->client, t->event, 0) >= 0);
        while (t->n_removed == 0)
                assert_true(sd_event_run(t->event, UINT64_MAX) >= 0);
        assert_true(startswith(t->removed, "rebuild canceled kdumpd was told to end"));
}

static bool may_call(sd_bus *bus, const char *interface, const char *method, const char *error)
{
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bus, BUS_NAME, BUS_PATH, interface, method, &e, NULL, NULL);

        return error ? r < 0 && streq_ptr(e.name, error) : r >= 0;
}

/* In a process of nobody; returns the number of the step that went wrong. */
static int nobody(void)
{
        static const char *const acting[] = { "Reload", "Rebuild", "Verify" };
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *value = NULL;

        if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
            setresuid(65534, 65534, 65534) < 0)
                return 1;
        if (sd_bus_open_system(&bus) < 0)
                return 2;
        for (unsigned i = 0; i < ELEMENTSOF(acting); i++)
                if (!may_call(bus, BUS_INTERFACE_MANAGER, acting[i], SD_BUS_ERROR_ACCESS_DENIED))
                        return 10 + (int) i;
        if (!may_call(bus, BUS_INTERFACE_MANAGER, "ListJobs", NULL))
                return 3;
        if (!may_call(bus, BUS_INTERFACE_MANAGER, "GetStatus", NULL))
                return 4;
        if (!may_call(bus, "org.freedesktop.DBus.Introspectable", "Introspect", NULL))
                return 5;
        if (sd_bus_get_property_string(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE_MANAGER, "State",
                                       NULL, &value) < 0)
                return 6;
        if (sd_bus_set_property(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE_MANAGER, "State", &e, "s",
                                "disarmed") >= 0)
                return 7;
        if (sd_bus_request_name(bus, BUS_NAME, SD_BUS_NAME_QUEUE) != -EACCES)
                return 8;
        return 0;
}

static void test_nobody_may_look_and_not_act(void **state)
{
        TestBus *t = *state;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(nobody());
        assert_int_equal(test_bus_wait_process(t, pid), 0);
        assert_int_equal(t->reloads + t->verifies, 0);
}

static void test_a_bus_that_comes_back_is_found(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL;
        TestBus *t = *state;

        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *job = NULL;

                (void) begin(t, "Reload", &job);
                test_bus_daemon_kill(t);
                test_bus_settle(t);
                /* While it is away the daemon goes on. */
                t->properties.generation++;
                manager_bus_changed(t->manager);
                manager_bus_answered(t->manager, t->reloads, false, NULL);
                if (i > 0) {
                        manager_bus_tick(t->manager);
                        manager_bus_tick(t->manager);
                        test_bus_settle(t);
                }
                test_bus_daemon_start(t);
                manager_bus_tick(t->manager);
                test_bus_client_start(t);
                assert_number_property(t, "Generation", i + 1);
        }
        a = test_bus_call(t, "ListJobs");
        assert_true(sd_bus_message_enter_container(a, 'a', "(uoss)") > 0);
        assert_true(sd_bus_message_at_end(a, false) > 0);
}

/* More than what the socket holds, and wait for it besides. */
#define N_CHANGES 8192
#define N_REASON_BYTES 16384

static void test_a_bus_that_hangs_holds_nobody_up(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *a = NULL;
        _cleanup_free_ char *reason = calloc(1, N_REASON_BYTES);
        TestBus *t = *state;

        assert_non_null(reason);
        memset(reason, 'x', N_REASON_BYTES - 1);
        (void) begin(t, "Reload", &a);
        assert_int_equal(kill(t->daemon_pid, SIGSTOP), 0);
        for (unsigned i = 0; i < N_CHANGES; i++) {
                t->properties.reason = i % 2 ? reason : "short";
                manager_bus_changed(t->manager);
        }
        manager_bus_answered(t->manager, t->reloads, false, NULL);
        manager_bus_tick(t->manager);
        test_bus_settle(t);

        /* It was given up. The bus keeps the name for the old connection until it has read that. */
        t->n_owners = 0;
        assert_int_equal(kill(t->daemon_pid, SIGCONT), 0);
        while (t->n_owners == 0) {
                assert_true(sd_event_run(t->event, UINT64_MAX) >= 0);
                manager_bus_tick(t->manager);
        }
        assert_string_property(t, "Reason", reason);

        /* Nor does the end wait for it. */
        assert_int_equal(kill(t->daemon_pid, SIGSTOP), 0);
        manager_bus_changed(t->manager);
        t->manager = manager_bus_free(t->manager);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, test_bus_setup, test_bus_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_all_properties_can_be_read),
                TEST(test_only_what_changed_is_told),
                TEST(test_a_job_ends_with_its_request_and_those_before),
                TEST(test_jobs_are_listed),
                TEST(test_no_more_jobs_than_there_is_room_for),
                TEST(test_a_refusal_has_a_name_and_makes_no_job),
                TEST(test_status_is_the_state_file),
                TEST(test_the_end_of_the_daemon_cancels),
                TEST(test_nobody_may_look_and_not_act),
                TEST(test_a_bus_that_comes_back_is_found),
                TEST(test_a_bus_that_hangs_holds_nobody_up),
        };

        if (!test_bus_available())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
