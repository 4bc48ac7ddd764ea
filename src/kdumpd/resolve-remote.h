/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Targets that are not a block device of this machine: what the crash image needs to reach them.
 * Nothing here asks the network, and none of these log. */
#pragma once

#include "resolve-context.h"
#include "resolve-mount.h"

/* @wanted is in effect as a whole. Returns 0; -EINVAL with a message if it can never work; errors
 * of reading. */
int resolve_nfs(const ResolveContext *c, const Target *wanted, Target *ret);
int resolve_ssh(const ResolveContext *c, const Target *wanted, Target *ret);
int resolve_url(const ResolveContext *c, const Target *wanted, Target *ret);
int resolve_virtiofs(const ResolveContext *c, const Target *wanted, Target *ret);

/* Is this a mount of NFS or virtiofs? */
bool place_is_remote(const MountPlace *place);

/* The same for the folder @rest of what is mounted at @place. */
int resolve_mounted(const ResolveContext *c, const Target *wanted, const MountPlace *place,
                    const char *rest, Target *ret);
