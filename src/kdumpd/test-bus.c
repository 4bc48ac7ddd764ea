/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the tests of the bus need: a bus daemon, an owner, a client. */
#include "test-bus.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "io.h"
#include "process.h"

#define DAEMON "/usr/bin/dbus-daemon"

/* What the system's bus allows before the policies of the services come (system.conf of dbus). */
static const char config[] =
        "<busconfig><type>system</type><listen>unix:path=%s/socket</listen>"
        "<auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>"
        "<deny send_type=\"method_call\"/><allow send_type=\"signal\"/>"
        "<allow send_requested_reply=\"true\" send_type=\"method_return\"/>"
        "<allow send_requested_reply=\"true\" send_type=\"error\"/>"
        "<allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>"
        "<allow receive_type=\"error\"/><allow receive_type=\"signal\"/>"
        "<allow send_destination=\"org.freedesktop.DBus\"/></policy>"
        "<policy user=\"%u\"><allow %s=\"" BUS_NAME "\"/></policy>"
        "<include>%s/dbus/org.kdumpd.Kdump1.conf</include></busconfig>";

bool test_bus_available(void)
{
        return access(DAEMON, X_OK) == 0;
}

static const State *owner_state(void *userdata)
{
        return &((TestBus *) userdata)->state;
}

static void owner_properties(void *userdata, BusProperties *ret)
{
        *ret = ((TestBus *) userdata)->properties;
}

static int owner_reload(void *userdata, const char *why, uint64_t *ret_request)
{
        TestBus *t = userdata;

        if (t->refuse < 0)
                return t->refuse;
        assert_non_null(strstr(why, " called Re"));
        *ret_request = ++t->reloads;
        return 0;
}

static int owner_verify(void *userdata, const char *why, uint64_t *ret_request)
{
        TestBus *t = userdata;

        assert_non_null(strstr(why, " called Verify"));
        *ret_request = ++t->verifies;
        return 0;
}

static const BusOwner owner = {
        .state = owner_state,
        .properties = owner_properties,
        .reload = owner_reload,
        .rebuild = owner_reload,
        .verify = owner_verify,
};

void test_bus_daemon_start(TestBus *t)
{
        _cleanup_free_ char *text = NULL, *option = NULL;
        _cleanup_close_ int root_fd = test_root_open(t->root);
        const char *source = getenv("KDUMPD_SOURCE_ROOT");
        char *argv[] = { (char[]){ DAEMON }, (char[]){ "--nofork" }, (char[]){ "--nopidfile" },
                         NULL, NULL };

        assert_non_null(source);
        /* Only root may own the name; who else runs this test lends it to himself. */
        assert_int_equal(strprintf(&text, config, t->root, geteuid(),
                                   geteuid() == 0 ? "receive_sender" : "own", source),
                         0);
        test_write_text(root_fd, "bus.conf", text);
        assert_int_equal(strprintf(&option, "--config-file=%s/bus.conf", t->root), 0);
        argv[3] = option;
        assert_int_equal(process_start(argv, PROCESS_QUIET, &t->daemon_pid), 0);
}

void test_bus_daemon_kill(TestBus *t)
{
        int status;

        assert_int_equal(kill(t->daemon_pid, SIGKILL), 0);
        assert_int_equal(waitpid(t->daemon_pid, &status, 0), t->daemon_pid);
        t->daemon_pid = 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        TestBus *t = userdata;
        const char *interface, *name;

        assert_true(sd_bus_message_read(m, "s", &interface) > 0);
        assert_string_equal(interface, BUS_INTERFACE_MANAGER);
        free(t->changed);
        t->changed = strdup("");
        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                _cleanup_free_ char *before = t->changed;

                assert_true(sd_bus_message_read(m, "s", &name) > 0);
                assert_int_equal(strprintf(&t->changed, "%s%s ", before, name), 0);
                assert_true(sd_bus_message_skip(m, "v") > 0);
                assert_true(sd_bus_message_exit_container(m) > 0);
        }
        t->n_changed++;
        return 0;
}

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *path, *kind, *result, *reason;
        TestBus *t = userdata;
        uint32_t id;

        assert_true(sd_bus_message_read(m, "uosss", &id, &path, &kind, &result, &reason) > 0);
        free(t->removed);
        assert_int_equal(strprintf(&t->removed, "%s %s %s", kind, result, reason), 0);
        t->n_removed++;
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *after;
        TestBus *t = userdata;

        assert_true(sd_bus_message_read(m, "sss", &name, &before, &after) > 0);
        if (streq(name, BUS_NAME) && *after)
                t->n_owners++;
        return 0;
}

static sd_bus_message *call_daemon(TestBus *t, const char *method, const char *argument)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(t->client, &m, "org.freedesktop.DBus",
                                                   "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                   method) >= 0);
        assert_true(sd_bus_message_append(m, "s", argument) >= 0);
        return test_bus_exchange(t, m);
}

