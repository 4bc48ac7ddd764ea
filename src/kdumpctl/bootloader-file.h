/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a boot loader's configuration: read whole, replaced whole, with the mode, owner and
 * label that they had. None of these log. */
#pragma once

#include "macro.h"

/* Reads @path; *ret_path is where it is when all links are followed inside the root. The caller
 * frees both. Returns 0; -ENOENT, -EFBIG above 1 MiB, -EBADMSG if there are NUL bytes in it. */
int boot_file_read(int root_fd, const char *path, char **ret_path, char **ret_text,
                   size_t *ret_size);

/* Replaces or makes @path, which must not go through links, as *ret_path above does not. Its folder
 * is made if need be. */
int boot_file_write(int root_fd, const char *path, const char *text, size_t size);

int boot_file_remove(int root_fd, const char *path);
