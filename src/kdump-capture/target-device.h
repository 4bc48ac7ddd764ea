/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block device of a target, which may appear late. */
#pragma once

#include "macro.h"

/* Waits until there is the block device @what (UUID=, LABEL=, PARTUUID=, PARTLABEL=, a path), at
 * most @timeout_usec. The caller frees *ret_device, its path. Returns 0; -ENODEV: it did not
 * appear. Logs, also why it fails. */
int target_device_wait(const char *what, uint64_t timeout_usec, char **ret_device);
