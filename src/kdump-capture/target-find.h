/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which block device a name leads to. Each program has one of these: target-find.c asks libmount,
 * which asks udev first; fallback-parts.c looks by itself. */
#pragma once

#include "macro.h"

/* The device that @what (UUID=, LABEL=, PARTUUID=, PARTLABEL=, a path) names now. The caller frees
 * *ret_device, its path. Returns 0; -ENODEV as long as there is none. Does not log. */
int target_find(const char *what, char **ret_device);
