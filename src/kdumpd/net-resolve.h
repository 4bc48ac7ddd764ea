/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of hosts and the addresses that they last led to. Asking takes the network and its time, so
 * another process does it, `kdumpd resolve` of kdump-resolve.service; arming reads what it left. */
#pragma once

#include "macro.h"

/* What is known of @host: addresses (strv) the host itself if
 * it is an address. Returns 1; 0 with nothing in *ret if nothing is known. Does not log. */
int net_resolve_known(int root_fd, const char *host, char ***ret);

/* Leaves the names in @hosts (strv) for net_resolve_update(); addresses among them are passed over.
 * Returns 1 if there is any name; 0 if there is nothing to ask. Does not log. */
int net_resolve_want(int root_fd, char *const *hosts);

/* Asks for each of the names that are wanted, which takes as long as the resolver lets it, and
 * keeps what it got at once; of a name without an answer, what is known stays. Names that are not
 * wanted any more are forgotten. Returns the number of names without an answer, *ret_changed
 * whether anything is new. Logs each of them. */
int net_resolve_update(int root_fd, bool *ret_changed);

/* Where it is kept: a change of this file is a reason to look. */
#define PATH_NET_ADDRESSES "/var/lib/kdumpd/addresses.json"
