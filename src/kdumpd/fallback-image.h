/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fallback image: what the crash kernel gets instead of base and overlay when these are
 * damaged. One static program, a Plan with one simple target, the modules for that. None of these
 * log. */
#pragma once

#include "resolve.h"

/* A target that needs no other program, with what is known of it. */
typedef struct FallbackTarget {
        Target target;  /* its name holds without udev */
        char **drivers; /* modules of its device (strv, with '_') */
} FallbackTarget;

void fallback_target_done(FallbackTarget *target);

/* The simplest target of @plan: the first bare device, else the first file system on a plain disk
 * or partition, else the root file system for dump_to_rootfs, else @local, which may be NULL: a
 * target as a Plan has it. Returns 0; -EOPNOTSUPP with *reterr_message if none is simple, and why.
 */
int fallback_target_choose(int root_fd, const Plan *plan, const Target *local, FallbackTarget *ret,
                           char **reterr_message);

/* All that is in the image. */
typedef struct FallbackArchive {
        uint8_t *data; /* a cpio archive */
        size_t size;
        char *target_words; /* the target, as target_describe() has it */
} FallbackArchive;

void fallback_archive_done(FallbackArchive *archive);

/* Makes the archive: PATH_FALLBACK_PROGRAM as /init, the Plan reduced to what can be done there,
 * @kernel_info (PATH_KERNEL_INFO; may be NULL), the modules of @kernel_release that the target's
 * device, its file system and @needs ask for, in the order in which they are loaded: watchdogs, the
 * file system, the target's device, the rest. Equal input gives equal bytes. Returns 0; with
 * *reterr_message -EOPNOTSUPP if there is no target, no program, one for another version of the
 * Plan, or no way to load the modules; -EFBIG if it is too large; errors of reading. */
int fallback_archive_make(int root_fd, const char *kernel_release, const Plan *plan,
                          const Needs *needs, const Target *local, const char *kernel_info,
                          FallbackArchive *ret, char **reterr_message);

/* Makes the image of it, with gzip: the same each time, but not with each version of zlib. It takes
 * far longer than all else. Returns 0 or -ENOMEM. */
int fallback_archive_pack(const FallbackArchive *archive, uint8_t **ret, size_t *ret_size);
