/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Progress: what an attempt (a child process) tells its supervisor, over a pipe. */
#pragma once

#include "record.h"

typedef enum ProgressPhase {
        PROGRESS_WAIT_TARGET, /* waiting for the device or the server */
        PROGRESS_MOUNT,
        PROGRESS_LOG,       /* writing vmcore-dmesg.txt */
        PROGRESS_LOG_SAVED, /* it is safe */
        PROGRESS_READY,     /* waiting for the order to save the vmcore, or not to */
        PROGRESS_DUMP,      /* writing pages: done and total count */
        PROGRESS_SYNC,
        PROGRESS_DONE,
        PROGRESS_MOVED, /* all is as it was, but the target has taken something */
        _PROGRESS_PHASE_MAX,
} ProgressPhase;

/* One message; smaller than PIPE_BUF, so that it arrives whole. */
typedef struct Progress {
        uint32_t phase;        /* ProgressPhase */
        uint32_t log_saved;    /* 1: FILE_DMESG is safe on this target */
        uint32_t vmcore_saved; /* 1: so is the vmcore; 2: it lacks pages; whatever comes after it */
        uint64_t pages_done, pages_total;
        uint64_t bytes_written;
        char where[128]; /* the dump's folder, once it is known */
} Progress;

/* Where reports go. fd < 0: nowhere. */
typedef struct ProgressPipe {
        int fd;
        Progress last;
        _Atomic uint64_t moved_usec; /* when PROGRESS_MOVED was last sent */
} ProgressPipe;

/* Sends the state; an error (nobody reads) is ignored. Never blocks: @fd is non-blocking. */
void progress_report(ProgressPipe *pipe, ProgressPhase phase, uint64_t pages_done,
                     uint64_t pages_total, uint64_t bytes_written);

/* Sends PROGRESS_MOVED, but not more often than is of use. By any thread, at any time. */
void progress_moved(ProgressPipe *pipe);

/* One line: "42 %, 310 of 737 MiB, 61.2 MiB/s, 7 s left". @elapsed_usec since PROGRESS_DUMP began.
 */
int progress_format(const Progress *progress, uint64_t page_size_bytes, uint64_t elapsed_usec,
                    char **ret);
