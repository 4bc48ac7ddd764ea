/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the swap of generations: prepare both ways out, swap, tell what became of it. */
#include <inttypes.h>
#include <stdarg.h>

#include "io.h"
#include "loader-facts.h"
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

void manager_forget_failures(Manager *m)
{
        m->held_error = m->load_error = 0;
        m->load_may_pass = false;
        free(TAKE_PTR(m->load_problem));
        m->current_refused = m->previous_refused = false;
}

/* Errors of what is short or broken for a time, and takes nothing with it when it fails again. */
static bool may_pass(int error)
{
        static const int passing[] = {
                EBUSY, ENOMEM, ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE,
        };

        for (size_t i = 0; i < ELEMENTSOF(passing); i++)
                if (error == -passing[i])
                        return true;
        return false;
}

static void load_problem(Manager *m, int error, const char *format, ...) _printf_(3, 4);
static void load_problem(Manager *m, int error, const char *format, ...)
{
        va_list ap;
        char *text;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        free(m->load_problem);
        m->load_problem = text;
        m->load_error = error;
        message_send(MESSAGE_LOAD_FAILED, LOG_ERR, m->wanted.generation.number, 0, "%s",
                     text ?: strerror(-error));
}

void manager_prune(Manager *m)
{
        _cleanup_strv_ char **keep = NULL;
        int r = 0;

        if (m->state.base_id)
                r = strv_extend(&keep, m->state.base_id);
        if (r == 0 && m->store.current.number > 0)
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

static void load_succeeded(Manager *m, uint64_t armed_before, const KexecSwap *swap, bool over)
{
        const Generation *generation = &m->wanted.generation;
        int r;

        manager_armed(m, generation->number, generation, swap, over);
        message_send(MESSAGE_ARMED, LOG_NOTICE, generation->number, swap->gap_usec,
                     "kexec: loaded kdump kernel '%s' as generation %" PRIu64
                     ", with no image armed for %" PRIu64 ".%03" PRIu64 " ms.",
                     generation->kernel_release, generation->number, swap->gap_usec / 1000,
                     swap->gap_usec % 1000);
        if (generation->number == m->store.current.number)
                return;
        r = generation_adopt(&m->store, generation, current_is_bad(m, armed_before));
        if (r < 0)
                (void) log_warning_errno(
                        r, "Failed to remember generation %" PRIu64 " as the current one: %m",
                        generation->number);
        m->current_refused = m->previous_refused = false;
        manager_prune(m);
}

/* As generation_open(). Without its fallback image, a generation is still better than none. */
static int open_generation(Manager *m, const Generation *generation, KexecImage *ret,
                           char **reterr_message)
{
        _cleanup_free_ char *message = NULL;
        int r;

        r = generation_open(&m->store, generation, ret, &message);
        if (r > 0)
                log_warning("Generation %" PRIu64 " is without its fallback image: %s",
                            generation->number, message ?: "out of memory");
        if (r < 0)
                *reterr_message = TAKE_PTR(message);
        return MIN(r, 0);
}

/* What is loaded if a swap goes wrong. */
typedef struct Fallback {
        uint64_t number;              /* 0: there is nothing */
        const Generation *generation; /* NULL: it is not on disk any more, only held in memory */
        const KexecImage *image;
        KexecImage opened; /* unless it is held */
} Fallback;

static void fallback_done(Fallback *fallback)
{
        kexec_image_done(&fallback->opened);
}

static void tell_rolled_back(uint64_t number, const KexecSwap *swap)
{
        message_send(MESSAGE_ROLLED_BACK, LOG_WARNING, number, swap->gap_usec,
                     "Generation %" PRIu64 " is armed again as it was, after %" PRIu64 ".%03" PRIu64
                     " ms with no image armed.",
                     number, swap->gap_usec / 1000, swap->gap_usec % 1000);
}

static void load_failed(Manager *m, int error, Fallback *fallback, uint64_t armed_before,
                        const KexecSwap *swap, bool over)
{
        const Generation *generation = &m->wanted.generation;

        load_problem(
                m, error, "kexec: failed to load kdump kernel '%s' as generation %" PRIu64 ": %s",
                generation->kernel_release, generation->number, swap->message ?: strerror(-error));
        refuse(m, generation->number);
        /* Others are answers to the image, and each attempt may cost the one that is armed. */
        m->load_may_pass = loader_facts_error_passes(error);
        if (swap->restored) {
                manager_armed(m, fallback->number, fallback->generation, swap, over);
                if (fallback->image == &fallback->opened)
                        held_replace(&m->held, fallback->number, &fallback->opened);
                tell_rolled_back(fallback->number, swap);
                return;
        }
        if (kexec_loaded(m->loader) != 0) {
                m->armed_generation = swap->unknown || swap->damaged ? 0 : armed_before;
                return;
        }
        if (swap->restore_error < 0) {
                (void) log_error_errno(swap->restore_error,
                                       "Failed to load generation %" PRIu64 " again: %m",
                                       fallback->number);
                refuse(m, fallback->number);
                if (fallback->image == &m->held.image)
                        m->held_error = swap->restore_error;
        }
}

const Generation *manager_generation(const Manager *m, uint64_t number)
{
        if (number == m->store.current.number)
                return &m->store.current;
        return number == m->store.previous.number ? &m->store.previous : NULL;
}

/* What is short for a time and keeps a generation from being opened. A disk that cannot be read is
 * not mended by waiting. */
static bool shortage_passes(int error)
{
        return error != -EIO && (loader_facts_error_passes(error) || may_pass(error));
}

/* Gets ready what is loaded if the swap goes wrong. Not to have that is no reason not to try it,
 * but not to have it now is one to try it later. @over: something is loaded. Returns an error only
 * then; it was told. */
static int fallback_open(Manager *m, bool over, Fallback *ret)
{
        const Generation *wanted = &m->wanted.generation, *generation;
        _cleanup_free_ char *message = NULL;
        int r;

        *ret = (Fallback){ .opened = KEXEC_IMAGE_NULL };
        if (m->held.number > 0 && m->held.number == m->armed_generation &&
            m->held.number != wanted->number) {
                ret->number = m->held.number;
                ret->generation = manager_generation(m, ret->number);
                ret->image = &m->held.image;
                return 0;
        }
        generation = manager_restorable(m, wanted->number);
        if (!generation)
                return 0;
        r = open_generation(m, generation, &ret->opened, &message);
        if (r < 0 && over && shortage_passes(r)) {
                load_problem(m, r,
                             "generation %" PRIu64 " could not be loaded again if need be: %s",
                             generation->number, message ?: strerror(-r));
                m->load_may_pass = true;
                return r;
        }
        if (r < 0) {
                log_warning("Generation %" PRIu64 " could not be loaded again if need be: %s",
                            generation->number, message ?: strerror(-r));
                refuse(m, generation->number);
                return 0;
        }
        ret->number = generation->number;
        ret->generation = generation;
        ret->image = &ret->opened;
        return 0;
}

/* What the disk has lost or damaged of the current generation: we have just made the same. */
static int repair_current(Manager *m)
{
        int r;

        r = generation_keep(&m->store, m->wanted.overlay, m->wanted.fallback);
        if (r > 0)
                log_warning("Generation %" PRIu64 " was damaged on disk; it is written again.",
                            m->store.current.number);
        return r;
}

static int open_wanted(Manager *m, KexecImage *ret)
{
        const Generation *generation = &m->wanted.generation;
        _cleanup_free_ char *message = NULL;
        int r;

        if (generation->number != m->store.current.number) {
                r = generation_write(&m->store, generation, m->wanted.overlay, m->wanted.fallback);
                if (r < 0) {
                        load_problem(m, r, "generation %" PRIu64 " cannot be written: %s",
                                     generation->number, strerror(-r));
                        m->load_may_pass = may_pass(r);
                        return r;
                }
        } else
                /* If that fails, it may be good enough to be read. */
                (void) repair_current(m);
        r = open_generation(m, generation, ret, &message);
        if (r < 0) {
                load_problem(m, r, "generation %" PRIu64 " cannot be loaded: %s",
                             generation->number, message ?: strerror(-r));
                m->load_may_pass = may_pass(r);
                refuse(m, generation->number);
        }
        return r;
}

/* A base image need not have been built for us to be new. */
static HistoryAction load_action(const Manager *m)
{
        const Generation *wanted = &m->wanted.generation, *current = &m->store.current;

        if (wanted->number == current->number)
                return HISTORY_RELOAD;
        if (current->number > 0 && !streq_ptr(wanted->base_id, current->base_id))
                return HISTORY_BASE;
        return HISTORY_OVERLAY;
}

void manager_load(Manager *m)
{
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_(fallback_done) Fallback fallback = { .opened = KEXEC_IMAGE_NULL };
        uint64_t number = m->wanted.generation.number, armed_before = m->armed_generation;
        bool over = manager_crash_loaded(m);
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };
        int r;

        r = open_wanted(m, &image);
        if (r < 0)
                goto finish;
        r = fallback_open(m, over, &fallback);
        if (r < 0)
                goto finish;
        r = manager_swap(m, &image, fallback.image, &swap);
        if (r < 0)
                load_failed(m, r, &fallback, armed_before, &swap, over);
        else {
                manager_story_act(m, load_action(m));
                load_succeeded(m, armed_before, &swap, over);
                held_replace(&m->held, number, &image);
        }

finish:
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
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };
        int r;

        if (!generation)
                return;
        r = open_generation(m, generation, &image, &message);
        if (r < 0) {
                log_error("Generation %" PRIu64 " cannot be loaded: %s", generation->number,
                          message ?: strerror(-r));
                refuse(m, generation->number);
                return;
        }
        r = manager_swap(m, &image, NULL, &swap);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to load generation %" PRIu64 ": %m",
                                       generation->number);
                refuse(m, generation->number);
                return;
        }
        manager_armed(m, generation->number, generation, &swap, false);
        manager_story_act(m, HISTORY_RESTORED);
        held_replace(&m->held, generation->number, &image);
        message_send(failed ? MESSAGE_ROLLED_BACK : MESSAGE_ARMED,
                     failed ? LOG_WARNING : LOG_NOTICE, generation->number, swap.gap_usec,
                     "kexec: loaded kdump kernel '%s', generation %" PRIu64 ", %s.",
                     generation->kernel_release, generation->number,
                     failed ? "the last good one" : "until a new one is made");
}

