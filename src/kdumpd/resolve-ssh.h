/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of an ssh target: the one that lets us in, and those that its server is known by. None
 * of these log. */
#pragma once

#include "resolve-context.h"

/* The private key @path goes to the overlay, and its name there to target->sshkey. Returns 0;
 * -EINVAL with a message if there is no key, or one that asks for a pass phrase. */
int ssh_add_key(const ResolveContext *c, Target *target, const char *path);

/* The keys of @host that root and the system know go to the overlay, and the file's name there to
 * target->known_hosts. Returns 0; -EINVAL with a message if there is none. */
int ssh_pin_host(const ResolveContext *c, Target *target, const char *host, unsigned port);
