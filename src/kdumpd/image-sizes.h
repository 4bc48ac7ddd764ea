/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the image takes, and how much of it is for which kind of target. */
#pragma once

#include "image.h"

/* One sentence. @measured: what 99kdump has left in `sizes`, lines of "kind bytes"; those of one
 * kind are added up, what is no such line is left out. The caller frees *ret. Does not log. */
int image_sizes_describe(const char *measured, uint64_t size_bytes, uint64_t unpacked_bytes,
                         char **ret);

/* Logs it, and leaves it in PATH_IMAGE_SIZES below @root for `kdumpctl rebuild`. */
void image_sizes_tell(const char *root, const char *work_dir, const BaseImage *base);
