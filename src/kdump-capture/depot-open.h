/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a target of the Plan to a depot that takes files. */
#pragma once

#include "depot-module.h"
#include "progress.h"

/* Waits for @target, and for a way to it, and opens it, whatever it is. @index tells targets apart
 * (each has its own mount point). @host and @target must outlive *ret; @pipe is told how far it is.
 * Logs. Returns 0; -EOPNOTSUPP if there is nothing for such targets; -ETIMEDOUT if no network leads
 * there; else why it could not be opened: see mount_target() and DepotModule. */
int depot_open(const Target *target, size_t index, const DepotHost *host, ProgressPipe *pipe,
               Depot **ret);
