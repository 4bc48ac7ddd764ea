/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder of one dump: <path>/<host>-<date>/. */
#pragma once

#include "macro.h"

/* Makes a new folder, mode 0700, for a dump of the time @realtime_usec below @path of @root_fd,
 * with what is missing of
 * @path. *ret_where (the caller frees it) is its path on the target. Returns 0; errors of mkdir(2)
 * and open(2). Does not log. */
int folder_make(int root_fd, const char *path, const char *host, uint64_t realtime_usec,
                char **ret_where, int *ret_fd);
