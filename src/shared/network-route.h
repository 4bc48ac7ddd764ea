/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkRoute: the text form of a route of a Network. None of these log. */
#pragma once

#include "address.h"

typedef struct NetworkRoute {
        Address to;      /* a network; 0.0.0.0/0: everything */
        Address gateway; /* of either family; family 0: what is reached without one */
} NetworkRoute;

#define NETWORK_ROUTE_TEXT_BYTES (2 * ADDRESS_TEXT_BYTES + 8)

/* "10.0.0.0/8 via 192.0.2.1", "10.0.0.0/8". Returns 0; -EINVAL. */
int network_route_parse(const char *text, NetworkRoute *ret);
const char *network_route_format(const NetworkRoute *route,
                                 char buffer[static NETWORK_ROUTE_TEXT_BYTES]);
