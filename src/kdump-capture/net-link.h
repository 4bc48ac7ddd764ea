/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetLink: the links of the crash kernel as they are, and addresses and routes that are set on
 * them. None of these log. */
#pragma once

#include <net/if.h>

#include "mac.h"
#include "netlink.h"
#include "network-route.h"

typedef struct NetLink {
        uint32_t index;
        char name[IF_NAMESIZE];
        bool is_virtual; /* a bond, a bridge, a VLAN … */
        bool up, carrier;
        bool has_mac, has_permanent_mac;
        uint8_t mac[MAC_BYTES], permanent_mac[MAC_BYTES];
        bool has_ipv4, has_ipv6; /* an address that others can answer to */
} NetLink;

typedef struct NetLinks {
        NetLink *links;
        size_t n;
} NetLinks;

void net_links_done(NetLinks *links);

/* Asks the kernel on @fd (netlink_open()). Returns 0, or what netlink_call() does. */
int net_links_read(int fd, NetLinks *ret);

/* The same from messages. */
int net_links_add_messages(NetLinks *links, const void *data, size_t size);

/* The NIC whose own address is @mac, else one that has it now; without @mac the link @name. NULL if
 * there is none. */
const NetLink *net_links_find(const NetLinks *links, const char *name, const char *mac);

/* Each is fine with what is there already. Return 0; the kernel's error. */
int net_link_set_up(int fd, uint32_t index);
int net_link_set_address(int fd, uint32_t index, const Address *address);
int net_link_set_route(int fd, uint32_t index, const NetworkRoute *route);

/* Whether the kernel knows a way to @address now. */
bool net_has_route(int fd, const Address *address);
