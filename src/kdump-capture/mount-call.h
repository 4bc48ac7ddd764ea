/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call of mount(2), as mount(8) does it. */
#pragma once

#include "macro.h"

/* Mounts @source, which is of @fstype, on the folder @where, with @options of fstab(5), which may
 * be NULL. For NFS no other program is called. Returns 0 or -errno of mount(2), and then in
 * *reterr_why (the caller frees it; may be NULL) more than that says. Does not log. */
int mount_call(const char *source, const char *where, const char *fstype, const char *options,
               char **reterr_why);
