/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Base images for kernels that are not running yet, so that a boot of one arms at once. */
#pragma once

#include "facts.h"
#include "image.h"

/* Installed kernels other than that of @facts for which no base image serves what the configuration
 * asks for, and for which one can be built: their releases (strv), the newest first. None if the
 * configuration names the kernel. One of which it cannot be told is left out. Returns 0; -EINVAL if
 * the configuration cannot be used. Logs at debug level. */
int image_pending(int root_fd, const Facts *facts, FingerprintCache *cache, char ***ret_releases);

/* The unit that builds for @kernel_release (systemd.unit(5) on escaping). The caller frees *ret.
 * -EINVAL: that is no release. Does not log. */
int image_build_unit(const char *kernel_release, char **ret);
