/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the loop: look, decide, do one thing, look again; and what the world is told of it. */
#include "manager.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "image.h"
#include "io.h"
#include "log.h"
#include "messages.h"

/* The one timer of an idle daemon: it pets the watchdog (WatchdogSec=3min) and looks at
 * crash_loaded. */
#define TICK_USEC (60 * USEC_PER_SEC)

Manager *manager_free(Manager *m)
{
        if (!m)
                return NULL;
        build_done(&m->build);
        verify_done(&m->verify);
        free(m->last_dump);
        m->fingerprints = fingerprint_cache_free(m->fingerprints);
        manager_look_done(m);
        manager_watch_done(m);
        manager_network_done(m);
        manager_ahead_done(m);
        manager_boot_done(m);
        held_done(&m->held);
        m->bus = manager_bus_free(m->bus);
        history_entry_done(&m->story);
        sd_event_source_disable_unref(m->step);
        sd_event_source_disable_unref(m->tick);
        sd_event_unref(m->event);
        wanted_done(&m->wanted);
        free(m->load_problem);
        free(m->damage);
        state_done(&m->state);
        generation_store_done(&m->store);
        facts_done(&m->facts);
        close_fd(m->root_fd);
        free(m);
        return NULL;
}

void manager_kick(Manager *m)
{
        int r = sd_event_source_set_enabled(m->step, SD_EVENT_ONESHOT);

        if (r < 0)
                (void) log_error_errno(r, "Failed to schedule the next step: %m");
}

/* The name of the machine may have changed, and its CPUs, and the room for the image. */
static void refresh_facts(Manager *m)
{
        Facts facts;
        int r;

        r = facts_read(m->root_fd, &facts);
        if (r < 0) {
                (void) log_warning_errno(r, "Failed to read what the kernel says of itself, going "
                                            "by what it said before: %m");
                return;
        }
        /* Not read while another process holds the lock of kexec. */
        if (facts.crash_size_bytes == 0)
                facts.crash_size_bytes = m->facts.crash_size_bytes;
        facts_done(&m->facts);
        m->facts = facts;
}

uint64_t manager_request(Manager *m)
{
        m->requested = m->asked = true;
        refresh_facts(m);
        m->request_begin_usec = now_boottime_usec();
        m->wanted_stale = true;
        m->wanted_told = false;
        m->build.n_done = 0;
        m->build.joined = m->build.running;
        m->build.failed = false;
        free(TAKE_PTR(m->build.problem));
        manager_forget_failures(m);
        manager_look_topology(m);
        manager_kick(m);
        return m->state.request + 1;
}

void manager_notice(Manager *m)
{
        bool asked = m->requested && m->asked;

        (void) manager_request(m);
        m->asked = asked;
}

void manager_set_text(char **text, const char *value)
{
        char *copy = value ? strdup(value) : NULL;

        if (value && !copy) {
                (void) log_oom();
                return;
        }
        free(*text);
        *text = copy;
}

void manager_publish(Manager *m, const Decision *decision)
{
        int r;

        manager_set_text(&m->state.reason, decision->reason);
        m->state.state = decision->state;
        m->state.pid = (uint64_t) getpid();
        m->state.generation = m->armed_generation;
        m->state.crash_size_bytes = m->facts.crash_size_bytes;
        m->state.updated_realtime_usec = now_realtime_usec();

        r = state_write(m->root_fd, &m->state);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to write the state file, ignoring: %m");
        (void) sd_notifyf(false, "STATUS=%s: %s", arm_state_to_string(decision->state),
                          decision->reason);
        if (m->bus)
                manager_bus_changed(m->bus);
}

static void remember_error(Manager *m, const char *error)
{
        manager_set_text(&m->state.last_error, error);
        m->state.last_error_realtime_usec = now_realtime_usec();
}

static void tell(Manager *m, const Decision *d)
{
        if (d->action == DECIDE_FAIL) {
                log_error("The crash kernel is not armed: %s", d->reason);
                return;
        }
        if (d->state == ARM_STATE_DEGRADED) {
                message_send(MESSAGE_DEGRADED, LOG_WARNING, m->armed_generation, 0, "Degraded: %s",
                             d->reason);
                return;
        }
        if (m->requested && d->state == ARM_STATE_STALE)
                log_info("Waiting: %s.", d->reason);
        else if (m->requested && !m->loaded_something)
                log_info("Nothing changed: generation %" PRIu64 " stays armed.",
                         m->armed_generation);
}

static int exit_status(const Manager *m)
{
        if (m->wanted.config_error)
                return EXIT_CONFIG_ERROR;
        if (m->build.failed || m->wanted.base_missing)
                return EXIT_BUILD_FAILED;
        return EXIT_LOAD_FAILED;
}

/* The next start need not read what was read now. */
static void save_fingerprints(Manager *m)
{
        int r;

        r = fingerprint_cache_save(m->fingerprints, m->root_fd, PATH_FINGERPRINTS);
        if (r < 0)
                log_debug("Failed to write '%s': %s", PATH_FINGERPRINTS, strerror(-r));
}

