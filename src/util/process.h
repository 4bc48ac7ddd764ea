/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs other programs: an argument vector, never a shell. */
#pragma once

#include "macro.h"

typedef enum ProcessFlags {
        PROCESS_QUIET = 1 << 0, /* standard output and error go to /dev/null */
        PROCESS_GROUP = 1 << 1, /* leads a group of its own: what it starts is killed with it */
        PROCESS_SYSTEM_PATH = 1 << 2, /* is found in, and runs with, a PATH of system folders only,
                                         whatever ours is */
} ProcessFlags;

/* Starts @argv[0] (looked up in PATH) with empty standard input; the signal mask is reset. The
 * child dies with us. Returns 0; -errno if it could not be started. Does not log. */
int process_start(char *const *argv, ProcessFlags flags, pid_t *ret_pid);

/* For a child of a process that the kernel must not take memory from: makes this one like any
 * other. process_start() does it by itself. */
void process_oom_default(void);

/* Waits for @pid, at most @timeout_usec (USEC_INFINITY: for ever); when that is over it is killed
 * with SIGKILL, with the group that it leads, and, if it goes at once, reaped. Returns 0 and its
 * exit status (128+N: signal N); -ETIMEDOUT. Does not log. */
int process_wait(pid_t pid, uint64_t timeout_usec, int *ret_status);

/* Both of the above. */
int process_run(char *const *argv, ProcessFlags flags, uint64_t timeout_usec, int *ret_status);

/* The same, with what it writes to its standard output, at most @max_bytes: else -EFBIG. The caller
 * frees *ret_output. */
int process_run_output(char *const *argv, ProcessFlags flags, uint64_t timeout_usec,
                       size_t max_bytes, char **ret_output, int *ret_status);