static void reload_failed(Manager *m, int error, uint64_t armed_before, const KexecSwap *swap,
                          bool over, const char *why)
{
        const uint64_t number = m->held.number;

        message_send(MESSAGE_LOAD_FAILED, LOG_ERR, number, 0,
                     "kexec: failed to load generation %" PRIu64 " again: %s (%s)", number,
                     swap->message ?: strerror(-error), why);
        if (swap->restored) {
                manager_armed(m, number, manager_generation(m, number), swap, over);
                manager_story_act(m, HISTORY_RELOAD);
                tell_rolled_back(number, swap);
                /* It was loaded again for something else, and that is mended. */
                if (!m->stale_headers)
                        return;
        } else if (kexec_loaded(m->loader) != 0 &&
                   (number == armed_before || !(swap->unknown || swap->damaged)))
                m->armed_generation = armed_before;
        m->held_error = error;
        /* A busy kernel is asked again at each look. */
        if (error != -EBUSY && loader_facts_error_passes(error))
                m->load_may_pass = true;
}

void manager_reload(Manager *m, const char *why)
{
        const uint64_t number = m->held.number, armed_before = m->armed_generation;
        bool over = manager_crash_loaded(m);
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };
        int r;

        r = manager_swap(m, &m->held.image, &m->held.image, &swap);
        if (r < 0) {
                reload_failed(m, r, armed_before, &swap, over, why);
                return;
        }
        manager_armed(m, number, manager_generation(m, number), &swap, over);
        m->state.reloads++;
        manager_story_act(m, HISTORY_RELOAD);
        message_send(MESSAGE_RELOADED, LOG_NOTICE, number, swap.gap_usec,
                     "kexec: loaded generation %" PRIu64 " again from memory, with no image armed "
                     "for %" PRIu64 ".%03" PRIu64 " ms: %s",
                     number, swap.gap_usec / 1000, swap.gap_usec % 1000, why);
}

void manager_keep(Manager *m)
{
        const Generation *wanted = &m->wanted.generation;
        int r;

        if (wanted->number == 0 || wanted->number != m->armed_generation ||
            wanted->number != m->store.current.number)
                return;
        r = repair_current(m);
        if (r < 0)
                (void) log_warning_errno(r,
                                         "Generation %" PRIu64 " is armed, but cannot be kept on "
                                         "disk for the next boot: %m",
                                         wanted->number);
}

void manager_hold(Manager *m)
{
        const Generation *generation = manager_generation(m, m->armed_generation);
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        if (m->armed_generation == 0 || m->held.number == m->armed_generation || !generation)
                return;
        r = open_generation(m, generation, &image, &message);
        if (r < 0)
                log_warning("Generation %" PRIu64 " is armed, but could not be loaded again when "
                            "memory is added or removed: %s",
                            generation->number, message ?: strerror(-r));
        else
                held_replace(&m->held, generation->number, &image);
}
