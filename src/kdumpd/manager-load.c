/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the swap of generations: prepare both ways out, one call, tell what became of it. */
#include <inttypes.h>
#include <stdarg.h>

#include "io.h"
#include "log.h"
#include "manager.h"
#include "messages.h"
#include "strv.h"

static bool is_usable(const Manager *m, const Generation *generation, uint64_t but)
{
        if (generation->number == 0 || generation->number == but)
                return false;
        if (generation == &m->store.current)
                return !m->current_refused;
        return !m->previous_refused;
}

const Generation *manager_restorable(const Manager *m, uint64_t but)
{
        const Generation *current = &m->store.current, *previous = &m->store.previous;

        /* What is armed works; it is the first choice also if it is the older one. */
        if (previous->number == m->armed_generation && is_usable(m, previous, but))
                return previous;
        if (is_usable(m, current, but))
                return current;
        return is_usable(m, previous, but) ? previous : NULL;
}

static void refuse(Manager *m, uint64_t number)
{
        if (number == m->store.current.number)
                m->current_refused = true;
        if (number == m->store.previous.number)
                m->previous_refused = true;
}

static void load_problem(Manager *m, const char *format, ...) _printf_(2, 3);
static void load_problem(Manager *m, const char *format, ...)
{
        va_list ap;
        char *text;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        free(m->load_problem);
        m->load_problem = text ?: strdup("out of memory");
        message_send(MESSAGE_LOAD_FAILED, LOG_ERR, m->wanted.generation.number, 0, "%s",
                     m->load_problem ?: "Out of memory.");
}

static int replace_string(char **s, const char *value)
{
        char *copy = value ? strdup(value) : NULL;

        if (value && !copy)
                return log_oom();
        free(*s);
        *s = copy;
        return 0;
}

