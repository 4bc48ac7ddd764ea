/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kdumpctl's side of the bus, against a kdumpd that is made up here, on a real bus. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bus-names.h"
#include "client.h"
#include "io.h"
#include "process.h"
#include "test.h"

#define DAEMON "/usr/bin/dbus-daemon"

static const char config[] =
        "<busconfig><listen>unix:path=%s/socket</listen><policy context=\"default\">"
        "<allow own=\"*\"/><allow send_destination=\"*\"/><allow send_type=\"signal\"/>"
        "<allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>"
        "<allow receive_type=\"error\"/><allow receive_type=\"signal\"/></policy></busconfig>";

/* What the kdumpd of a test does. */
typedef enum Play {
        PLAY_DONE_BEFORE_REPLY, /* the job ends before its name is known */
        PLAY_BUILD_AND_FAIL,
        PLAY_BUILD_ALREADY, /* it was building when it was called */
        PLAY_OTHER_JOB_FIRST,
        PLAY_CANCEL,
        PLAY_VANISH,
        PLAY_REFUSE,     /* as it refuses nobody */
        PLAY_FULL,       /* no more jobs */
        PLAY_SAY_NOTHING /* and tell that the client is waiting */
} Play;

typedef struct Server {
        sd_bus *bus;
        Play play;
        const char *state, *reason;
        int pipe_fd; /* one byte for each thing that happened */
        bool looked_at;
} Server;

static int remove_job(Server *s, const char *job, const char *result, const char *reason)
{
        return sd_bus_emit_signal(s->bus, BUS_PATH, BUS_INTERFACE_MANAGER, "JobRemoved", "uosss",
                                  UINT32_C(7), job, "reload", result, reason);
}

/* The client looks at the state once it waits for the end of the job. */
static void on_waiting(Server *s)
{
        switch (s->play) {
        case PLAY_BUILD_AND_FAIL:
                s->state = "building";
                s->reason = "building a base image: it was time";
                (void) sd_bus_emit_properties_changed(s->bus, BUS_PATH, BUS_INTERFACE_MANAGER,
                                                      "Reason", "State", NULL);
                (void) remove_job(s, BUS_PATH_JOB "/7", "failed", "dracut said no");
                break;
        case PLAY_BUILD_ALREADY:
                s->state = "building";
                (void) remove_job(s, BUS_PATH_JOB "/7", "done", "");
                break;
        case PLAY_OTHER_JOB_FIRST:
                (void) remove_job(s, BUS_PATH_JOB "/8", "failed", "another one");
                (void) remove_job(s, BUS_PATH_JOB "/7", "done", "");
                break;
        case PLAY_CANCEL:
                (void) remove_job(s, BUS_PATH_JOB "/7", "canceled", "told to end");
                break;
        case PLAY_VANISH:
                _exit(0);
        default:
                (void) !write(s->pipe_fd, "w", 1);
        }
}

static int get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;

        if (!s->looked_at) {
                s->looked_at = true;
                on_waiting(s);
        }
        return sd_bus_message_append(reply, "s", streq(property, "State") ? s->state : s->reason);
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;

        if (s->play == PLAY_REFUSE)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Not you.");
        if (s->play == PLAY_FULL)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many.");
        if (s->play == PLAY_DONE_BEFORE_REPLY)
                (void) remove_job(s, BUS_PATH_JOB "/7", "done", "");
        return sd_bus_reply_method_return(message, "o", BUS_PATH_JOB "/7");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("State", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Reason", "s", get_string, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD("Reload", "", "o", method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("JobRemoved", "uosss", 0),
        SD_BUS_VTABLE_END,
};

static int serve(Play play, int pipe_fd)
{
        Server s = { .play = play, .state = "armed", .reason = "", .pipe_fd = pipe_fd };
        sd_event *event;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sd_event_new(&event) < 0 ||
            sd_bus_open_system(&s.bus) < 0 || sd_bus_attach_event(s.bus, event, 0) < 0 ||
            sd_bus_add_object_vtable(s.bus, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, vtable, &s) <
                    0 ||
            sd_bus_request_name(s.bus, BUS_NAME, 0) < 0 || write(pipe_fd, "r", 1) != 1)
                return 1;
        return sd_event_loop(event) < 0;
}

typedef struct Bed {
        char *root;
        pid_t bus_pid, server_pid;
        int pipe_fds[2];
} Bed;

static int setup(void **state)
{
        _cleanup_free_ char *address = NULL, *text = NULL, *option = NULL;
        char *argv[] = { (char[]){ DAEMON }, (char[]){ "--nofork" }, (char[]){ "--nopidfile" },
                         NULL, NULL };
        Bed *bed = calloc(1, sizeof(Bed));
        _cleanup_close_ int root_fd = -EBADF;

        assert_non_null(bed);
        bed->root = test_root_new();
        root_fd = test_root_open(bed->root);
        assert_int_equal(strprintf(&address, "unix:path=%s/socket", bed->root), 0);
        assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
        assert_int_equal(strprintf(&text, config, bed->root), 0);
        test_write_text(root_fd, "bus.conf", text);
        assert_int_equal(strprintf(&option, "--config-file=%s/bus.conf", bed->root), 0);
        argv[3] = option;
        assert_int_equal(process_start(argv, PROCESS_QUIET, &bed->bus_pid), 0);
        assert_int_equal(pipe2(bed->pipe_fds, O_CLOEXEC), 0);
        *state = bed;
        return 0;
}

