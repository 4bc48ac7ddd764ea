/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding a block device without udev: what is on each one is asked of libblkid. */
#pragma once

#include "macro.h"

/* The device that @what (UUID=, LABEL=, PARTUUID=, PARTLABEL=) names, of those that
 * /sys/class/block below @root_fd ("/" in production) lists now; /dev is looked up there, too. Each
 * is asked by a process of its own; one that does not answer within @patience_usec is left behind,
 * with that process, and not asked again before it has answered. The caller frees *ret_device, its
 * path as seen from @root_fd. Returns 0; -ENODEV if there is none; -EINVAL if @what is nothing of
 * the kind; -errno of pipe(2). Does not log. */
int device_scan(int root_fd, const char *what, uint64_t patience_usec, char **ret_device);
