/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 of files and buffers, as 64 hexadecimal digits. */
#pragma once

#include "macro.h"

#define SHA256_HEX_SIZE 65 /* with the NUL */

/* Of all that is left to read of @fd. Returns 0; errors of read(2). Does not log. */
int sha256_fd(int fd, char ret_hex[static SHA256_HEX_SIZE]);

/* Of file @path below @root_fd. */
int sha256_file(int root_fd, const char *path, char ret_hex[static SHA256_HEX_SIZE]);