static void end_process(pid_t pid)
{
        if (pid <= 0)
                return;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int teardown(void **state)
{
        Bed *bed = *state;

        end_process(bed->server_pid);
        end_process(bed->bus_pid);
        close_fd(bed->pipe_fds[0]);
        close_fd(bed->pipe_fds[1]);
        test_root_freep(&bed->root);
        free(bed);
        return 0;
}

static void wait_byte(Bed *bed, char expected)
{
        char c = 0;

        assert_int_equal(read(bed->pipe_fds[0], &c, 1), 1);
        assert_int_equal(c, expected);
}

/* Until the bus listens: sd-bus waits for its socket. */
static void wait_bus(void)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        const char *name;

        assert_true(sd_bus_new(&bus) >= 0);
        assert_true(sd_bus_set_address(bus, getenv("DBUS_SYSTEM_BUS_ADDRESS")) >= 0);
        assert_true(sd_bus_set_bus_client(bus, true) >= 0);
        assert_true(sd_bus_set_watch_bind(bus, true) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        assert_int_equal(sd_bus_get_unique_name(bus, &name), 0);
}

static void start_server(Bed *bed, Play play)
{
        wait_bus();
        bed->server_pid = fork();
        assert_true(bed->server_pid >= 0);
        if (bed->server_pid == 0)
                _exit(serve(play, bed->pipe_fds[1]));
        wait_byte(bed, 'r');
}

/* In a process of its own: what it says goes to the file 'said', its answer to 'answer'. */
static pid_t start_client(const Bed *bed)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                int root_fd = test_root_open(bed->root);
                char *answer, *reason = NULL;
                int r;

                (void) close(STDERR_FILENO);
                if (openat(root_fd, "said", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) != STDERR_FILENO)
                        _exit(1);
                r = client_run_job("Reload", &reason);
                if (strprintf(&answer, "%d %s", r, reason ?: "-") < 0)
                        _exit(1);
                test_write_text(root_fd, "answer", answer);
                _exit(0);
        }
        return pid;
}

static void assert_client(const Bed *bed, pid_t pid, const char *answer, const char *said)
{
        _cleanup_close_ int root_fd = test_root_open(bed->root);
        _cleanup_free_ char *a = NULL, *s = NULL;
        size_t size;
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(file_read(root_fd, "answer", 4096, &a, &size), 0);
        assert_int_equal(file_read(root_fd, "said", 4096, &s, &size), 0);
        assert_string_equal(a, answer);
        assert_string_equal(s, said);
}

static void test_how_a_job_ends(void **state)
{
        static const struct {
                Play play;
                const char *answer, *said;
        } table[] = {
                { PLAY_DONE_BEFORE_REPLY, "0 -", "" },
                { PLAY_BUILD_AND_FAIL, "1 dracut said no",
                  "building a base image: it was time; this may take minutes.\n" },
                { PLAY_BUILD_ALREADY, "0 -",
                  "a base image is being built; this may take minutes.\n" },
                { PLAY_OTHER_JOB_FIRST, "0 -", "" },
                { PLAY_CANCEL, "1 told to end", "" },
                { PLAY_VANISH,
                  "1 kdumpd ended before it answered; 'kdumpctl status' shows what is armed.", "" },
                { PLAY_FULL, "1 Too many.", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                void *bed = NULL;

                (void) setup(&bed);
                start_server(bed, table[i].play);
                assert_client(bed, start_client(bed), table[i].answer, table[i].said);
                (void) teardown(&bed);
        }
}

static void assert_unreachable(const Bed *bed)
{
        _cleanup_free_ char *answer = NULL;

        assert_int_equal(strprintf(&answer, "%d -", -EHOSTUNREACH), 0);
        assert_client(bed, start_client(bed), answer, "");
}

static void test_who_is_refused_may_try_otherwise(void **state)
{
        start_server(*state, PLAY_REFUSE);
        assert_unreachable(*state);
}

static void test_without_a_daemon(void **state)
{
        wait_bus();
        assert_unreachable(*state);
}

static void test_without_a_bus(void **state)
{
        assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/socket", 1), 0);
        assert_unreachable(*state);
}

static void test_an_interrupt_leaves_the_job(void **state)
{
        _cleanup_free_ char *answer = NULL;
        Bed *bed = *state;
        pid_t pid;

        start_server(bed, PLAY_SAY_NOTHING);
        pid = start_client(bed);
        wait_byte(bed, 'w');
        assert_int_equal(kill(pid, SIGINT), 0);
        assert_int_equal(strprintf(&answer, "%d -", -EINTR), 0);
        assert_client(bed, pid, answer,
                      "Interrupted; kdumpd carries on, and 'kdumpctl status' tells what comes of "
                      "it.\n");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_how_a_job_ends),
                TEST(test_who_is_refused_may_try_otherwise),
                TEST(test_without_a_daemon),
                TEST(test_without_a_bus),
                TEST(test_an_interrupt_leaves_the_job),
        };

        if (access(DAEMON, X_OK) < 0)
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
