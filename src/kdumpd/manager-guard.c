/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what guards the loaded image: what is told of it, and the looks whether it is whole. */
#include "io.h"
#include "loaded.h"
#include "log.h"
#include "manager.h"
#include "messages.h"

/* All of the image is read back in one of so many looks, which come once a minute. */
#define LOOKS_PER_WHOLE 60

/* A place of the memory that does not keep what is written to it would have the image loaded again
 * at each look: after each time, more looks are left out, up to this many. */
#define LOOKS_LEFT_OUT_MAX 60U

static void guard_set(Guard *guard, const LoadedPlace *place)
{
        guard->known = place;
        if (place)
                guard->place = *place;
}

void manager_guard_start(Manager *m)
{
        LoadedPlace place;
        int r;

        r = m->armed_generation > 0 ? loaded_read(m->root_fd, &place) : -ENOENT;
        if (r < 0 && r != -ENOENT)
                (void) log_warning_errno(r, "Failed to read '%s', ignoring: %m", PATH_LOADED_JSON);
        guard_set(&m->guard, r < 0 ? NULL : &place);
        /* Nobody would ever look again. */
        if (r < 0)
                manager_set_text(&m->state.check_problem, NULL);
}

static bool has_all_mirrors(const KexecReport *report)
{
        return report->kernel_mirror && report->initrd_mirror;
}

/* In words, what checks the image after a panic, and what it can do about it. */
static int describe_guard(const KexecReport *report, char **ret)
{
        const char *mirrors = has_all_mirrors(report) ? "mirrors of all of it"
                              : report->kernel_mirror
                                      ? "mirrors of all but the initramfs, as there is no room"
                                      : "mirrors of small parts only, as there is no room";

        if (!report->guarded)
                return strprintf(ret, "none: damage is noticed after a panic, but not repaired");
        return strprintf(ret, "checked before it starts, %s, %s", mirrors,
                         report->fallback ? "a fallback image" : "no fallback image");
}

/* The generation that is armed; NULL: it is only held in memory. */
static const Generation *armed_generation(const Manager *m)
{
        const Generation *generation = manager_generation(m, m->armed_generation);

        /* It is adopted after it is loaded. */
        if (!generation && m->wanted.generation.number == m->armed_generation)
                generation = &m->wanted.generation;
        return generation;
}

/* Why the generation that is armed was made without a fallback image. */
static const char *fallback_missing(const Manager *m)
{
        return m->wanted.generation.number == m->armed_generation ? m->wanted.fallback_missing
                                                                  : NULL;
}

/* In words, what is started if the image is beyond repair. */
static int describe_fallback(const Manager *m, const KexecReport *report, char **ret)
{
        const Generation *generation = armed_generation(m);
        bool made = generation && generation->fallback_sha256;

        if (!report || !report->guarded)
                return strprintf(ret, "none: only an image that is checked before it starts has "
                                      "one");
        if (report->fallback)
                return strprintf(ret, "%s",
                                 (made ? generation->fallback_target : NULL)
                                         ?: "a target that is not known any more");
        if (made)
                return strprintf(ret, "none: it is damaged on disk, or the reserved memory has no "
                                      "room for it");
        return strprintf(ret, "none: %s", fallback_missing(m) ?: "the image was made without one");
}

static void remember_fallback(Manager *m, const KexecReport *report)
{
        _cleanup_free_ char *words = NULL;

        if (describe_fallback(m, report, &words) < 0)
                (void) log_oom();
        manager_set_text(&m->state.fallback, words);
}

void manager_guard_answered(Manager *m)
{
        const Generation *generation = armed_generation(m);
        _cleanup_free_ char *words = NULL;

        if (!m->guard.known || !generation || generation->fallback_sha256 || !fallback_missing(m))
                return;
        if (strprintf(&words, "none: %s", fallback_missing(m)) < 0) {
                (void) log_oom();
                return;
        }
        manager_set_text(&m->state.fallback, words);
}

void manager_guard_loaded(Manager *m)
{
        const KexecLoader *loader = m->loader;
        const KexecReport *report = loader->report ? loader->report(loader->userdata) : NULL;
        _cleanup_free_ char *words = NULL;
        State *s = &m->state;
        int r;

        free(TAKE_PTR(m->damage));
        manager_set_text(&s->loader, report ? report->call : loader->name);
        manager_set_text(&s->loader_reason, report ? report->reason : NULL);
        if (report && describe_guard(report, &words) < 0)
                (void) log_oom();
        if (report && report->guarded && !has_all_mirrors(report) && !streq_ptr(words, s->guard))
                log_warning(
                        "The reserved memory is too small to guard all of the crash kernel (%s); "
                        "with a larger crashkernel= damage to the rest can be repaired, too.",
                        words ?: "out of memory");
        manager_set_text(&s->guard, words);
        remember_fallback(m, report);
        s->sparse_loads += report && report->sparse;
        s->checked_realtime_usec = 0;
        manager_set_text(&s->checked, NULL);
        manager_set_text(&s->check_problem, NULL);

        guard_set(&m->guard, report && report->guarded ? &report->place : NULL);
        r = loaded_write(m->root_fd, m->guard.known ? &m->guard.place : NULL);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to write '%s', ignoring: %m", PATH_LOADED_JSON);
}

