/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounting a target's file system in the crash kernel. */
#pragma once

#include "progress.h"
#include "target.h"

/* Waits for the device of @target, at most its timeout, mounts it on the folder @where (which is
 * made) and opens that. Logs. Returns 0 with the folder; -ENODEV: it did not appear; errors of
 * mount(2). */
int mount_target(const Target *target, const char *where, ProgressPipe *pipe, int *ret_dir_fd);