/* @generation is what the kernel has now. */
static void now_armed(Manager *m, const Generation *generation, uint64_t gap_usec)
{
        char **targets = NULL;

        m->armed_generation = generation->number;
        m->loaded_something = true;
        m->state.generation = generation->number;
        m->state.generation_realtime_usec = generation->created_realtime_usec;
        m->state.loaded_realtime_usec = now_realtime_usec();
        m->state.gap_usec = gap_usec;
        m->state.base_bytes = generation->base_bytes;
        m->state.overlay_bytes = generation->overlay_bytes;
        m->state.base_realtime_usec = generation->base_realtime_usec;
        (void) replace_string(&m->state.kernel_release, generation->kernel_release);
        (void) replace_string(&m->state.base_id, generation->base_id);
        if (strv_copy(generation->targets, &targets) < 0)
                (void) log_oom();
        strv_free(m->state.targets);
        m->state.targets = targets;
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

static void prune(Manager *m)
{
        _cleanup_strv_ char **keep = NULL;
        int r = 0;

        if (m->store.current.number > 0)
                r = strv_extend(&keep, m->store.current.base_id);
        if (r == 0 && m->store.previous.number > 0)
                r = strv_extend(&keep, m->store.previous.base_id);
        if (r == 0 && m->wanted.generation.base_id)
                r = strv_extend(&keep, m->wanted.generation.base_id);
        if (r == 0)
                r = image_prune(m->root_fd, keep);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to remove old base images, ignoring: %m");
}

/* Whether the current generation was tried and given up for the previous one, be it in this request
 * or in one before it. */
static bool current_is_bad(const Manager *m, uint64_t armed_before)
{
        if (m->current_refused)
                return !m->previous_refused;
        return armed_before > 0 && armed_before == m->store.previous.number;
}

static void load_succeeded(Manager *m, uint64_t armed_before, uint64_t gap_usec)
{
        const Generation *generation = &m->wanted.generation;
        int r;

        now_armed(m, generation, gap_usec);
        message_send(MESSAGE_ARMED, LOG_NOTICE, generation->number, gap_usec,
                     "kexec: loaded kdump kernel '%s' as generation %" PRIu64
                     ", with no image armed for %" PRIu64 ".%03" PRIu64 " ms.",
                     generation->kernel_release, generation->number, gap_usec / 1000,
                     gap_usec % 1000);
        if (generation->number == m->store.current.number)
                return;
        r = generation_adopt(&m->store, generation, current_is_bad(m, armed_before));
        if (r < 0)
                (void) log_warning_errno(
                        r, "Failed to remember generation %" PRIu64 " as the current one: %m",
                        generation->number);
        m->current_refused = m->previous_refused = false;
        prune(m);
}

static void load_failed(Manager *m, int error, const Generation *fallback, uint64_t armed_before,
                        const KexecSwap *swap)
{
        const Generation *generation = &m->wanted.generation;

        load_problem(m, "kexec: failed to load kdump kernel '%s' as generation %" PRIu64 ": %s",
                     generation->kernel_release, generation->number, strerror(-error));
        refuse(m, generation->number);
        if (swap->restored) {
                now_armed(m, fallback, swap->gap_usec);
                message_send(MESSAGE_ROLLED_BACK, LOG_WARNING, fallback->number, swap->gap_usec,
                             "Generation %" PRIu64 " is armed again, after %" PRIu64 ".%03" PRIu64
                             " ms with no image armed.",
                             fallback->number, swap->gap_usec / 1000, swap->gap_usec % 1000);
                return;
        }
        if (m->loader->loaded() == 1) {
                m->armed_generation = armed_before;
                return;
        }
        if (swap->restore_error < 0) {
                (void) log_error_errno(swap->restore_error,
                                       "Failed to load generation %" PRIu64 " again: %m",
                                       fallback->number);
                refuse(m, fallback->number);
        }
}

/* Opens what is loaded if the swap goes wrong. Not to have that is no reason not to try the swap.
 */
static const Generation *open_fallback(Manager *m, KexecImage *ret)
{
        const Generation *generation = &m->wanted.generation, *fallback;
        _cleanup_free_ char *message = NULL;
        int r;

        fallback = manager_restorable(m, generation->number);
        if (!fallback)
                return NULL;
        r = generation_open(&m->store, fallback, m->wanted_fresh ? generation : NULL, ret,
                            &message);
        if (r < 0) {
                log_warning("Generation %" PRIu64 " could not be loaded again if need be: %s",
                            fallback->number, message ?: strerror(-r));
                refuse(m, fallback->number);
                return NULL;
        }
        return fallback;
}

/* The overlay on disk is damaged or gone, but we have just made the same one. Replaces *message.
 */
static int repair_current(Manager *m, KexecImage *ret, char **message)
{
        const Generation *generation = &m->wanted.generation;
        int r;

        log_warning("Writing generation %" PRIu64 " again: %s", generation->number,
                    *message ?: "it has changed");
        free(TAKE_PTR(*message));
        r = generation_write(&m->store, generation, m->wanted.overlay);
        if (r < 0)
                return r;
        return generation_open(&m->store, generation, NULL, ret, message);
}

static int open_wanted(Manager *m, KexecImage *ret)
{
        const Generation *generation = &m->wanted.generation;
        _cleanup_free_ char *message = NULL;
        int r;

        if (generation->number != m->store.current.number) {
                r = generation_write(&m->store, generation, m->wanted.overlay);
                if (r < 0) {
                        load_problem(m, "generation %" PRIu64 " cannot be written: %s",
                                     generation->number, strerror(-r));
                        return r;
                }
        }
        r = generation_open(&m->store, generation, m->wanted_fresh ? generation : NULL, ret,
                            &message);
        if ((r == -ESTALE || r == -ENOENT) && generation->number == m->store.current.number)
                r = repair_current(m, ret, &message);
        if (r < 0) {
                load_problem(m, "generation %" PRIu64 " cannot be loaded: %s", generation->number,
                             message ?: strerror(-r));
                refuse(m, generation->number);
        }
        return r;
}

void manager_load(Manager *m)
{
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        uint64_t number = m->wanted.generation.number, armed_before = m->armed_generation;
        const Generation *fallback;
        KexecSwap swap;
        int r;

        r = open_wanted(m, &image);
        if (r < 0)
                goto finish;
        fallback = open_fallback(m, &old);

        forget_armed(m);
        r = kexec_crash_swap(m->loader, &image, fallback ? &old : NULL, &swap);
        if (r >= 0 && m->loader->loaded() != 1)
                r = -EIO;
        if (r < 0)
                load_failed(m, r, fallback, armed_before, &swap);
        else
                load_succeeded(m, armed_before, swap.gap_usec);

finish:
        m->wanted_fresh = false;
        if (number != m->store.current.number && number != m->store.previous.number) {
                r = generation_discard(&m->store, number);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to remove a generation, ignoring: %m");
        }
}

void manager_restore(Manager *m, bool failed)
{
        const Generation *generation = manager_restorable(m, 0);
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL;
        KexecSwap swap;
        int r;

        if (!generation)
                return;
        r = generation_open(&m->store, generation, NULL, &image, &message);
        if (r < 0) {
                log_error("Generation %" PRIu64 " cannot be loaded: %s", generation->number,
                          message ?: strerror(-r));
                refuse(m, generation->number);
                return;
        }
        forget_armed(m);
        r = kexec_crash_swap(m->loader, &image, NULL, &swap);
        if (r >= 0 && m->loader->loaded() != 1)
                r = -EIO;
        if (r < 0) {
                (void) log_error_errno(r, "Failed to load generation %" PRIu64 ": %m",
                                       generation->number);
                refuse(m, generation->number);
                return;
        }
        now_armed(m, generation, swap.gap_usec);
        message_send(failed ? MESSAGE_ROLLED_BACK : MESSAGE_ARMED,
                     failed ? LOG_WARNING : LOG_NOTICE, generation->number, swap.gap_usec,
                     "kexec: loaded kdump kernel '%s', generation %" PRIu64 ", %s.",
                     generation->kernel_release, generation->number,
                     failed ? "the last good one" : "until a new one is made");
}
