/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a target of the Plan to a depot that takes files. */
#pragma once

#include "depot.h"
#include "progress.h"
#include "target.h"

/* Waits for @target and opens it, whatever it is. @index tells targets apart (each has its own
 * mount point). @pipe, which is told how far it is, must outlive *ret. Logs. Returns 0; -EOPNOTSUPP
 * if this program does not know such targets; else why it could not be opened: see mount_target().
 */
int depot_open(const Target *target, size_t index, ProgressPipe *pipe, Depot **ret);