/* There is nothing left to do: the request, if this is one, is answered. */
static int manager_answer(Manager *m, const Decision *d)
{
        build_disconnect(&m->build);
        if (d->failed)
                remember_error(m, d->reason);
        if (m->requested) {
                m->state.request++;
                m->state.request_failed = d->failed;
                m->state.request_usec = now_boottime_usec() - m->request_begin_usec;
        }
        tell(m, d);
        /* What was built and is not armed, as files have changed meanwhile, goes with the next. */
        if (m->build.took_usec > 0)
                manager_prune(m);
        manager_story_end(m, d);
        manager_hold(m);
        manager_guard_answered(m);
        if (!m->started && d->action == DECIDE_FAIL)
                m->exit_status = exit_status(m);
        manager_boot(m);
        if (m->requested) {
                manager_keep(m);
                manager_watch_inputs(m);
                manager_ahead_later(m);
                manager_find_last_dump(m);
                save_fingerprints(m);
        }
        m->requested = m->asked = m->loaded_something = m->rebuild_requested = false;
        manager_publish(m, d);
        if (m->bus)
                manager_bus_answered(m->bus, m->state.request, d->failed, d->reason);

        if (m->started)
                return 0;
        if (d->action == DECIDE_FAIL)
                return sd_event_exit(m->event, 0);
        m->started = true;
        (void) sd_notify(false, "READY=1");
        return 0;
}

/* What has failed is never tried again for want of words. */
const char *manager_problem(const Manager *m)
{
        if (m->wanted.problem)
                return m->wanted.problem;
        if (m->build.failed)
                return m->build.problem ?: "building the base image failed";
        return m->load_error < 0 ? m->load_problem ?: strerror(-m->load_error) : NULL;
}

static void situation_fill(const Manager *m, Situation *ret)
{
        const Generation *restorable = manager_restorable(m, 0);

        *ret = (Situation){
                .problem = manager_problem(m),
                .warning = m->wanted.warning,
                .base_missing = m->wanted.base_missing,
                .base_outdated = m->wanted.base_outdated,
                .build_waits = manager_builds_wait(m),
                .force_rebuild = (m->wanted.force_rebuild && !manager_builds_wait(m)) ||
                                 m->rebuild_requested,
                .force_no_rebuild = m->wanted.force_no_rebuild,
                .build_running = m->build.running,
                .builds_done = m->build.n_done,
                .asked = m->started && m->asked,
                .wanted_is_armed = !m->foreign && m->armed_generation > 0 &&
                                   m->armed_generation == m->wanted.generation.number,
                .armed_generation = m->armed_generation,
                .restorable = restorable ? restorable->number : 0,
                .held = m->held_error < 0 ? 0 : m->held.number,
                .damage = m->damage,
                .stale_headers = m->stale_headers,
                .foreign = m->foreign,
        };
}

/* The base image that will do for now although files have changed. While nothing is armed, that is
 * one just built: an upgrade may go on for longer than any number of builds. */
static const char *keep_id(const Manager *m)
{
        if (m->armed_generation == 0)
                return m->build.n_done > 0 ? BASE_KEEP_NEWEST : NULL;
        return manager_builds_wait(m) ? m->state.base_id : NULL;
}

int manager_read_wanted(const Manager *m, bool quiet, Wanted *ret)
{
        return wanted_read(m->root_fd, &m->facts, &m->store, m->fingerprints, keep_id(m), quiet,
                           ret);
}

static int read_wanted(Manager *m)
{
        Wanted wanted;
        int r;

        r = manager_read_wanted(m, m->wanted_told, &wanted);
        if (r < 0)
                return log_error_errno(r, "Failed to read the configuration: %m");
        wanted_done(&m->wanted);
        m->wanted = wanted;
        m->wanted_stale = false;
        manager_watch_inputs(m);
        manager_network_resolve(m);
        manager_network_mounts(m);
        m->wanted_told = true;
        return 0;
}

/* Returns 1 if there is more to do at once, 0 if not. */
static int manager_act(Manager *m, const Decision *d)
{
        switch (d->action) {
        case DECIDE_NOTHING:
                if (m->wanted.base_outdated)
                        manager_story_base(m);
                return manager_answer(m, d);
        case DECIDE_FAIL:
                return manager_answer(m, d);
        case DECIDE_BUILD:
                manager_story_base(m);
                manager_publish(m, d);
                manager_build_start(m);
                return 1;
        case DECIDE_WAIT:
                manager_publish(m, d);
                return 0;
        case DECIDE_LOAD:
                manager_story_compare(m);
                manager_load(m);
                return 1;
        case DECIDE_RELOAD:
                if (m->stale_headers)
                        manager_story_change(m, m->stale_headers);
                manager_reload(m, d->reason);
                return 1;
        case DECIDE_RESTORE:
                (void) log_full(d->failed ? LOG_ERR : LOG_INFO, 0, "%s",
                                manager_problem(m) ?: d->reason);
                manager_restore(m, d->failed);
                return 1;
        default:
                return -EINVAL;
        }
}

