/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which file system holds a folder, or is on a device, now, as PID 1 sees it: whoever asks may have
 * mounts of its own. None of these log. */
#pragma once

#include "macro.h"

typedef struct MountPlace {
        char *fstype;
        char *device;  /* the kernel's name of the block device, such as "vda1"; NULL: there is none
                        */
        char *source;  /* as /proc/1/mountinfo or fstab has it */
        char *point;   /* where it is mounted */
        char *fs_root; /* the folder of the file system that is mounted: "/", "/@home" */
        char *options; /* those that a mount in the crash kernel needs; NULL: none */
        bool read_only; /* the mount, or the file system as a whole */
} MountPlace;

void mount_place_done(MountPlace *place);

/* The mount that holds @path and, in *ret_rest, what is behind its mount point ("" or "/x/y"). The
 * last folders of @path need not exist. What is on the network is not looked at, as it may never
 * answer: links there are the crash kernel's to follow. Returns 0; -ENOENT with *reterr_message if
 * a link leads nowhere. */
int mount_find_path(int root_fd, const char *path, MountPlace *ret, char **ret_rest,
                    char **reterr_message);

/* The mount that holds what is called @path, without a look at it. Returns 1 with *ret if it is on
 * the network, 0 with *ret if not. */
int mount_find_name(int root_fd, const char *path, MountPlace *ret);

/* The first mount of block device @device ("vda1"). Returns 1 with *ret, 0 if it is not mounted. */
int mount_find_device(int root_fd, const char *device, MountPlace *ret);

/* The first mount of @source, as the table of mounts has it: "server:/export", a tag of virtiofs.
 * Returns as above. */
int mount_find_source(int root_fd, const char *source, MountPlace *ret);

/* The line of /etc/fstab for @what ("UUID=…" or a device). Returns 1 with *ret, 0 if there is none.
 */
int mount_find_fstab(int root_fd, const char *what, MountPlace *ret);

/* Whether /etc/fstab has a file system for @path that is not mounted now. Returns 1 or 0. */
int mount_is_missing(int root_fd, const char *path);

/* Joins two parts of a path with one '/' between them and none at the end: "/" and "/a/" give "/a".
 */
int path_join(const char *first, const char *second, char **ret);
