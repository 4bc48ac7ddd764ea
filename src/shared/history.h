/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* History: what made kdumpd look, what it found changed and what it did, the last few times; in a
 * file, so that the answer does not depend on a daemon. */
#pragma once

#include "macro.h"
#include "paths.h"

/* The first one counts; the second lasts longer than this boot. */
#define PATH_HISTORY PATH_RUN_DIR "/history.json"
#define PATH_HISTORY_KEPT PATH_STATE_DIR "/history.json"

#define HISTORY_ENTRIES_MAX 32
#define HISTORY_CHANGES_MAX 32      /* of one entry; one more line says how many were left out */
#define HISTORY_LINE_BYTES_MAX 384U /* longer texts are cut */

typedef enum HistoryAction {
        HISTORY_NOTHING,  /* all was as it should be */
        HISTORY_RELOAD,   /* the image that was armed, again */
        HISTORY_OVERLAY,  /* a new overlay, or kernel or command line, for the same base image */
        HISTORY_BASE,     /* a new base image */
        HISTORY_RESTORED, /* an older generation, as the new one is not there or no good */
        HISTORY_DISARMED, /* taken out of memory, as someone asked for */
        HISTORY_FAILED,   /* what was armed still is */
        _HISTORY_ACTION_MAX,
        _HISTORY_ACTION_INVALID = -EINVAL,
} HistoryAction;

/* Texts are one line each, for people, in a file that all may read: names, never contents of files
 * that are secret. */
typedef struct HistoryEntry {
        uint64_t realtime_usec;       /* of the last time */
        uint64_t first_realtime_usec; /* of the first, if count > 1 */
        uint64_t count;               /* the same happened so many times in a row; 0 is 1 */
        char *trigger;                /* "'/etc/kdump.conf' was written" */
        char **changes;               /* "targets[0].path: '/a' → '/b'" */
        HistoryAction action;
        char *outcome;       /* "overlay: generation 5 armed" */
        uint64_t generation; /* that was armed then; 0: none */
        uint64_t gap_usec;   /* without any crash kernel; 0: there was no load */
} HistoryEntry;

typedef struct History {
        HistoryEntry *entries; /* oldest first */
        size_t n_entries;
} History;

/* None of these log. */
void history_entry_done(HistoryEntry *entry);
void history_done(History *history);

/* Reads PATH_HISTORY below @root_fd, or PATH_HISTORY_KEPT if nothing happened since boot. Returns
 * 0; -ENOENT: there is neither; -EBADMSG: what is there is not ours; errors of reading. Takes no
 * lock: the files are always whole. */
int history_read(int root_fd, History *ret);

/* Adds @entry. One that only repeats the last (nothing to do, a reload or the same failure, for the
 * same reason) is counted there instead, and one of nothing to do goes first when there is no more
 * room. Files that are damaged are written anew. Returns 0; 1 if it will not outlast this boot, as
 * on a read-only root; else errors of writing PATH_HISTORY. */
int history_append(int root_fd, const HistoryEntry *entry);

/* Forgets all but the newest @n. */
void history_keep_newest(History *history, size_t n);

/* The caller frees *ret_json. */
int history_to_json(const History *history, char **ret_json);

/* Returns 0; -EBADMSG if it is not a History. */
int history_from_json(const char *json, size_t size, History *ret);

const char *history_action_to_string(HistoryAction action);

/* The outcome in words. @build_usec: how long the build took, for HISTORY_BASE; 0: it
 * was not built for this. @problem: why, for HISTORY_RESTORED and HISTORY_FAILED; may be NULL. The
 * caller frees *ret. */
int history_outcome(const HistoryEntry *entry, uint64_t build_usec, const char *problem,
                    char **ret);
