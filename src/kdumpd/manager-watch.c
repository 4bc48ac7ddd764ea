/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the watch over everything that went into the image: a change is a request. */
#include <fcntl.h>

#include "image.h"
#include "io.h"
#include "log.h"
#include "manager.h"
#include "rootdir.h"
#include "strv.h"

typedef struct WatchDelay {
        uint64_t usec, max_usec;
} WatchDelay;

/* A config edit is over at once; a package upgrade replaces its files one after the other, and each
 * build takes minutes. */
static const WatchDelay delays[_WATCH_CLASS_MAX] = {
        /* A base image that has come waits as long. */
        [WATCH_OVERLAY] = { 300 * USEC_PER_MSEC, 3 * USEC_PER_SEC },
        [WATCH_BASE] = { 15 * USEC_PER_SEC, 300 * USEC_PER_SEC },
};

/* Files that never stop to change must not keep the machine busy with builds. */
#define PAUSE_FACTOR 4
#define PAUSE_MAX_USEC (3600 * USEC_PER_SEC)

/* Watched whatever the configuration says. */
static const WatchPath fixed_paths[] = {
        { PATH_CONFIG, WATCH_OVERLAY },
        { PATH_CONFIG_DROPIN_DIR "/", WATCH_OVERLAY },
        { PATH_HOOKS_DIR "/pre.d/", WATCH_OVERLAY },
        { PATH_HOOKS_DIR "/post.d/", WATCH_OVERLAY },
        { PATH_HOOKS_DIR "/emergency.d/", WATCH_OVERLAY },
        { "/etc/fstab", WATCH_OVERLAY },
        { "/boot/", WATCH_KERNEL },
        { "/usr/lib/modules/", WATCH_KERNEL },
        { PATH_BASES "/", WATCH_IMAGE },
};

static bool exists(const Manager *m, const char *path)
{
        _cleanup_close_ int fd = root_open(m->root_fd, path, O_PATH);

        return fd >= 0;
}

/* Whether @path tells better what was done than the one that came first. A folder that is made
 * concerns all that could be in it. */
static bool tells_better(const Manager *m, const char *before, const char *path)
{
        if (!before)
                return true;
        return startswith(path, before) || (!exists(m, before) && exists(m, path));
}

/* Whether a base image has come or gone that matters: not by a build that is waited for, not for a
 * kernel other than the one that is asked for, and not one of those that we remove ourselves. */
static bool image_matters(const Manager *m, const char *path)
{
        const char *id = startswith(path, PATH_BASES "/");
        const char *release = m->wanted.generation.kernel_release ?: m->state.kernel_release;

        if (m->build.running || !id)
                return false;
        if (streq_ptr(id, m->state.base_id))
                return !exists(m, path);
        return release && startswith(id, release) && id[strlen(release)] == '-' && exists(m, path);
}

static void changes_add(Changes *changes, const char *path, WatchClass class)
{
        const WatchDelay *delay = delays + class;
        int r;

        if (path && tells_better(changes->manager, changes->path, path))
                manager_set_text(&changes->path, path);
        r = settle_poke(&changes->settle, delay->usec, delay->max_usec);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to wait for more changes, ignoring: %m");
}

static void on_change(const char *path, WatchClass class, void *userdata)
{
        Manager *m = userdata;

        /* What runs is among the inputs of the base image. */
        if (class == WATCH_KERNEL)
                manager_ahead_forget(m);
        else if (class == WATCH_IMAGE && !image_matters(m, path))
                return;
        else if (class == WATCH_BASE)
                changes_add(&m->base_changes, path, class);
        else
                changes_add(&m->changes, path, WATCH_OVERLAY);
        /* Events were lost: so many there are in an upgrade. */
        if (class < 0)
                changes_add(&m->base_changes, NULL, WATCH_BASE);
}

static void on_settled(void *userdata)
{
        Changes *changes = userdata;
        Manager *m = changes->manager;

        /* What comes of a build that runs is looked at first: files that change in each one would
         * put off the answer for ever, as each would be for another request. */
        if (changes == &m->base_changes && m->build.running) {
                changes_add(changes, NULL, WATCH_BASE);
                return;
        }
        if (changes->path && startswith(changes->path, PATH_BASES "/"))
                manager_story_begin(m, "base image '%s' has come or gone", changes->path);
        else if (changes->path)
                manager_story_begin(m, "'%s' was touched", changes->path);
        else
                manager_story_begin(m, "files were touched, too many to be told which");
        log_debug("%s.", m->story.trigger ?: "Something has changed");
        free(TAKE_PTR(changes->path));
        manager_notice(m);
}

