/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 of files and buffers, as 64 hexadecimal digits. None of these log. */
#pragma once

#include "macro.h"

#define SHA256_HEX_SIZE 65 /* with the NUL */

/* Of data that comes piece by piece. */
typedef struct Sha256 Sha256;

Sha256 *sha256_free(Sha256 *sha256);
DEFINE_CLEANUP(Sha256 *, sha256_free);

/* Returns 0; -ENOMEM, or -EOPNOTSUPP if no provider of the algorithm is configured. */
int sha256_new(Sha256 **ret);
int sha256_update(Sha256 *sha256, const void *data, size_t size);

/* The end of one message; the next one begins with what is added next. */
int sha256_final(Sha256 *sha256, char ret_hex[static SHA256_HEX_SIZE]);

/* Of all that is left to read of @fd. Returns 0; errors of read(2). */
int sha256_fd(int fd, char ret_hex[static SHA256_HEX_SIZE]);

/* Of file @path below @root_fd. */
int sha256_file(int root_fd, const char *path, char ret_hex[static SHA256_HEX_SIZE]);
