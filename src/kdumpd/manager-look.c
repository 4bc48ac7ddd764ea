/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the looks at the machine: what has come and gone of CPUs and memory since the load, and
 * whether what is loaded is still ours. */
#include <inttypes.h>

#include "crash-area.h"
#include "io.h"
#include "log.h"
#include "manager.h"
#include "messages.h"

/* A burst of events is over when nothing has come for this long; but we do not wait for ever. */
#define SETTLE_USEC (500 * USEC_PER_MSEC)
#define SETTLE_MAX_USEC (3 * USEC_PER_SEC)

/* The event of what goes away comes before it is gone: nothing seen is looked at once more. */
#define LOOK_AGAIN_USEC (5 * USEC_PER_SEC)

/* Between attempts at what has failed; it doubles. */
#define RETRY_MIN_USEC (60 * USEC_PER_SEC)
#define RETRY_MAX_USEC (3600 * USEC_PER_SEC)

/* In the place of the digest of what the loaded image knows: nobody can tell. It is in the state
 * file, as the next daemon cannot tell either. */
#define HEADERS_UNKNOWN "unknown"

/* In the middle of a request it is a part of that story. */
static void tell_event(Manager *m, const char *text)
{
        if (m->requested)
                manager_story_change(m, text);
        else
                manager_story_begin(m, "%s", text);
}

/* In words, how what there is differs from what there was at the load. */
static char *describe_change(const Manager *m)
{
        const State *s = &m->state;
        const Topology *t = &m->topology;
        char *text;

        if (topology_describe_change((size_t) s->loaded_n_cpus, s->loaded_ram_bytes, t->n_cpus,
                                     t->ram_bytes, &text) < 0)
                text = strdup("CPUs or memory have changed");
        return text;
}

/* In words, what the loaded image does not know; NULL if it knows all, or nothing is known of it.
 * Where the kernel updates the headers itself (crash_hotplug is 1), it has done so already. */
static char *describe_stale(const Manager *m, const char *digest)
{
        const State *s = &m->state;
        const Topology *t = &m->topology;
        bool cpus, ram;

        if (streq_ptr(s->loaded_topology_sha256, HEADERS_UNKNOWN))
                return strdup("CPUs or memory may have come or gone while it was loaded");
        if (!s->loaded_topology_sha256 || !s->loaded_cpus ||
            streq(s->loaded_topology_sha256, digest))
                return NULL;
        cpus = !streq(s->loaded_cpus, t->cpus);
        /* Memory in other places, of the same size, and no change of CPUs. */
        ram = s->loaded_ram_bytes != t->ram_bytes || !cpus;
        if ((!cpus || m->facts.cpu_crash_hotplug) && (!ram || m->facts.memory_crash_hotplug))
                return NULL;
        return describe_change(m);
}

static void remember_topology(Manager *m, const char *digest)
{
        manager_set_text(&m->state.loaded_topology_sha256, digest);
        manager_set_text(&m->state.loaded_cpus, m->topology.cpus);
        m->state.loaded_n_cpus = m->topology.n_cpus;
        m->state.loaded_ram_bytes = m->topology.ram_bytes;
}

/* CPUs or memory have changed, and the kernel has seen to it. */
static void headers_updated(Manager *m, const char *digest)
{
        _cleanup_free_ char *change = describe_change(m), *text = NULL;

        if (strprintf(&text, "%s: the kernel has updated the headers itself",
                      change ?: "CPUs or memory have changed") >= 0) {
                log_debug("%s.", text);
                manager_story_change(m, text);
        }
        remember_topology(m, digest);
        m->headers_updated = true;
}

/* Reads the topology anew. Nothing is known of it if that fails. */
static int read_topology(Manager *m, char ret_digest[static SHA256_HEX_SIZE])
{
        int r;

        topology_done(&m->topology);
        r = topology_read(m->root_fd, &m->topology);
        if (r < 0) {
                log_warning("Failed to read which CPUs and memory there are: %s",
                            topology_error_text(r));
                return r;
        }
        r = topology_digest(&m->topology, ret_digest);
        if (r < 0)
                return log_warning_errno(r, "Failed to compare CPUs and memory: %m");
        return 0;
}

/* Returns true if there is something to do: the loaded image lacks what it did not lack at the last
 * look, or it knows what is not yet published. */
