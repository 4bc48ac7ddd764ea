/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network of the crash kernel, as far as targets need it. */
#pragma once

#include "facts.h"
#include "resolve-context.h"

/* Gives each target of @plan that is on another machine the addresses that its name last led to,
 * and the Plan and c->needs what it takes to reach them, from the live state of the kernel. Nothing
 * is asked for over the network. Returns 0; -ENETUNREACH with a message if a target is behind links
 * that cannot be set up in the crash kernel, as they are now. Does not log. */
int resolve_network(const ResolveContext *c, const Facts *facts, Plan *plan);

/* Adds the names of the hosts that the @n @targets are on to *hosts (strv), each once, for
 * net_resolve_want(). */
int resolve_hosts(const Target *targets, size_t n, char ***hosts);