static void on_pause_over(void *userdata)
{
        Manager *m = userdata;

        /* The end of the changes is waited for, too. What has failed would fail again. */
        if (!m->wanted.base_outdated || m->build.failed || m->base_changes.settle.times.pending)
                return;
        manager_story_begin(m, "files have changed since the base image was built");
        manager_notice(m);
}

const char *manager_builds_wait(const Manager *m)
{
        if (m->asked)
                return NULL;
        if (m->base_changes.settle.times.pending)
                return "when files have stopped changing";
        return m->pause.times.pending ? m->pause_text ?: "later" : NULL;
}

static unsigned long long in_seconds(uint64_t usec)
{
        return (unsigned long long) DIV_ROUND_UP(usec, USEC_PER_SEC);
}

void manager_watch_pause(Manager *m, uint64_t took_usec)
{
        uint64_t pause_usec;
        int r;

        if (__builtin_mul_overflow(took_usec, (uint64_t) PAUSE_FACTOR, &pause_usec))
                pause_usec = PAUSE_MAX_USEC;
        pause_usec = MIN(pause_usec, PAUSE_MAX_USEC);
        free(TAKE_PTR(m->pause_text));
        if (strprintf(&m->pause_text, "no sooner than %llu s after the last one, which took %llu s",
                      in_seconds(pause_usec), in_seconds(took_usec)) < 0)
                m->pause_text = NULL;
        settle_cancel(&m->pause);
        r = settle_poke(&m->pause, pause_usec, pause_usec);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to wait between two builds, ignoring: %m");
}

static void add_paths(char *const *paths, WatchClass class, WatchPath *list, size_t *n)
{
        for (char *const *p = paths; p && *p; p++)
                list[(*n)++] = (WatchPath){ .path = *p, .class = class };
}

/* What is asked for now, and what is armed: either may be the one that is right after a change. */
void manager_watch_inputs(Manager *m)
{
        _cleanup_strv_ char **base = NULL;
        _cleanup_free_ WatchPath *list = NULL;
        const char *warning;
        size_t n = ELEMENTSOF(fixed_paths);
        int r;

        if (!m->watch)
                return;
        if (m->state.base_id) {
                r = image_inputs(m->root_fd, m->state.base_id, &base);
                if (r < 0)
                        log_debug("The inputs of base image '%s' are not known: %s",
                                  m->state.base_id, strerror(-r));
        }
        list = calloc(n + strv_length(m->wanted.overlay_inputs) + strv_length(base), sizeof(*list));
        if (!list) {
                (void) log_oom();
                return;
        }
        memcpy(list, fixed_paths, sizeof(fixed_paths));
        add_paths(m->wanted.overlay_inputs, WATCH_OVERLAY, list, &n);
        add_paths(base, WATCH_BASE, list, &n);
        r = watch_set(m->watch, m->root_fd, list, n);
        if (r < 0)
                (void) log_warning_errno(r,
                                         "Failed to watch what the image is made of, ignoring: %m");
        warning = watch_warning(m->watch);
        if (warning)
                log_warning("%s", warning);
}

static int changes_init(Manager *m, Changes *changes)
{
        changes->manager = m;
        return settle_init(&changes->settle, m->event, on_settled, changes);
}

static void changes_done(Changes *changes)
{
        settle_done(&changes->settle);
        free(TAKE_PTR(changes->path));
}

int manager_watch_start(Manager *m)
{
        int r;

        r = changes_init(m, &m->changes);
        if (r >= 0)
                r = changes_init(m, &m->base_changes);
        if (r >= 0)
                r = settle_init(&m->pause, m->event, on_pause_over, m);
        if (r < 0)
                return r;
        r = watch_new(m->event, on_change, m, &m->watch);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to watch the configuration; changes need "
                                            "'kdumpctl reload': %m");
        manager_watch_inputs(m);
        return 0;
}

void manager_watch_done(Manager *m)
{
        m->watch = watch_free(m->watch);
        changes_done(&m->changes);
        changes_done(&m->base_changes);
        settle_done(&m->pause);
        free(TAKE_PTR(m->pause_text));
}
