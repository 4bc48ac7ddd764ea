/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the watch over everything that went into the image: a change is a request. */
#include <fcntl.h>

#include "image.h"
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
        [WATCH_OVERLAY] = { 300 * USEC_PER_MSEC, 3 * USEC_PER_SEC },
        [WATCH_BASE] = { 15 * USEC_PER_SEC, 300 * USEC_PER_SEC },
};

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
};

static bool exists(const Manager *m, const char *path)
{
        _cleanup_close_ int fd = root_open(m->root_fd, path, O_PATH);

        return fd >= 0;
}

/* Whether @path tells better what was done than the one that came first. A folder that is made
 * concerns all that could be in it. */
static bool tells_better(const Manager *m, const char *path)
{
        if (!m->changed_path)
                return true;
        return startswith(path, m->changed_path) ||
               (!exists(m, m->changed_path) && exists(m, path));
}

static void on_change(const char *path, WatchClass class, void *userdata)
{
        Manager *m = userdata;
        const WatchDelay *delay = delays + (class < 0 ? WATCH_OVERLAY : class);
        int r;

        /* What runs is among the inputs of the base image. */
        if (class == WATCH_KERNEL) {
                manager_ahead_forget(m);
                return;
        }
        if (path && tells_better(m, path))
                manager_set_text(&m->changed_path, path);
        r = settle_poke(&m->changes, delay->usec, delay->max_usec);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to wait for more changes, ignoring: %m");
}

static void on_settled(void *userdata)
{
        Manager *m = userdata;

        if (m->changed_path)
                manager_story_begin(m, "'%s' was touched", m->changed_path);
        else
                manager_story_begin(m, "files were touched, too many to be told which");
        log_debug("%s.", m->story.trigger ?: "Something has changed");
        free(TAKE_PTR(m->changed_path));
        (void) manager_request(m);
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

int manager_watch_start(Manager *m)
{
        int r;

        r = settle_init(&m->changes, m->event, on_settled, m);
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
        settle_done(&m->changes);
        free(TAKE_PTR(m->changed_path));
}
