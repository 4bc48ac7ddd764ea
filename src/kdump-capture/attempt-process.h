/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An attempt seen from outside: its process, its reports, its order. */
#pragma once

#include <sys/types.h>

#include "attempt.h"

typedef struct AttemptProcess {
        pid_t pid;
        const char *prefix; /* that of its job, which outlives it */
        int fd, order_fd;   /* its reports; what it is told */
        bool silent;        /* it has closed its end, and is about to go */
        bool died;          /* killed, by whomever */
        bool given_up;      /* by us */
        Progress last;
        uint64_t progress_usec; /* when something last moved */
        uint64_t dump_begin_usec, line_usec;
} AttemptProcess;

/* Starts the attempt that @job describes, but for its pipes. Returns 0 or -errno of pipe(2) and
 * fork(2). Does not log. */
int attempt_process_start(AttemptProcess *process, const AttemptJob *job);

/* Closes its pipes. */
void attempt_process_done(AttemptProcess *process);

/* Takes its reports, and shows a line of progress every few seconds. Returns 1 with its status if
 * it has ended, else 0. Logs. */
int attempt_process_look(AttemptProcess *process, uint64_t now_usec, CaptureStatus *ret);

/* Tells it to save the vmcore (@why is NULL), or not to, and why. An error is ignored: it shows by
 * what comes of it. */
void attempt_process_order(AttemptProcess *process, const char *why);

/* Kills it. If it does not even die of that, it is left behind. Returns what it has left on the
 * target. */
CaptureStatus attempt_process_kill(AttemptProcess *process);
