/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounting a target's file system in the crash kernel. */
#pragma once

#include "progress.h"
#include "target.h"

/* Waits for @target, if it is a device or a tag of one at most its timeout, mounts it on the folder
 * @where (which is made) and opens that. Logs. Returns 0 with the folder; -ENODEV: the device did
 * not appear; -EOPNOTSUPP: it is nothing that is mounted; errors of mount_nfs() and mount(2). */
int mount_target(const Target *target, const char *where, ProgressPipe *pipe, int *ret_dir_fd);
