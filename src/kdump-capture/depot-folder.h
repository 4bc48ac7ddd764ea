/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A depot that is a folder of a mounted file system, local or not. */
#pragma once

#include "depot.h"

/* The folder of the dump will be made below @path of the file system whose root is @root_fd, which
 * becomes the depot's, also on failure. Returns 0 or -ENOMEM. None of these log. */
int depot_folder_new(int root_fd, const char *path, Depot **ret);

/* One that is there already: @dir_fd stays the caller's and must outlive *ret. Needs no begin(). */
int depot_folder_use(int dir_fd, Depot **ret);

/* The folder, for a program that writes its file by itself. Returns a descriptor that stays the
 * depot's; -EOPNOTSUPP if @depot is of another kind, -EBADF before begin(). */
int depot_folder_fd(const Depot *depot);
