/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetPlan: which links the crash kernel needs to reach some addresses, and how each is set up. */
#pragma once

#include "net-facts.h"
#include "net-route.h"
#include "network-route.h"

/* How a link gets its address of one family. */
typedef enum NetMethod {
        NET_METHOD_NONE,    /* not needed */
        NET_METHOD_STATIC,  /* as it is now */
        NET_METHOD_DYNAMIC, /* DHCP; of IPv6, what the router announces */
        _NET_METHOD_MAX,
        _NET_METHOD_INVALID = -EINVAL,
} NetMethod;

typedef struct NetPlanAddress {
        Address address, peer; /* peer.family 0: none */
        bool dynamic;          /* of the lease, or made from an announcement */
} NetPlanAddress;

typedef struct NetPlanRoute {
        NetworkRoute route;
        Address source; /* family 0: whichever */
        bool dynamic;   /* told by DHCP or by a router */
        bool on_link;   /* no address of the link says that the gateway is there */
} NetPlanRoute;

typedef struct NetPlanLink {
        const NetLink *link;   /* of the facts */
        const NetLink *master; /* the bond or bridge that it is a port of, or NULL */
        bool shares_mac;       /* another one is known by the same hardware address, too */
        const NetLink **vlans; /* that are on it, ending with NULL; or NULL */
        size_t n_vlans;
        size_t n_ports; /* of a bond or bridge: how many of them are planned */
        NetMethod ipv4, ipv6;
        NetPlanAddress *addresses;
        size_t n_addresses;
        NetPlanRoute *routes;
        size_t n_routes;
} NetPlanLink;

typedef struct NetPlan {
        NetPlanLink *links; /* by name */
        size_t n_links;
} NetPlan;

void net_plan_done(NetPlan *plan); /* of a zeroed one, too */

/* Adds to @plan what it takes to reach answer->to: pure. The facts must outlive the plan. Returns 1
 * if links were needed, 0 if the address is our own; -EOPNOTSUPP with *reterr_message: a link of
 * this kind cannot be set up in the crash kernel; -ENODEV with a message: a link is gone. On
 * failure the plan may hold parts of it. Does not log. */
int net_plan_add(NetPlan *plan, const NetFacts *facts, const NetRouteAnswer *answer,
                 char **reterr_message);

/* The modules for @planned (strv, each once, with '_'). */
int net_plan_link_drivers(const NetPlanLink *planned, char ***drivers);
