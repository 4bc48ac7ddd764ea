/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of LastBoot share. None of these log. */
#pragma once

#include "last-boot.h"

/* The number of this boot (the caller frees it). -EBADMSG if it is none. */
int last_boot_this(int root_fd, char **ret_boot_id);

/* When this boot began, by its clock of now; 0 if that is not known. */
uint64_t last_boot_began_realtime_usec(int root_fd);

/* Whether this clock was set, or another one was, since @boot was armed. */
bool last_boot_clock_is_other(const LastBoot *boot, uint64_t began_realtime_usec);

/* The search for a dump of a boot. */
typedef struct LastBootSearch {
        int root_fd;
        const LastBoot *boot;
        uint64_t began_realtime_usec; /* of this boot; 0: not known */
        uint64_t from_usec, to_usec;  /* of CLOCK_REALTIME: when a dump of it can be from */
        char *machine_id;             /* NULL: not known */
        char **seen;                  /* folders (strv) that were looked at */
        char **unseen;                /* targets (strv) that a dump may be on, in words */
        char *dump;                   /* where there is one */
        uint64_t crash_realtime_usec; /* its time; 0: not known */
        bool incomplete;
} LastBootSearch;

void last_boot_search_done(LastBootSearch *search);

/* Looks for a dump of @boot, which must stay. Returns 0 with *ret; -ENOMEM. last-boot-search.c. */
int last_boot_search(int root_fd, const LastBoot *boot, LastBootSearch *ret);

/* How it went down, in words, and where more may be found: sentences. last-boot-words.c. */
int last_boot_describe(const LastBootSearch *search, LastBootVerdict verdict, char **ret);
int last_boot_hint(const LastBootSearch *search, char **ret);
