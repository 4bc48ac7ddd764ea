/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounting a target on an NFS server, by the kernel alone. */
#pragma once

#include "target.h"

/* Mounts @target on @where: at each of its addresses, and in the end at what its name leads to now,
 * with each version of NFS unless its options name one. Logs. Returns 0; -ECONNREFUSED,
 * -EHOSTUNREACH, -ETIMEDOUT … if the server does not answer; else errors of mount(2). */
int mount_nfs(const Target *target, const char *where);

/* The parts of it that only compute. None of these log. The caller frees what is returned. */

/* The options of mount(2) for the server at @address; @version is NULL if they name one already.
 * What may go wrong for good in a mount that waits for ever becomes an error after a little more
 * than the target's time-out. */
int nfs_options(const Target *target, const char *address, const char *version, char **ret);

bool nfs_options_have_version(const char *options);
