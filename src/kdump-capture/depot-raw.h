/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A depot that is a bare device, where files lie one after the other: see raw-store.h. */
#pragma once

#include "depot.h"

/* Opens the device (or file) @path, whose contents are lost with begin(). Returns 0; -EEXIST with
 * *reterr_holds (the caller frees it; may be NULL), its kind, if something is on it that is not
 * ours; -EBUSY: it is in use; errors of open(2). Does not log. */
int depot_raw_open(const char *path, Depot **ret, char **reterr_holds);
