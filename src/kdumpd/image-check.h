/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether an initramfs is whole and is one of ours. */
#pragma once

#include "macro.h"

/* Reads the image at @fd from its start to its end: plain and gzip-compressed cpio archives, one
 * behind the other, each to its TRAILER!!!. kdump-capture and PATH_BASE_INFO must be in it, and the
 * latter must be of our Plan version. Returns 0; -EBADMSG or -EOPNOTSUPP (another compression) with
 * *reterr_message. Does not log. */
int image_check(int fd, char **reterr_message);
