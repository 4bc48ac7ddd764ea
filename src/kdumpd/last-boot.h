/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LastBoot: what is left on disk for the next boot to tell whether this one has ended in order, and
 * what can be told of the one before. None of these log. */
#pragma once

#include "macro.h"
#include "paths.h"

#define PATH_LAST_BOOT PATH_STATE_DIR "/boot.json"

typedef struct LastBoot {
        char *boot_id;                /* the boot that this is of */
        uint64_t generation;          /* that was armed last; 0: none */
        uint64_t armed_realtime_usec; /* something of ours was armed since then */
        uint64_t boot_realtime_usec;  /* it began, as its clock was at that time; 0: not known */
        bool clean; /* the image was unloaded, or the system has begun to go down in order */
} LastBoot;

void last_boot_done(LastBoot *boot);

/* Reads PATH_LAST_BOOT below @root_fd. Returns 0; -ENOENT; -EBADMSG if it is not a LastBoot. */
int last_boot_read(int root_fd, LastBoot *ret);

/* Generation @number is armed in this boot, since @now_realtime_usec at the latest. Returns 1; 0 if
 * the file says so already; -EBADMSG if this boot cannot be told from others; errors of reading
 * which boot this is, and of writing. */
int last_boot_armed(int root_fd, uint64_t number, uint64_t now_realtime_usec);

/* Nothing is armed any more, or the system goes down in order. What is said of another boot stays,
 * unless @of_any_boot: it was told. Returns 1; 0 if there is nothing to change; errors as above. */
int last_boot_clean(int root_fd, bool of_any_boot);

typedef enum LastBootVerdict {
        LAST_BOOT_UNKNOWN,   /* nothing was written down, or cannot be read */
        LAST_BOOT_THIS,      /* what was written down is of this boot */
        LAST_BOOT_CLEAN,     /* it ended in order, or with nothing armed */
        LAST_BOOT_DUMPED,    /* not in order, and there is a dump of it */
        LAST_BOOT_LOST,      /* and there is none */
        LAST_BOOT_ELSEWHERE, /* there is none in the places that can be seen from here */
        _LAST_BOOT_VERDICT_MAX,
        _LAST_BOOT_VERDICT_INVALID = -EINVAL,
} LastBootVerdict;

typedef struct LastBootFinding {
        LastBootVerdict verdict;
        uint64_t generation; /* that was armed */
        char *text;          /* from LAST_BOOT_DUMPED on: "went down …", in words */
        char *hint;          /* where more may be found: sentences */
} LastBootFinding;

void last_boot_finding_done(LastBootFinding *finding);

/* Looks at how the boot before this one has ended, and for a dump of it where the configuration has
 * them: on raw devices, then in folders that are on this machine and mounted. Returns 0 with *ret;
 * -ENOMEM. */
int last_boot_look(int root_fd, LastBootFinding *ret);

/* In last-boot.c, for last-boot-look.c: the number of this boot (the caller frees it), and when it
 * began, 0 if that is not known. */
int last_boot_this(int root_fd, char **ret_boot_id);
uint64_t last_boot_began_realtime_usec(int root_fd);