/* Returns as loaded_check(). */
static int check(const Manager *m, LoadedScope scope, LoadedDamage *ret)
{
        _cleanup_(kcore_map_done) KcoreMap map = KCORE_MAP_NULL;
        int r;

        r = kcore_map_open(m->root_fd, &map);
        return r < 0 ? r : loaded_check(&map, &m->guard.place, scope, ret);
}

static void remember_check(Manager *m, const LoadedDamage *damage)
{
        _cleanup_free_ char *words = NULL;

        if (loaded_damage_describe(damage, &words) < 0) {
                (void) log_oom();
                return;
        }
        manager_set_text(&m->state.checked, words);
        m->state.checked_realtime_usec = now_realtime_usec();
}

/* Nothing else is new, so that nothing else would have it written. Before the first answer, what is
 * in the state file is of another daemon, and that answer comes soon. */
static void publish_check(Manager *m)
{
        int r;

        if (!m->started)
                return;
        m->state.updated_realtime_usec = now_realtime_usec();
        r = state_write(m->root_fd, &m->state);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to write the state file, ignoring: %m");
}

/* Lockdown may come while the machine runs (/sys/kernel/security/lockdown); "confidentiality" ends
 * the reading of /proc/kcore (open_kcore() of fs/proc/kcore.c, v5.4). @error: 0 if it can be read.
 */
static void remember_readable(Manager *m, int error)
{
        _cleanup_free_ char *words = NULL;
        State *s = &m->state;

        if (error < 0 &&
            strprintf(&words, "'/proc/kcore': %s%s", strerror(-error),
                      error == -EPERM ? ", as in a kernel that is locked down" : "") < 0) {
                (void) log_oom();
                return;
        }
        if (streq_ptr(s->check_problem, words))
                return;
        if (words)
                log_warning("What is loaded cannot be read back: %s", words);
        manager_set_text(&s->check_problem, words);
        publish_check(m);
}

/* The image is loaded again for what was found. Should it come back, that is done ever more seldom.
 */
static void leave_out_more(Guard *guard)
{
        guard->left_out = MIN(guard->left_out * 2 + 1, LOOKS_LEFT_OUT_MAX);
        guard->leave_out = guard->left_out;
}

static void found_damage(Manager *m, const LoadedDamage *damage)
{
        remember_check(m, damage);
        leave_out_more(&m->guard);
        manager_set_text(&m->damage, m->state.checked);
        message_send(MESSAGE_DAMAGED, LOG_WARNING, m->armed_generation, 0,
                     "The loaded crash kernel is damaged; loading it again: %s",
                     m->state.checked ?: "out of memory");
}

void manager_guard_still_damaged(Manager *m)
{
        leave_out_more(&m->guard);
        manager_set_text(&m->damage, "what was just loaded is damaged again: memory is failing");
        /* Else it would be tried again at once, for ever. */
        m->held_error = -EIO;
}

Range manager_guard_live(const Manager *m)
{
        return m->guard.known ? m->guard.place.live : (Range){ 0 };
}

/* Returns as loaded_check(), which may find the check impossible. */
static int look(Manager *m, LoadedScope scope, LoadedDamage *ret)
{
        int r = check(m, scope, ret);

        remember_readable(m, MIN(r, 0));
        return r;
}

/* One that is not ours can be told from ours that is damaged, unless it left ours where it was. */
static GuardVerdict look_left_out(Manager *m)
{
        LoadedDamage damage;

        m->guard.leave_out--;
        if (m->guard.known && look(m, LOADED_IDENTITY, &damage) > 0 && damage.replaced)
                return GUARD_REPLACED;
        return GUARD_LEFT_OUT;
}

static GuardVerdict look_known(Manager *m, bool whole)
{
        LoadedDamage damage;
        int r;

        r = look(m, whole ? LOADED_ALL : LOADED_IDENTITY, &damage);
        if (r < 0)
                return GUARD_UNKNOWN;
        if (r > 0 && damage.replaced)
                return GUARD_REPLACED;
        if (r > 0) {
                found_damage(m, &damage);
                return GUARD_DAMAGED;
        }
        if (whole) {
                remember_check(m, &damage);
                publish_check(m);
        }
        return GUARD_WHOLE;
}

GuardVerdict manager_guard_look(Manager *m, bool other)
{
        Guard *guard = &m->guard;
        GuardVerdict verdict = GUARD_UNKNOWN;
        bool whole;

        if (m->armed_generation == 0)
                return GUARD_UNKNOWN;
        if (guard->leave_out > 0)
                return look_left_out(m);
        whole = guard->looks++ % LOOKS_PER_WHOLE == LOOKS_PER_WHOLE - 1;
        if (guard->known)
                verdict = look_known(m, whole || other || m->damage);
        if (verdict != GUARD_WHOLE && verdict != GUARD_UNKNOWN)
                return verdict;
        /* Another image, or a place beside ours that does not keep what is written to it: nobody
         * can tell. */
        if (other && !m->foreign)
                leave_out_more(guard);
        else if (whole && !other)
                guard->left_out = 0;
        return verdict;
}
