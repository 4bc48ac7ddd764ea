/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folders that dumps are in. */
#pragma once

#include "config.h"

/* Where the targets of @config keep their dumps, as far as these are local and mounted now, and
 * behind them the folders of the root file system where there may be some instead: absolute paths
 * (strv, the caller's), NULL if there is none. @root: real path of the system that
 * @config is of, below which mounts are looked for; NULL: this one. Returns 0; -ENOMEM, errors of
 * reading the mount table. Does not log. */
int dump_folders(const Config *config, const char *root, char ***ret);

/* The same of the targets alone, on this system. */
int dump_folders_of_targets(const Config *config, char ***ret);
