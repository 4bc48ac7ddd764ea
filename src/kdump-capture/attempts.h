/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attempts at all targets, side by side: each saves the log, one of them the vmcore. */
#pragma once

#include "attempt.h"
#include "network-process.h"
#include "watchdog.h"

typedef struct AttemptsRequest {
        const Plan *plan;
        const char *source;    /* the vmcore */
        const Target *targets; /* in their order */
        size_t n_targets;
        size_t first_index;      /* of the first of them: see AttemptJob */
        MemoryPeak *memory;      /* may be NULL; learns of the memory meanwhile */
        NetworkProcess *network; /* may be NULL; is looked after meanwhile */
        Watchdog *watchdog;
} AttemptsRequest;

/* Runs an attempt at each target in a child of its own, all at once, and watches them: a line of
 * progress every few seconds, and SIGKILL when there was none for the target's time-out, or when it
 * could not be reached in its time. A child that does not even die of that is left behind. What a
 * network may make good is tried again, with back-off. The first in order that is ready saves the
 * vmcore; if it fails, the next one does. Returns the best that came of it. Logs. */
CaptureStatus attempts_run(const AttemptsRequest *request);

/* That which leaves more. */
CaptureStatus capture_status_better(CaptureStatus a, CaptureStatus b);

/* Is there a vmcore that can be used? */
bool capture_status_has_vmcore(CaptureStatus status);
