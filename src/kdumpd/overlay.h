/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The overlay: a small uncompressed cpio archive (newc) with what a config edit changes. */
#pragma once

#include "resolve.h"

/* Writes the archive to a buffer that the caller frees: PATH_PLAN (0600), PATH_KERNEL_INFO if the
 * running kernel has BTF, and @needs->files, with their parent folders. All times are 0, owners
 * root, so equal input gives equal bytes. Documentation/driver-api/
 * early-userspace/buffer-format.rst is the format. Returns 0; errors of reading a file with
 * *reterr_message. Does not log. */
int overlay_build(int root_fd, const Plan *plan, const Needs *needs, uint8_t **ret,
                  size_t *ret_size, char **reterr_message);

/* What the running kernel tells of its types, for PATH_KERNEL_INFO. Returns 1 with *ret, which the
 * caller frees; 0 if it has no BTF, or none that is of use: no reason not to arm. Does not log. */
int overlay_kernel_info(int root_fd, char **ret);

/* Walks @data to its TRAILER!!! entry and finds PATH_PLAN in it, parsable. 0 or -EBADMSG. */
int overlay_check(const uint8_t *data, size_t size);
