/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the waiting for kdump-build.service: started over the bus, or joined if it runs already. */
#include <systemd/sd-daemon.h>

#include "io.h"
#include "log.h"
#include "manager.h"
#include "messages.h"
#include "pid1.h"

/* How often we look whether the build still runs, should a signal be missed, and ask PID 1 for more
 * time; and how much time we ask for. */
#define BUILD_LOOK_USEC (10 * USEC_PER_SEC)
#define BUILD_EXTEND "EXTEND_TIMEOUT_USEC=60000000"

/* A little above TimeoutStartSec= of the unit: by then PID 1 has ended it. */
#define BUILD_TIMEOUT_USEC (35 * 60 * USEC_PER_SEC)

void build_disconnect(Build *build)
{
        build->job_removed = sd_bus_slot_unref(build->job_removed);
        if (build->bus)
                (void) sd_bus_detach_event(build->bus);
        build->bus = sd_bus_flush_close_unref(build->bus);
}

void build_done(Build *build)
{
        build_disconnect(build);
        build->timer = sd_event_source_disable_unref(build->timer);
        free(build->job);
        free(build->problem);
        *build = (Build){ 0 };
}

/* @result: of the job, or what went wrong before there was one. */
static void build_fail(Manager *m, const char *result)
{
        static const char see[] = "journalctl -u " UNIT_BUILD " says more";
        Build *build = &m->build;
        int r;

        free(build->problem);
        if (streq(result, "failed"))
                r = strprintf(&build->problem, "building the base image failed: %s", see);
        else
                r = strprintf(&build->problem, "building the base image failed: %s (%s)", result,
                              see);
        if (r < 0)
                build->problem = NULL;
        build->failed = true;
        message_send(MESSAGE_BUILD_FAILED, LOG_ERR, 0, 0, "%s", build->problem ?: result);
}

/* @result: of the job, or NULL if it was not seen. What the build left is found on disk; a build
 * that we only joined may have been for something else, so that another one may follow. */
static void build_over(Manager *m, const char *result)
{
        Build *build = &m->build;
        uint64_t took_usec = now_boottime_usec() - build->begin_usec;

        if (!build->running)
                return;
        build->running = false;
        manager_watch_pause(m, took_usec);
        if (build->timer)
                (void) sd_event_source_set_enabled(build->timer, SD_EVENT_OFF);
        if (!result || streq(result, "done")) {
                build->took_usec = took_usec;
                manager_story_act(m, HISTORY_BASE);
                log_info("Building the base image took %.1f s.", (double) build->took_usec / 1e6);
                build->n_done += !build->joined;
        } else if (!build->joined)
                build_fail(m, result);
        build->joined = false;
        m->wanted_stale = true;
        manager_kick(m);
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        const char *job, *unit, *result;
        uint32_t id;
        int r;

        r = sd_bus_message_read(message, "uoss", &id, &job, &unit, &result);
        if (r < 0)
                return 0;
        if (m->build.job && streq(job, m->build.job))
                build_over(m, result);
        return 0;
}

static int build_connect(Manager *m)
{
        Build *build = &m->build;
        int r;

        build_disconnect(build);
        r = pid1_connect(m->options.pid1_address, &build->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(build->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        return pid1_match_job_removed(build->bus, on_job_removed, m, &build->job_removed);
}

/* Returns 1 if the build runs or waits for its turn; 0 with the unit's state if it is over. */
static int build_runs(Build *build, char **ret_state)
{
        _cleanup_free_ char *job = NULL, *state = NULL;
        int r;

        r = pid1_job_type(build->bus, UNIT_BUILD, &job);
        if (r < 0)
                return r;
        r = pid1_active_state(build->bus, UNIT_BUILD, &state);
        if (r < 0)
                return r;
        if (job || streq(state, "activating"))
                return 1;
        *ret_state = TAKE_PTR(state);
        return 0;
}

/* PID 1 closes its connections when it executes itself anew (systemctl daemon-reexec). */
static void build_look(Manager *m)
{
        Build *build = &m->build;
        _cleanup_free_ char *state = NULL;
        int r;

        r = build->bus ? build_runs(build, &state) : -ENOTCONN;
        if (r < 0) {
                r = build_connect(m);
                if (r >= 0)
                        r = build_runs(build, &state);
        }
        if (r < 0)
                (void) log_warning_errno(r, "Failed to look after " UNIT_BUILD ", ignoring: %m");
        if (r == 0)
                build_over(m, streq(state, "failed") ? "failed" : NULL);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *m = userdata;

        (void) sd_notify(false, BUILD_EXTEND);
        if (now_boottime_usec() - m->build.begin_usec > BUILD_TIMEOUT_USEC)
                build_over(m, "it did not end");
        else
                build_look(m);
        if (!m->build.running)
                return 0;
        (void) sd_event_source_set_time_relative(source, BUILD_LOOK_USEC);
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static int timer_start(Manager *m)
{
        Build *build = &m->build;

        (void) sd_notify(false, BUILD_EXTEND);
        build->timer = sd_event_source_disable_unref(build->timer);
        return sd_event_add_time_relative(m->event, &build->timer, CLOCK_BOOTTIME, BUILD_LOOK_USEC,
                                          USEC_PER_SEC, on_timer, m);
}

static int start_unit(Manager *m, char **reterr_message)
{
        Build *build = &m->build;
        _cleanup_free_ char *state = NULL, *job = NULL;
        int r;

        r = build_connect(m);
        if (r < 0)
                return r;
        r = pid1_active_state(build->bus, UNIT_BUILD, &state);
        if (r < 0)
                return r;
        build->joined = streq(state, "activating");
        r = pid1_start_unit(build->bus, UNIT_BUILD, &job, reterr_message);
        if (r < 0)
                return r;
        free(build->job);
        build->job = TAKE_PTR(job);
        return timer_start(m);
}

void manager_build_start(Manager *m)
{
        Build *build = &m->build;
        _cleanup_free_ char *message = NULL;
        int r;

        r = start_unit(m, &message);
        if (r < 0) {
                build_disconnect(build);
                build_fail(m, message ?: strerror(-r));
                return;
        }
        build->running = true;
        build->begin_usec = now_boottime_usec();
        message_send(MESSAGE_BUILD_STARTED, LOG_INFO, 0, 0,
                     build->joined ? "Waiting for the build of a base image that runs already."
                                   : "Building a base image: %s.",
                     m->wanted.base_missing ?: "it is forced");
}
