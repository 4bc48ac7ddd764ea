/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl status`: from the state file and /sys alone, so that it answers at once whatever else
 * goes on. */
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>

#include "format.h"
#include "io.h"
#include "json-fields.h"
#include "live.h"
#include "log.h"
#include "state.h"
#include "verbs.h"
#include "verify-report.h"

typedef struct Status {
        bool operational; /* the kernel's word, not the state file's */
        bool daemon_running;
        bool state_known;
        State state;
        bool verified; /* the chain was checked since boot */
        VerifyReport report;
} Status;

static void status_done(Status *status)
{
        state_done(&status->state);
        verify_report_done(&status->report);
}

static int status_read(Status *ret)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (root_fd < 0)
                return log_error_errno(errno, "Failed to open '/': %m");
        r = state_read(root_fd, &ret->state);
        if (r < 0 && r != -ENOENT)
                (void) log_warning_errno(r, "Failed to read '%s', ignoring: %m", PATH_STATE_JSON);
        ret->state_known = r >= 0;
        ret->verified = verify_report_read(root_fd, &ret->report) >= 0;
        ret->daemon_running = r >= 0 && live_is_daemon(root_fd, ret->state.pid);
        r = live_crash_loaded(root_fd);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "Failed to ask the kernel: %m");
        ret->operational = r > 0;
        return 0;
}

/* What the state file says, unless /sys contradicts it. */
static const char *reason_of(const Status *status)
{
        const State *s = &status->state;
        bool says_armed = s->state != ARM_STATE_DISARMED && s->state != ARM_STATE_UNAVAILABLE &&
                          s->generation > 0;

        if (!status->state_known)
                return status->operational ? "loaded by something other than kdumpd"
                                           : "kdump.service has not run since boot";
        if (status->operational && !says_armed && s->state != ARM_STATE_DEGRADED)
                return "what is loaded was not loaded by kdumpd";
        if (!status->operational && says_armed && s->state != ARM_STATE_BUILDING)
                return "the crash kernel was unloaded behind kdumpd's back";
        return s->reason;
}

/* What loaded the image, what guards it from damage, and what is started in its place. */
static void print_guard(const State *s)
{
        char time[FORMAT_TIME_MAX];

        if (s->loader)
                (void) printf("Loader:     %s%s%s%s\n", s->loader, s->loader_reason ? " (" : "",
                              s->loader_reason ?: "", s->loader_reason ? ")" : "");
        if (s->guard)
                (void) printf("Guard:      %s\n", s->guard);
        if (s->fallback)
                (void) printf("Fallback:   %s\n", s->fallback);
        if (s->checked)
                (void) printf("Checked:    %s: %s\n", format_time(s->checked_realtime_usec, time),
                              s->checked);
        if (s->check_problem)
                (void) printf("%-11s it cannot be read back%s: %s\n",
                              s->checked ? "" : "Checked:", s->checked ? " any more" : "",
                              s->check_problem);
}

static void print_image(const State *s)
{
        char time[FORMAT_TIME_MAX], base[FORMAT_BYTES_MAX], overlay[FORMAT_BYTES_MAX];

        (void) printf("Kernel:     %s\n", s->kernel_release ?: "-");
        (void) printf("Generation: %" PRIu64 " of %s\n", s->generation,
                      format_time(s->generation_realtime_usec, time));
        (void) printf("Base image: %s of %s\n", s->base_id ?: "-",
                      format_time(s->base_realtime_usec, time));
        (void) printf("Size:       %s base, %s overlay\n", format_bytes(s->base_bytes, base),
                      format_bytes(s->overlay_bytes, overlay));
        (void) printf("Loaded:     %s, gap %" PRIu64 ".%03" PRIu64 " ms\n",
                      format_time(s->loaded_realtime_usec, time), s->gap_usec / 1000,
                      s->gap_usec % 1000);
        (void) printf("Since boot: %" PRIu64 " loads, %" PRIu64
                      " of them for CPUs or memory; gap at worst %" PRIu64 ".%03" PRIu64
                      " ms, together %" PRIu64 ".%03" PRIu64 " ms\n",
                      s->loads, s->reloads, s->gap_worst_usec / 1000, s->gap_worst_usec % 1000,
                      s->gap_total_usec / 1000, s->gap_total_usec % 1000);
        print_guard(s);
        for (size_t i = 0; s->targets && s->targets[i]; i++)
                (void) printf("%-11s %zu. %s\n", i == 0 ? "Targets:" : "", i + 1, s->targets[i]);
}

/* The report is in /run, and so of this boot. Its age is left out where the clock says that it is
 * yet to come. */
static void print_verified(const VerifyReport *report)
{
        char time[FORMAT_TIME_MAX], age[FORMAT_AGE_MAX];
        uint64_t now_usec = now_realtime_usec(), age_usec;
        bool known = !__builtin_sub_overflow(now_usec, report->time_realtime_usec, &age_usec);

        (void) printf("Verified:   %s%s%s%s: %s\n", format_time(report->time_realtime_usec, time),
                      known ? " (" : "", known ? format_age(age_usec, age) : "", known ? ")" : "",
                      check_status_to_string(report->result));
}

static void print_text(const Status *status)
{
        const State *s = &status->state;
        char time[FORMAT_TIME_MAX];

        (void) printf("Kdump is %soperational\n", status->operational ? "" : "not ");
        (void) printf("%s\n", reason_of(status));
        if (!status->state_known)
                return;
        (void) printf("State:      %s\n", arm_state_to_string(s->state));
        if (status->operational && s->generation > 0)
                print_image(s);
        if (s->crash_size_bytes > 0)
                (void) printf("Reserved:   %" PRIu64 " MB\n", s->crash_size_bytes >> 20);
        if (s->request > 0)
                (void) printf("Answered:   %s in %" PRIu64 ".%03" PRIu64 " s\n",
                              s->request_failed ? "failed" : "done", s->request_usec / USEC_PER_SEC,
                              s->request_usec % USEC_PER_SEC / 1000);
        if (status->verified)
                print_verified(&status->report);
        if (s->last_error)
                (void) printf("Last error: %s: %s\n",
                              format_time(s->last_error_realtime_usec, time), s->last_error);
        if (s->last_boot)
                (void) printf("Last boot:  %s\n", s->last_boot);
        if (!status->daemon_running)
                (void) printf("Daemon:     not running; what is armed stays armed\n");
}

static int add_verified(json_object *object, const VerifyReport *report)
{
        json_object *time = json_object_new_uint64(report->time_realtime_usec);
        json_object *result = json_object_new_string(check_status_to_string(report->result));
        int r;

        r = json_object_take(object, "verified_realtime_usec", time);
        if (r < 0) {
                json_object_put(result);
                return r;
        }
        return json_object_take(object, "verify_result", result);
}

/* The members of the state file, and some of our own. */
static int print_json(const Status *status)
{
        _cleanup_free_ char *json = NULL;
        json_object *object = NULL;
        int r = 0;

        if (status->state_known) {
                r = state_to_json(&status->state, &json);
                if (r < 0)
                        return r;
                object = json_tokener_parse(json);
        } else
                object = json_object_new_object();
        if (!object)
                return -ENOMEM;

        r = json_object_take(object, "operational", json_object_new_boolean(status->operational));
        if (r == 0)
                r = json_object_take(object, "daemon_running",
                                     json_object_new_boolean(status->daemon_running));
        if (r == 0 && status->verified)
                r = add_verified(object, &status->report);
        if (r == 0)
                r = json_object_take(object, "reason", json_object_new_string(reason_of(status)));
        if (r == 0)
                (void) printf("%s\n", json_object_to_json_string_ext(
                                              object, JSON_C_TO_STRING_PRETTY |
                                                              JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(object);
        return r;
}

int verb_status(int argc, char **argv)
{
        _cleanup_(status_done) Status status = { 0 };
        bool json;

        if (parse_json_option(argc, argv, &json) < 0 || status_read(&status) < 0)
                return EXIT_FAILURE;
        if (!json)
                print_text(&status);
        else if (print_json(&status) < 0) {
                (void) log_oom();
                return EXIT_FAILURE;
        }
        return status.operational ? EXIT_SUCCESS : EXIT_NOT_OPERATIONAL;
}
