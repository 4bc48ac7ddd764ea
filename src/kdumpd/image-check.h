/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether an initramfs is whole and is one of ours. */
#pragma once

#include "macro.h"

/* A regular file (with a hash) or a symbolic link (with a target) in an image. */
typedef struct ImageFile {
        char *path;   /* absolute, as the archive has it */
        char *sha256; /* NULL: a link */
        char *target; /* NULL: a file */
} ImageFile;

typedef struct ImageContents {
        ImageFile *items; /* empty files are left out */
        size_t n_items;
        uint64_t unpacked_bytes; /* memory that its files take when the kernel has unpacked them */
} ImageContents;

void image_contents_done(ImageContents *contents);

/* Reads the image at @fd from its start to its end: plain and gzip-compressed cpio archives, one
 * behind the other, each to its TRAILER!!!. kdump-capture and PATH_BASE_INFO must be in it, and the
 * latter must be of our Plan version. Returns 0; -EBADMSG or -EOPNOTSUPP (another compression) with
 * *reterr_message. Neither this nor what follows logs. */
int image_check(int fd, char **reterr_message);

/* The same, and says what is in it. */
int image_read(int fd, ImageContents *ret, char **reterr_message);
