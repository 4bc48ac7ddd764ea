/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a boot loader's configuration: read whole, replaced whole, with the mode, owner and
 * label that they had. None of these log. */
#pragma once

#include <sys/types.h>

#include "macro.h"

/* Reads @path; *ret_path is where it is when all links are followed inside the root. The caller
 * frees both. Returns 0; -ENOENT, -EFBIG above 1 MiB, -EBADMSG if there are NUL bytes in it. */
int boot_file_read(int root_fd, const char *path, char **ret_path, char **ret_text,
                   size_t *ret_size);

/* Replaces @path, which must not be a link, as *ret_path above is not; or makes it, with @mode, in
 * a folder that is made if need be. Links on the way to it are followed inside the root. */
int boot_file_write(int root_fd, const char *path, const char *text, size_t size, mode_t mode);

int boot_file_remove(int root_fd, const char *path);
