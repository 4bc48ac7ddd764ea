/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder of one dump: <path>/<host>-<date>/. */
#pragma once

#include "macro.h"

/* The names of a dump of the time @realtime_usec, one after the other: "<host>-YYYY-MM-DD-HH:MM:SS"
 * when @try is 0, and with a number behind it from then on. The caller frees *ret. Returns 0;
 * -ENOMEM; -ERANGE if there is no such time. None of these log. */
#define FOLDER_TRIES 100
int folder_name(const char *host, uint64_t realtime_usec, unsigned try, char **ret);

/* Makes the folder @name, mode 0700, below @path of @root_fd, with what is missing of @path.
 * *ret_where (the caller frees it) is its path on the target. Returns 0; -EEXIST if there is one of
 * this name; errors of mkdir(2) and open(2). */
int folder_make(int root_fd, const char *path, const char *name, char **ret_where, int *ret_fd);

/* Removes the folder @name below @path of @root_fd, and the files in it. Returns 0; -ENOTEMPTY if
 * there are folders in it; errors of open(2) and unlink(2). */
int folder_remove(int root_fd, const char *path, const char *name);
