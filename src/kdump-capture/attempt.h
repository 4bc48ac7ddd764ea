/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One attempt at one target: mount it, make the dump's folder, save the log, then the vmcore. */
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
        CAPTURE_FULL = 5, /* of an attempt only: incomplete, but another target may have room */
} CaptureStatus;

/* Runs in a process of its own, which may be killed at any time. @index tells attempts apart (each
 * has its own mount point). @skip_log: reading the log has already cost one process its life.
 * @memory may be NULL. Logs. */
CaptureStatus attempt_run(const Plan *plan, const Target *target, size_t index, bool skip_log,
                          MemoryPeak *memory, ProgressPipe *pipe);

/* "complete", "log only", "incomplete", "full", "nothing saved". */
const char *capture_status_to_string(CaptureStatus status);
