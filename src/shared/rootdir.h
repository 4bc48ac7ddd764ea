/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Absolute paths below a root directory fd: "/" in production, a folder of fixtures in tests. */
#pragma once

#include <sys/types.h>

#include "macro.h"

/* "/etc/x" becomes "etc/x", so that *at() calls start from the root fd. "." for "/". */
const char *root_relative(const char *path);

/* Follows every symbolic link of @path as if @root_fd were "/" (absolute links stay inside). *ret
 * is absolute as seen from @root_fd. Needs /proc. Returns 0; -ENOENT, -ELOOP …. Does not log. */
int root_chase(int root_fd, const char *path, char **ret);

/* The last component of what the symbolic link @path points to; it need not exist. The caller
 * frees. */
int root_link_name(int root_fd, const char *path, char **ret);

/* The names in folder @path in lexical order, without "." and "..". *ret is NULL if it is empty. */
int root_list(int root_fd, const char *path, char ***ret);

/* As file_read() and file_read_line() of util, with links kept inside the root. */
int root_read(int root_fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_size);
int root_read_line(int root_fd, const char *path, char **ret_line);

/* open(2) with links kept inside the root; O_CLOEXEC is added. Returns the fd. Where the kernel
 * cannot keep them inside, root_open() follows them as any program does, and root_open_strict()
 * fails with -ENOSYS or -EPERM. */
int root_open(int root_fd, const char *path, int flags);
int root_open_strict(int root_fd, const char *path, int flags);

/* Whether @root_fd is the root of this process: only then may a device be opened and probed. */
bool root_is_ours(int root_fd);

/* Removes folder @path and all that is in it; stays on its side of symbolic links. -ENOENT is
 * success. */
int root_remove_tree(int root_fd, const char *path);

/* Finds program @name as PATH would; an absolute path is only checked. The caller frees *ret.
 * Returns 0; -ENOENT if there is no executable file of this name. */
int root_find_program(int root_fd, const char *name, char **ret);
