/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes: in words, how one image differs from another. Names only: no content of any file. */
#pragma once

#include "macro.h"

/* What an overlay brings: files and folders, sorted by path. */
typedef struct OverlayFile {
        char *path;    /* absolute, in the image */
        char *sha256;  /* "" for a folder */
        uint32_t mode; /* with its S_IFMT bits */
} OverlayFile;

typedef struct OverlayList {
        char *plan_json; /* text of PATH_PLAN, which is not among the files; NULL if it has none */
        OverlayFile *files;
        size_t n_files;
} OverlayList;

void overlay_list_done(OverlayList *list);

/* Walks the archive @data to its end. Returns 0; -EBADMSG if it is none, or lists too much to be
 * ours. Does not log. changes-overlay.c. */
int overlay_list(const void *data, size_t size, OverlayList *ret);

/* The same for a fallback image, which is gzip'ed. changes-fallback.c. */
int fallback_list(const void *data, size_t size, OverlayList *ret);

/* All that is compared. Nothing is owned; what is NULL on one side is not known and not compared.
 */
typedef struct ImageDescription {
        const char *kernel_release, *kernel_sha256;
        const char *base_id;
        const char *cmdline;
        const char *overlay_sha256;
        const OverlayList *overlay;
        const char *fallback_sha256; /* NULL: it has no fallback image, which is compared */
        const char *fallback_cmdline, *fallback_target;
        const char *fallback_missing; /* why it has none */
        const OverlayList *fallback;
} ImageDescription;

/* Lines such as "targets[0].path: '/a' → '/b'", "'/root/.ssh/kdump_id_rsa' has changed",
 * "command line: 'nr_cpus=1' → 'nr_cpus=2'"; *ret is NULL if there are none. The Plan's generation
 * is not compared, and fields that may hold a secret are named, not shown. What is in the fallback
 * image is told if it is the only thing that differs: it follows from all the rest. @old: NULL if
 * there is none. @base_inputs: paths that are known to have changed since the base image was built,
 * instead of which its id is compared; may be NULL. At most HISTORY_CHANGES_MAX lines. Returns 0 or
 * -ENOMEM. Does not log. */
int changes_list(const ImageDescription *old, const ImageDescription *new, char *const *base_inputs,
                 char ***ret);
