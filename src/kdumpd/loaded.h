/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded: where the image is that was loaded last, for whoever checks it later: a daemon that was
 * restarted, and `kdumpctl verify --loaded`. */
#pragma once

#include "loaded-check.h"

/* Only for root: the addresses are nobody's business. */
#define PATH_LOADED_JSON "/run/kdumpd/loaded.json"

/* Returns 0; -ENOENT if nothing that can be checked was loaded since boot, -EBADMSG. None of these
 * log. */
int loaded_read(int root_fd, LoadedPlace *ret);

/* NULL: what is loaded cannot be checked. */
int loaded_write(int root_fd, const LoadedPlace *place);