static int manager_step(Manager *m)
{
        int r;

        if (m->wanted_stale) {
                r = read_wanted(m);
                if (r < 0)
                        return r;
        }
        do {
                _cleanup_(decision_done) Decision decision = { 0 };
                Situation situation;

                (void) manager_crash_loaded(m);
                r = facts_refresh_limits(m->root_fd, &m->facts);
                if (r < 0)
                        log_debug("The limits of kexec cannot be read: %s", strerror(-r));
                situation_fill(m, &situation);
                r = decide(&m->facts, &situation, &decision);
                if (r < 0)
                        return log_error_errno(r, "Failed to decide: %m");
                log_debug("%s", decision.reason);
                r = manager_act(m, &decision);
        } while (r > 0);
        return r;
}

static int on_step(sd_event_source *source, void *userdata)
{
        Manager *m = userdata;
        int r;

        r = manager_step(m);
        if (r < 0)
                m->exit_status = EXIT_LOAD_FAILED;
        return r;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *m = userdata;
        int r;

        (void) sd_notify(false, "WATCHDOG=1");
        manager_bus_tick(m->bus);
        manager_verify_look(m);
        manager_network_tick(m);
        if (!m->requested || m->build.running)
                manager_look_around(m);
        r = sd_event_source_set_time_relative(source, m->options.tick_usec);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        manager_story_begin(userdata, "a reload was requested");
        (void) manager_request(userdata);
        return 0;
}

static int add_sources(Manager *m)
{
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGHUP);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_new(&m->event);
        if (r < 0)
                return r;
        r = sd_event_add_signal(m->event, NULL, SIGHUP, on_reload, m);
        if (r < 0)
                return r;
        r = sd_event_add_signal(m->event, NULL, SIGTERM, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_event_add_signal(m->event, NULL, SIGINT, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_event_add_defer(m->event, &m->step, on_step, m);
        if (r < 0)
                return r;
        /* Else sd-event would only switch it off, and nothing would ever be done again. */
        r = sd_event_source_set_exit_on_failure(m->step, true);
        if (r < 0)
                return r;
        return sd_event_add_time_relative(m->event, &m->tick, CLOCK_BOOTTIME, m->options.tick_usec,
                                          m->options.tick_usec / 6, on_tick, m);
}

/* What the daemon before us left: the counter goes on, and an image that it loaded is ours. */
static void adopt_state(Manager *m)
{
        int r;

        r = state_read(m->root_fd, &m->state);
        if (r < 0 && r != -ENOENT)
                (void) log_warning_errno(r, "Failed to read the state file, ignoring: %m");
        generation_reserve(&m->store, m->state.generation);
        held_adopt(m->state.generation, &m->held);
        if (!m->facts.crash_loaded || m->state.generation == 0)
                return;
        if (m->state.generation == m->store.current.number ||
            m->state.generation == m->store.previous.number ||
            m->state.generation == m->held.number)
                m->armed_generation = m->state.generation;
}

int manager_new(const ManagerOptions *options, Manager **ret)
{
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(Manager));
        int r;

        if (!m)
                return log_oom();
        m->held = HELD_NULL;
        m->root_fd = -EBADF;
        m->options = *options;
        m->options.tick_usec = options->tick_usec ?: TICK_USEC;
        m->loader = options->loader;
        m->fingerprints = fingerprint_cache_new();
        if (!m->fingerprints)
                return log_oom();
        m->root_fd = open(options->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (m->root_fd < 0)
                return log_error_errno(errno, "Failed to open '%s': %m", options->root);
        r = facts_read(m->root_fd, &m->facts);
        if (r < 0)
                return log_error_errno(r, "Failed to read what the kernel says of itself: %m");
        r = generation_store_load(m->root_fd, &m->store);
        if (r < 0)
                return log_error_errno(r, "Failed to read the generations: %m");
        r = add_sources(m);
        if (r >= 0)
                r = manager_ahead_start(m);
        if (r >= 0)
                r = manager_boot_start(m);
        if (r >= 0)
                r = manager_look_start(m);
        if (r >= 0)
                r = manager_network_start(m);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the event loop: %m");
        r = manager_requests_start(m);
        if (r < 0)
                return r;
        adopt_state(m);
        manager_guard_start(m);
        fingerprint_cache_load(m->fingerprints, m->root_fd, PATH_FINGERPRINTS);
        r = manager_watch_start(m);
        if (r < 0)
                return log_error_errno(r, "Failed to set up the event loop: %m");
        *ret = TAKE_PTR(m);
        return 0;
}

int manager_run(Manager *m)
{
        int r;

        manager_story_begin(m, "the service was started");
        (void) manager_request(m);
        /* The daemon before us, if there was one, may have ended long ago. */
        manager_look_loaded_is_ours(m);
        r = sd_event_loop(m->event);
        if (r < 0)
                return m->exit_status ?: EXIT_LOAD_FAILED;
        (void) sd_notify(false, "STOPPING=1");
        return m->exit_status;
}
