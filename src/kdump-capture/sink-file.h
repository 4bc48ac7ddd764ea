/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sink that is a file in a folder, local or on NFS. */
#pragma once

#include "sink.h"

/* Makes @incomplete_name (mode 0600, never through a symbolic link) in the folder @dir_fd, which
 * stays the caller's and must outlive the sink; commit renames it to @final_name. A file of that
 * incomplete name left by an earlier try is removed. On a local file system it is locked, as by
 * flock(2), until the sink is freed or the process is gone. Returns 0 or -errno of openat(2). */
int sink_file_open(int dir_fd, const char *incomplete_name, const char *final_name, Sink **ret);

/* The last steps for a file that another program wrote: its mode, fsync, rename, fsync of the
 * folder. *ret_bytes gets its size. -ELOOP or -EBADF if @incomplete_name is no regular file. */
int sink_file_adopt(int dir_fd, const char *incomplete_name, const char *final_name,
                    uint64_t *ret_bytes);
