/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LastBoot: what is left on disk for the next boot to tell whether this one has ended in order, and
 * what can be told of the one before. None of these log. */
#pragma once

#include "macro.h"
#include "paths.h"

#define PATH_LAST_BOOT PATH_STATE_DIR "/boot.json"

/* Dumps are told from those of before by their names: clocks are set, also between two boots. */
typedef struct LastBoot {
        char *boot_id;                /* the boot that this is of */
        uint64_t generation;          /* that was armed last; 0: none */
        uint64_t armed_realtime_usec; /* something of ours was armed since then */
        uint64_t boot_realtime_usec;  /* it began, by the earliest of its clocks; 0: not known */
        char **folders;               /* (strv) in which all could be seen */
        char **dumps;   /* (strv) "folder/name" of what was in them, the last time of looking */
        bool clean;     /* the image was unloaded, or the system has begun to go down in order */
        bool unwatched; /* the daemon had ended and the image stayed: nobody sees what follows */
        bool clock_set; /* times of it may be of different clocks */
        struct LastBoot *before; /* one that is not told of yet; NULL: there is none */
} LastBoot;

void last_boot_done(LastBoot *boot);

/* Reads PATH_LAST_BOOT below @root_fd. Returns 0; -ENOENT; -EBADMSG if it is not a LastBoot. */
int last_boot_read(int root_fd, LastBoot *ret);

/* What last_boot_list() has found. NULL, both: it is not known. */
typedef struct LastBootDumps {
        char **folders, **dumps; /* as in LastBoot */
} LastBootDumps;

void last_boot_dumps_done(LastBootDumps *dumps);

/* Lists what is in the folders that dumps are in, where that can be seen. Returns 0 with *ret;
 * -ENOMEM. */
int last_boot_list(int root_fd, LastBootDumps *ret);

/* Generation @number is armed in this boot, since @now_realtime_usec at the latest, and the daemon
 * runs. What is said of a boot that did not end in order is kept until last_boot_told(); what is
 * known of folders that cannot be seen now, too. Returns 1; 0 if the file says so already; -EBADMSG
 * if this boot cannot be told from others; errors of reading which boot this is, and of writing. */
int last_boot_armed(int root_fd, uint64_t number, uint64_t now_realtime_usec,
                    const LastBootDumps *dumps);

/* Nothing is armed any more, or the system goes down in order. Returns 1; 0 if there is nothing to
 * change, as where the file is of another boot; errors as above. */
int last_boot_clean(int root_fd);

/* The daemon has ended, for whatever reason, and what is armed stays. Returns as above. */
int last_boot_unwatched(int root_fd);

/* All that is said of boots before this one was told. Returns as above. */
int last_boot_told(int root_fd);

typedef enum LastBootVerdict {
        LAST_BOOT_UNKNOWN,   /* nothing was written down, or cannot be read */
        LAST_BOOT_THIS,      /* what was written down is of this boot */
        LAST_BOOT_CLEAN,     /* it ended in order, or with nothing armed */
        LAST_BOOT_UNWATCHED, /* nobody knows how it ended, and there is no dump of it */
        LAST_BOOT_DUMPED,    /* not in order, and there is a dump of it */
        LAST_BOOT_LOST,      /* and there is none */
        LAST_BOOT_ELSEWHERE, /* there is none in the places that can be seen from here */
        _LAST_BOOT_VERDICT_MAX,
        _LAST_BOOT_VERDICT_INVALID = -EINVAL,
} LastBootVerdict;

typedef struct LastBootFinding {
        LastBootVerdict verdict;
        uint64_t generation; /* that was armed */
        uint64_t wait_usec;  /* after this time a dump may be seen that is not mounted yet; 0: it is
                                no use to wait */
        char *text;          /* from LAST_BOOT_UNWATCHED on: "went down …", in words */
        char *hint;          /* where more may be found: sentences */
} LastBootFinding;

void last_boot_finding_done(LastBootFinding *finding);

/* Looks at how the boot before this one has ended, or one before that of which nothing was told
 * yet, and for a dump of it where the configuration has them: on raw devices, then in folders that
 * are on this machine and mounted. Returns 0 with *ret; -ENOMEM. */
int last_boot_look(int root_fd, LastBootFinding *ret);
