/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What watch.c and watch-table.c share: which folder is watched for which names, for whom. */
#pragma once

#include "watch.h"

typedef struct WatchInput {
        char *path; /* as it was given */
        WatchClass class;
        bool hit; /* in the events that are being looked at */
} WatchInput;

typedef struct WatchFolder {
        int wd;     /* -1: it could not be watched */
        char *path; /* from the root, without symbolic links; "" for the root */
} WatchFolder;

/* An event for @name in folder @wd concerns an input. */
typedef struct WatchRule {
        int wd;
        char *name; /* "": any */
        size_t input;
        size_t folder;
        bool on_the_way; /* a folder or a link that leads there: only its coming and going counts */
} WatchRule;

typedef struct WatchTable {
        WatchFolder *folders;
        size_t n_folders;
        WatchRule *rules; /* by wd and name */
        size_t n_rules;
        char *warning;
        size_t n_unwatched;
} WatchTable;

void watch_table_done(WatchTable *table);

/* Makes the table for @inputs and watches its folders with @inotify_fd. Folders that are watched
 * already keep their wd, as it is that of the inode. Returns 0 or -ENOMEM. */
int watch_table_make(int inotify_fd, int root_fd, const WatchInput *inputs, size_t n_inputs,
                     WatchTable *ret);

bool watch_table_has(const WatchTable *table, int wd);

/* The first rule of @wd and @name; others follow while they have the same. NULL: none. */
const WatchRule *watch_table_find(const WatchTable *table, int wd, const char *name);

/* Whether what a rule stands for is a symbolic link now. */
bool watch_rule_is_link(const WatchTable *table, const WatchRule *rule, int root_fd,
                        const char *name);
