/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetRouteAnswer: over which link, by which gateway and from which address the kernel would send to
 * one address now. All tables and rules have their say in it. */
#pragma once

#include "address.h"
#include "netlink.h"

typedef struct NetRouteAnswer {
        Address to;
        uint32_t link;
        Address gateway; /* family 0: none */
        Address source;  /* family 0: unknown */
        bool local;      /* it is our own */
} NetRouteAnswer;

/* @address: its prefix does not matter. @scope_link: of a link-local one; 0: none. Returns 0;
 * -ENETUNREACH, -EHOSTUNREACH: there is no way there now; errors of netlink. Neither logs. */
int net_route_ask(const Address *address, uint32_t scope_link, NetRouteAnswer *ret);

/* Reads the body of an RTM_NEWROUTE that is the answer for @address. Returns 0; -EBADMSG. */
int net_route_parse(NetlinkSpan body, const Address *address, NetRouteAnswer *ret);
