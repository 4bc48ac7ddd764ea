/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watch: tells when one of many files may have changed, by inotify(7) on the folders they are in.
 * None of this logs. */
#pragma once

#include <systemd/sd-event.h>

#include "macro.h"

/* What a path is an input of: how long the caller waits for more differs. */
typedef enum WatchClass {
        WATCH_OVERLAY, /* configuration, hooks, keys: edited by hand */
        WATCH_BASE,    /* programs and libraries: upgraded by the dozen */
        WATCH_KERNEL,
        WATCH_IMAGE, /* base images that were built */
        _WATCH_CLASS_MAX,
        _WATCH_CLASS_INVALID = -EINVAL,
} WatchClass;

typedef struct WatchPath {
        const char *path; /* absolute; with '/' at its end a folder of which each entry counts */
        WatchClass class;
} WatchPath;

/* @path, one of those watched, or "folder/name" for an entry of a folder, may have changed: its
 * content, its mode, that it is there, or what its links lead to. What it was is for the caller to
 * know: touch(1) is reported, too. NULL with _WATCH_CLASS_INVALID: events were lost, anything may
 * have changed. May call watch_set(), but not watch_free(). */
typedef void (*WatchHandler)(const char *path, WatchClass class, void *userdata);

typedef struct Watch Watch;

/* Returns -EMFILE if fs.inotify.max_user_instances does not allow one. */
int watch_new(sd_event *event, WatchHandler handler, void *userdata, Watch **ret);
Watch *watch_free(Watch *watch); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Watch *, watch_free);

/* Watches @paths below @root_fd, which must stay open, instead of those before. Paths need not
 * exist, and may lead over symbolic links: each folder on the way is watched for the next name, so
 * that creation, replacement and removal of any part are seen. Read the files after this call, and
 * no change is missed but these, which inotify does not tell: writing by mmap(2), by another name
 * of the same file or on another machine, and mounting something over a folder. A writer that stays
 * open is seen when it closes. Returns 0; -ENOMEM, and all is as before. Folders that could not be
 * watched are no failure: see watch_warning(). */
int watch_set(Watch *watch, int root_fd, const WatchPath *paths, size_t n_paths);

/* Which folders are not watched, as of now, why and what to do; NULL if all are. Owned by @watch,
 * until the next event or call. */
const char *watch_warning(const Watch *watch);
