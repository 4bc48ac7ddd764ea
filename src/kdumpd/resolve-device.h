/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Block devices: their names, their UUIDs and the modules that drive them. None of these log. */
#pragma once

#include "resolve-layers.h"

/* @what: "UUID=…", "LABEL=…", "PARTUUID=…", "PARTLABEL=…" or a path below /dev. *ret is the
 * kernel's name such as "vda1" (the caller frees it). Returns 0; -ENOENT if there is no such device
 * now. */
int device_find(int root_fd, const char *what, char **ret);

/* Whether @what names the device by what is on it or by a link of udev: such names stay the same.
 */
bool device_name_is_stable(const char *what);

/* "UUID=…" of the file system on @device. Returns 1 with *ret; 0 if it has none. */
int device_uuid(int root_fd, const char *device, char **ret);

/* Adds @device, all that it hangs on and all that it is made of. A device without a folder in /sys
 * adds nothing. */
int device_stack(int root_fd, const char *device, DeviceStack *stack);

/* Adds to *drivers the modules of the device whose folder in /sys is @folder, and of all that it
 * hangs on; each once, with '_'. */
int device_folder_drivers(int root_fd, const char *folder, char ***drivers);

/* The same for all hardware watchdogs. */
int watchdog_drivers(int root_fd, char ***drivers);

/* Adds module @name, with '_', if it is not in the list. */
int drivers_add(char ***drivers, const char *name);
int drivers_add_all(char ***drivers, char *const *names);