static bool look_topology(Manager *m)
{
        char digest[SHA256_HEX_SIZE];
        char *stale;
        bool is_new, is_known;

        if (read_topology(m, digest) < 0)
                return false;
        stale = describe_stale(m, digest);
        is_new = stale && !streq_ptr(stale, m->stale_headers);
        if (is_new)
                m->held_error = 0;
        free(m->stale_headers);
        m->stale_headers = stale;
        is_known = stale || m->state.generation == 0 ||
                   streq_ptr(m->state.loaded_topology_sha256, digest);
        if (is_known)
                return is_new;
        /* Not a new sample: what is loaded by now need not be ours. */
        if (m->state.loaded_topology_sha256) {
                headers_updated(m, digest);
                return true;
        }
        /* An older daemon had not written it down. */
        manager_look_loaded(m);
        return is_new;
}

void manager_look_topology(Manager *m)
{
        (void) look_topology(m);
}

/* Samples of the loaded image, by which another one is told from it. */
static void sample(Manager *m)
{
        char hex[SHA256_HEX_SIZE];
        int r;

        r = crash_area_sample(m->root_fd, manager_guard_live(m), hex);
        if (r < 0)
                log_debug("The loaded image cannot be read, so another one in its place would not "
                          "be noticed: %s",
                          strerror(-r));
        manager_set_text(&m->state.area_sha256, r < 0 ? NULL : hex);
}

/* Whether there is what there was before the load. What came or went meanwhile need not be in the
 * headers, and where the kernel updates these it may not have done so: it gives up at once while a
 * load holds its lock (crash_handle_hotplug_event() of kernel/crash_core.c, v6.6), and a load puts
 * what was made before it over what the kernel has written. */
static bool is_as_before(const Manager *m)
{
        _cleanup_(topology_done) Topology now = { 0 };
        int r;

        if (!m->topology.cpus)
                return false;
        r = topology_read(m->root_fd, &now);
        if (r < 0)
                log_warning("Failed to read which CPUs and memory there are after a load: %s",
                            topology_error_text(r));
        return r >= 0 && topology_equal(&m->topology, &now);
}

/* Not at once: while CPUs and memory come and go, that would not end. */
static void look_soon(Manager *m)
{
        int r = settle_poke(&m->look, SETTLE_USEC, SETTLE_MAX_USEC);

        if (r < 0)
                (void) log_warning_errno(r, "Failed to look again soon, ignoring: %m");
}

void manager_look_loaded(Manager *m)
{
        char digest[SHA256_HEX_SIZE];

        /* Whatever comes of the rest: what is said to be stale would be loaded again at once. */
        free(TAKE_PTR(m->stale_headers));
        manager_guard_loaded(m);
        sample(m);
        m->headers_updated = false;
        if (is_as_before(m) && topology_digest(&m->topology, digest) >= 0) {
                remember_topology(m, digest);
                return;
        }
        remember_topology(m, HEADERS_UNKNOWN);
        /* Where they cannot be read it is left to the looks that come anyhow. */
        if (m->topology.cpus)
                look_soon(m);
}

/* Whether the kernel says that it updates the headers of what is loaded now. */
static bool kernel_updates_headers(const Manager *m)
{
        return m->facts.cpu_crash_hotplug || m->facts.memory_crash_hotplug;
}

void manager_look_restored(Manager *m)
{
        char digest[SHA256_HEX_SIZE];
        bool known;

        manager_guard_loaded(m);
        sample(m);
        known = read_topology(m, digest) >= 0;
        /* What the kernel has written since the load is gone, and it may just have given up. */
        if (m->headers_updated || (known && kernel_updates_headers(m) &&
                                   !streq_ptr(m->state.loaded_topology_sha256, digest)))
                manager_set_text(&m->state.loaded_topology_sha256, HEADERS_UNKNOWN);
        m->headers_updated = false;
        if (!known)
                return;
        free(m->stale_headers);
        m->stale_headers = describe_stale(m, digest);
}

static bool has_other_samples(const Manager *m)
{
        char hex[SHA256_HEX_SIZE];

        return m->state.area_sha256 && m->armed_generation > 0 &&
               crash_area_sample(m->root_fd, manager_guard_live(m), hex) >= 0 &&
               !streq(hex, m->state.area_sha256);
}

