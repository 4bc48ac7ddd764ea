/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mount-plain.c, a mount_call() without libmount, makes of options. */
#pragma once

#include "macro.h"

/* Splits @options of fstab(5), which may be NULL, into flags of mount(2) and what is left for the
 * file system, NULL if that is nothing; the caller frees *ret_data. Does not log. */
int mount_options_split(const char *options, unsigned long *ret_flags, char **ret_data);
