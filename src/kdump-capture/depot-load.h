/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Depots that come as modules: see depot-module.h. */
#pragma once

#include "depot-module.h"

/* Loads the module @path, for as long as this process lives, and lets it open @target. @host and
 * @target must outlive *ret. Logs. Returns 0; -EOPNOTSUPP if it is not there or no module of this
 * version; else what the module says. */
int depot_load(const char *path, const DepotHost *host, const Target *target, Depot **ret);
