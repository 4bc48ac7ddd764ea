/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One attempt at one target: open it, make the dump's folder, save the log, then, when it is told
 * to, the vmcore. */
#pragma once

#include "memory-peak.h"
#include "plan.h"
#include "progress.h"

/* How an attempt, and in the end the whole capture, came out. These are also the exit codes of an
 * attempt's process and the argument of kdump_post. */
typedef enum CaptureStatus {
        CAPTURE_COMPLETE = 0,
        CAPTURE_LOG_ONLY = 2,   /* the kernel log is safe, there is no vmcore */
        CAPTURE_INCOMPLETE = 3, /* the vmcore opens, but pages are missing */
        CAPTURE_NOTHING = 4,
        CAPTURE_FULL = 5,  /* of an attempt only: incomplete, but another target may have room */
        CAPTURE_AGAIN = 6, /* of an attempt only: no vmcore, but it may go better in a while */
} CaptureStatus;

/* What an attempt that has saved the log is told. */
typedef struct AttemptOrder {
        uint32_t go;   /* 1: save the vmcore; 0: end */
        char why[124]; /* not to save it; for meta.json */
} AttemptOrder;

typedef struct AttemptJob {
        const Plan *plan;
        const char *source; /* the vmcore */
        const Target *target;
        const char *prefix;  /* of messages: which target it is, if there are several; or empty */
        size_t index;        /* tells targets apart: each has its own mount point */
        bool skip_log;       /* reading the log has already cost one process its life */
        uint64_t begin_usec; /* the deadline counts from here, less the wait for the order */
        MemoryPeak *memory;  /* may be NULL */
        ProgressPipe *pipe;
        int order_fd; /* where an AttemptOrder comes from */
} AttemptJob;

/* Runs in a process of its own, which may be killed at any time. Logs. */
CaptureStatus attempt_run(const AttemptJob *job);

/* "complete", "log only", "incomplete", "full", "nothing saved". */
const char *capture_status_to_string(CaptureStatus status);