static void client_match(TestBus *t, const char *interface, const char *member,
                         sd_bus_message_handler_t handler)
{
        assert_true(sd_bus_match_signal_async(t->client, NULL, NULL, NULL, interface, member,
                                              handler, NULL, t) >= 0);
}

void test_bus_client_start(TestBus *t)
{
        sd_bus_message *reply;

        t->client = sd_bus_close_unref(t->client);
        assert_true(sd_bus_new(&t->client) >= 0);
        assert_true(sd_bus_set_address(t->client, getenv("DBUS_SYSTEM_BUS_ADDRESS")) >= 0);
        assert_true(sd_bus_set_bus_client(t->client, true) >= 0);
        assert_true(sd_bus_set_watch_bind(t->client, true) >= 0);
        assert_true(sd_bus_start(t->client) >= 0);
        assert_true(sd_bus_attach_event(t->client, t->event, 0) >= 0);
        client_match(t, "org.freedesktop.DBus.Properties", "PropertiesChanged", on_changed);
        client_match(t, BUS_INTERFACE_MANAGER, "JobRemoved", on_removed);
        client_match(t, "org.freedesktop.DBus", "NameOwnerChanged", on_owner);
        t->n_owners = 0;
        reply = call_daemon(t, "GetNameOwner", BUS_NAME);
        while (sd_bus_message_is_method_error(reply, NULL) && t->n_owners == 0)
                assert_true(sd_event_run(t->event, UINT64_MAX) >= 0);
        sd_bus_message_unref(reply);
        test_bus_sync(t);
}

int test_bus_setup(void **state)
{
        TestBus *t = calloc(1, sizeof(TestBus));
        _cleanup_free_ char *address = NULL;
        sigset_t mask;

        assert_non_null(t);
        t->root = test_root_new();
        assert_int_equal(chmod(t->root, 0755), 0);
        assert_int_equal(strprintf(&address, "unix:path=%s/socket", t->root), 0);
        assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
        t->state = (State){ .state = ARM_STATE_ARMED, .reason = strdup("as configured") };
        t->properties = (BusProperties){ .state = "armed", .reason = "as configured" };
        sigemptyset(&mask);
        assert_int_equal(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
        assert_true(sd_event_new(&t->event) >= 0);
        /* Before there is a bus, as at boot. */
        assert_int_equal(manager_bus_new(t->event, &owner, t, &t->manager), 0);
        test_bus_settle(t);
        test_bus_daemon_start(t);
        test_bus_client_start(t);
        *state = t;
        return 0;
}

int test_bus_teardown(void **state)
{
        TestBus *t = *state;

        manager_bus_free(t->manager);
        sd_bus_close_unref(t->client);
        test_bus_daemon_kill(t);
        sd_event_unref(t->event);
        test_root_freep(&t->root);
        state_done(&t->state);
        free(t->changed);
        free(t->removed);
        free(t);
        return 0;
}

void test_bus_settle(TestBus *t)
{
        int r;

        do
                r = sd_event_run(t->event, 0);
        while (r > 0);
        assert_true(r >= 0);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        *(sd_bus_message **) userdata = sd_bus_message_ref(m);
        return 0;
}

sd_bus_message *test_bus_exchange(TestBus *t, sd_bus_message *message)
{
        sd_bus_message *reply = NULL;

        assert_true(sd_bus_call_async(t->client, NULL, message, on_reply, &reply, 0) >= 0);
        while (!reply)
                assert_true(sd_event_run(t->event, UINT64_MAX) >= 0);
        return reply;
}

sd_bus_message *test_bus_call(TestBus *t, const char *method)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(t->client, &m, BUS_NAME, BUS_PATH,
                                                   BUS_INTERFACE_MANAGER, method) >= 0);
        return test_bus_exchange(t, m);
}

void test_bus_sync(TestBus *t)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;

        /* The manager's answer comes after what it sent before. */
        assert_true(sd_bus_message_new_method_call(t->client, &m, BUS_NAME, BUS_PATH,
                                                   "org.freedesktop.DBus.Peer", "Ping") >= 0);
        reply = test_bus_exchange(t, m);
        assert_false(sd_bus_message_is_method_error(reply, NULL));
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        *(bool *) userdata = true;
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

int test_bus_wait_process(TestBus *t, pid_t pid)
{
        _cleanup_close_ int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        sd_event_source *source = NULL;
        bool ended = false;
        int status;

        assert_true(fd >= 0);
        assert_true(sd_event_add_io(t->event, &source, fd, EPOLLIN, on_end, &ended) >= 0);
        while (!ended)
                assert_true(sd_event_run(t->event, UINT64_MAX) >= 0);
        sd_event_source_disable_unref(source);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
