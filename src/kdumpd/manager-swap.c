/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the call that replaces the image, and what is remembered of the one that is armed then. */
#include "io.h"
#include "log.h"
#include "manager.h"
#include "messages.h"
#include "strv.h"

bool manager_crash_loaded(Manager *m)
{
        int r = kexec_loaded(m->loader);

        if (r >= 0)
                m->facts.crash_loaded = r == 1;
        return m->facts.crash_loaded;
}

/* Says in the state file that what is loaded is not known, before that becomes true: a daemon that
 * dies in the middle of a load must not take the result for the old image. */
static void forget_armed(Manager *m)
{
        const Decision loading = {
                .action = DECIDE_LOAD,
                .state = m->facts.crash_loaded ? ARM_STATE_STALE : ARM_STATE_DISARMED,
                .reason = (char[]){ "loading" },
        };

        m->armed_generation = 0;
        manager_publish(m, &loading);
}

/* Only on what is ours, and whole as far as we know, may a load leave anything in place. */
static KexecPrepare how_to_prepare(const Manager *m)
{
        /* One that finds damage below it wants a second load, and maybe a way back. */
        bool few = m->facts.load_limit >= 0 && m->facts.load_limit <= 2;

        return few || m->damage || m->foreign || m->armed_generation == 0 ? KEXEC_PREPARE_WHOLE
                                                                          : KEXEC_PREPARE_NEXT;
}

/* @image was read back after its load, and was not as it should be, most likely where parts had
 * been left in place: all of it was loaded again, which came to @error. */
static void tell_damage(Manager *m, const KexecImage *image, int error, const KexecSwap *swap)
{
        static const char found[] = "The crash kernel was damaged when it had just been loaded";
        const char *failing = "";

        if (error >= 0) {
                if (swap->still_damaged)
                        failing = ", and is damaged again: memory is failing";
                message_send(MESSAGE_DAMAGED, LOG_WARNING, image->generation, swap->gap_usec,
                             "%s; all of it was loaded again%s.", found, failing);
                return;
        }
        if (swap->still_damaged)
                failing = "; what is loaded now is damaged, too: memory is failing";
        message_send(MESSAGE_DAMAGED, LOG_WARNING, image->generation, swap->gap_usec,
                     "%s, and loading all of it again failed: %s%s", found,
                     swap->message ?: strerror(-error), failing);
        if (!swap->restored && kexec_loaded(m->loader) != 0)
                manager_set_text(&m->damage, "it is damaged, and loading all of it has failed");
}

int manager_swap(Manager *m, const KexecImage *image, const KexecImage *fallback, KexecSwap *ret)
{
        const KexecPrepare how = how_to_prepare(m);
        int r;

        forget_armed(m);
        manager_look_topology(m);
        r = kexec_crash_swap(m->loader, image, fallback, how, ret);
        if (ret->damaged || ret->still_damaged)
                tell_damage(m, image, r, ret);
        if (r < 0)
                return r;
        /* The load went well: not to be able to ask says nothing else. */
        m->facts.crash_loaded = kexec_loaded(m->loader) != 0;
        return m->facts.crash_loaded ? r : -EIO;
}

static void remember_load(Manager *m, uint64_t gap_usec, bool over)
{
        State *s = &m->state;

        s->loaded_realtime_usec = now_realtime_usec();
        s->loads++;
        s->gap_usec = gap_usec;
        if (over) {
                s->gap_worst_usec = MAX(s->gap_worst_usec, gap_usec);
                s->gap_total_usec += gap_usec;
        }
}

static void remember_generation(Manager *m, const Generation *generation)
{
        State *s = &m->state;
        char **targets = NULL;

        s->generation_realtime_usec = generation->created_realtime_usec;
        s->base_bytes = generation->base_bytes;
        s->overlay_bytes = generation->overlay_bytes;
        s->base_realtime_usec = generation->base_realtime_usec;
        manager_set_text(&s->kernel_release, generation->kernel_release);
        manager_set_text(&s->base_id, generation->base_id);
        if (strv_copy(generation->targets, &targets) < 0)
                (void) log_oom();
        strv_free(s->targets);
        s->targets = targets;
}

/* The way back is the image that is held, which the loader had armed, as it was made: only
 * kexec_file_load(2), where the headers are the kernel's, makes new ones. */
static bool has_old_headers(const Manager *m, uint64_t number, const KexecSwap *swap)
{
        const KexecLoader *loader = m->loader;
        const KexecReport *report = loader->report ? loader->report(loader->userdata) : NULL;

        return swap->restored && number == m->held.number && report && report->guarded;
}

void manager_armed(Manager *m, uint64_t number, const Generation *generation, const KexecSwap *swap,
                   bool over)
{
        int r;

        m->armed_generation = m->state.generation = number;
        m->loaded_something = true;
        m->foreign = false;
        m->held_error = 0;
        /* A way back is no way on: what failed is still tried ever more seldom. */
        if (m->load_error == 0 && !swap->restored) {
                m->retry_boottime_usec = m->retry_delay_usec = 0;
                m->load_may_pass = false;
        }
        remember_load(m, swap->gap_usec, over);
        r = facts_refresh_crash_hotplug(m->root_fd, &m->facts);
        if (r < 0)
                log_debug("The attributes crash_hotplug cannot be read: %s", strerror(-r));
        if (has_old_headers(m, number, swap))
                manager_look_restored(m);
        else
                manager_look_loaded(m);
        if (swap->still_damaged)
                manager_guard_still_damaged(m);
        manager_boot(m);
        if (generation)
                remember_generation(m, generation);
}
