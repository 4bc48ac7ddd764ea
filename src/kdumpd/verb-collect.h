/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpd collect`: ExecStart= of kdump-collect.service. Moves dumps that a crash kernel has left
 * on raw devices to the folders that the configuration names. */
#pragma once

/* Returns the exit status: 0, also if there was none; 1 if one could not be moved. Logs. */
int verb_collect(void);

/* The same for a system below @root_fd. Returns how many were moved, or the first error. Logs. */
int collect_dumps(int root_fd);
