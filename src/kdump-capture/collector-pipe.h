/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a collector prints, on its way to a sink. */
#pragma once

#include "macro.h"

/* Starts @argv with its standard output going to a pipe. The caller closes *ret_fd, from which that
 * can be read, and waits for *ret_pid. Returns 0 or -errno. Does not log. */
int collector_pipe_start(char *const *argv, int *ret_fd, pid_t *ret_pid);

/* Fills @buffer of @size bytes, or as much of it as there is: *ret_size is 0 at the end. Returns 0;
 * -ETIME: @deadline_usec has passed; errors of read(2). Does not log. */
int collector_pipe_read(int fd, uint64_t deadline_usec, void *buffer, size_t size,
                        size_t *ret_size);
