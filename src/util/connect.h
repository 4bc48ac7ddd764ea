/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connecting over TCP to who may not be there. */
#pragma once

#include <netdb.h>

#include "macro.h"

/* Connects to the first address of @info, and waits at most @timeout_usec for that. Returns the
 * socket, which does not block; -ETIMEDOUT, or what else is in the way. Does not log. */
int connect_within(const struct addrinfo *info, uint64_t timeout_usec);