/* By digests of the image, and by samples of the whole area: another image need not touch ours. */
static bool is_replaced(Manager *m)
{
        bool other = has_other_samples(m);
        GuardVerdict verdict = manager_guard_look(m, other);

        if (verdict == GUARD_DAMAGED) {
                tell_event(m, "the loaded crash kernel was damaged");
                m->held_error = 0;
                manager_kick(m);
                return false;
        }
        if (verdict == GUARD_LEFT_OUT)
                return m->foreign;
        if (verdict == GUARD_WHOLE && !other && m->damage) {
                tell_event(m, "the loaded crash kernel is whole again");
                free(TAKE_PTR(m->damage));
                m->held_error = 0;
                manager_kick(m);
        }
        return verdict == GUARD_REPLACED || other;
}

/* What was tried did not do, and nobody may come and ask for more: memory that was short may be
 * there again. Each attempt counts where the kernel limits loads: those are left to people. */
static void try_again(Manager *m, const char *why)
{
        uint64_t now_usec = now_boottime_usec();

        if (!m->started || m->requested || now_usec < m->retry_boottime_usec)
                return;
        if (m->facts.load_disabled || m->facts.load_limit >= 0 || m->facts.crash_size_bytes == 0)
                return;
        m->retry_delay_usec = MAX(m->retry_delay_usec * 2, RETRY_MIN_USEC);
        m->retry_delay_usec = MIN(m->retry_delay_usec, RETRY_MAX_USEC);
        m->retry_boottime_usec = now_usec + m->retry_delay_usec;
        tell_event(m, why);
        manager_forget_failures(m);
        manager_kick(m);
}

/* /sys files do not notify: what someone else has done is only seen by looking. */
void manager_look_loaded_is_ours(Manager *m)
{
        int loaded = kexec_loaded(m->loader);

        if (loaded < 0)
                return;
        if (loaded == 1 && !is_replaced(m)) {
                if (m->load_may_pass)
                        try_again(m, m->load_error < 0 ? "what is asked for could not be loaded"
                                                       : "what is armed could not be loaded again");
                return;
        }
        /* It was told, and what could be done was done. */
        if (loaded == 1 ? m->foreign : m->armed_generation == 0) {
                try_again(m, loaded == 1 ? "someone else's crash kernel is still loaded"
                                         : "no crash kernel is loaded");
                return;
        }
        message_send(
                MESSAGE_FOREIGN, LOG_WARNING, m->armed_generation, 0, "%s; loading ours again.",
                loaded == 1
                        ? "Someone else has loaded another crash kernel"
                        : "The crash kernel is not loaded any more: someone else has unloaded it");
        tell_event(m, loaded == 1 ? "someone else has loaded another crash kernel"
                                  : "someone else has unloaded the crash kernel");
        m->foreign = loaded == 1;
        if (loaded == 0)
                m->armed_generation = 0;
        manager_forget_failures(m);
        manager_kick(m);
}

/* Events only say "look": none of them is believed, and a lost one costs nothing. */
static void on_hotplug(HotplugSubsystem subsystems, void *userdata)
{
        Manager *m = userdata;
        int r;

        m->look_again = true;
        r = settle_poke(&m->look, SETTLE_USEC, SETTLE_MAX_USEC);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to wait for more events, ignoring: %m");
}

static void on_settled(void *userdata)
{
        Manager *m = userdata;

        if (!look_topology(m) && !m->stale_headers) {
                if (m->look_again)
                        (void) settle_poke(&m->look, LOOK_AGAIN_USEC, LOOK_AGAIN_USEC);
                m->look_again = false;
                return;
        }
        tell_event(m, "CPUs or memory came or went");
        manager_kick(m);
}

/* What no event tells of, or the event was lost, or the kernel was busy. */
void manager_look_around(Manager *m)
{
        bool busy = m->held_error == -EBUSY;

        if (busy)
                m->held_error = 0;
        /* What is not new was tried, or cannot be. */
        if (look_topology(m) || (busy && m->stale_headers)) {
                tell_event(m, "CPUs or memory came or went");
                manager_kick(m);
        } else if (busy && (m->damage || m->foreign)) {
                tell_event(m, "the kernel was busy with another load");
                manager_kick(m);
        }
        manager_look_loaded_is_ours(m);
}

int manager_look_start(Manager *m)
{
        int r;

        r = settle_init(&m->look, m->event, on_settled, m);
        if (r < 0)
                return r;
        r = hotplug_new(m->event, on_hotplug, m, &m->hotplug);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to listen for CPUs and memory that come and "
                                            "go, looking once a minute: %m");
        return 0;
}

void manager_look_done(Manager *m)
{
        m->hotplug = hotplug_free(m->hotplug);
        settle_done(&m->look);
        topology_done(&m->topology);
        free(TAKE_PTR(m->stale_headers));
}
