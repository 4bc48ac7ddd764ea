/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetFacts: what the kernel says of its network links, their addresses and routes. */
#pragma once

#include <net/if.h>

#include "address.h"
#include "mac.h"

typedef enum NetKind {
        NET_KIND_NIC, /* hardware, or what a hypervisor gives out as such */
        NET_KIND_VLAN,
        NET_KIND_BOND,
        NET_KIND_BRIDGE,
        NET_KIND_OTHER, /* kind_name tells which */
        _NET_KIND_MAX,
        _NET_KIND_INVALID = -EINVAL,
} NetKind;

/* Numbers as the kernel gives them: IFLA_BOND_* of include/uapi/linux/if_link.h. */
typedef enum NetBondOption {
        NET_BOND_MODE,
        NET_BOND_MIIMON_MSEC,
        NET_BOND_UPDELAY_MSEC,
        NET_BOND_DOWNDELAY_MSEC,
        NET_BOND_ARP_INTERVAL_MSEC,
        NET_BOND_ARP_VALIDATE,
        NET_BOND_ARP_ALL_TARGETS,
        NET_BOND_PRIMARY, /* index of a link, 0: none */
        NET_BOND_PRIMARY_RESELECT,
        NET_BOND_FAIL_OVER_MAC,
        NET_BOND_XMIT_HASH_POLICY,
        NET_BOND_MIN_LINKS,
        NET_BOND_PACKETS_PER_SLAVE,
        NET_BOND_AD_LACP_RATE,
        NET_BOND_AD_SELECT,
        NET_BOND_AD_ACTOR_SYS_PRIO,
        NET_BOND_AD_USER_PORT_KEY,
        _NET_BOND_OPTION_MAX,
        _NET_BOND_OPTION_INVALID = -EINVAL,
} NetBondOption;

#define NET_BOND_ARP_TARGETS_MAX 16 /* BOND_MAX_ARP_TARGETS */

typedef struct NetBond {
        uint32_t options[_NET_BOND_OPTION_MAX];
        uint8_t arp_targets[NET_BOND_ARP_TARGETS_MAX][4];
        size_t n_arp_targets;
} NetBond;

typedef struct NetVlan {
        uint32_t id;
        uint32_t protocol; /* ETH_P_8021Q, ETH_P_8021AD */
        uint32_t flags;    /* VLAN_FLAG_* */
} NetVlan;

/* Times in hundredths of a second. */
typedef struct NetBridge {
        uint32_t stp, priority, forward_delay_csec, hello_time_csec, max_age_csec;
        uint32_t vlan_filtering;
} NetBridge;

typedef struct NetLink {
        uint32_t index, parent, master; /* parent: what a VLAN is on; 0: none */
        char name[IF_NAMESIZE];
        char kind_name[32]; /* "vlan", "veth"; "" for hardware */
        NetKind kind;
        unsigned type;         /* ARPHRD_* */
        bool parent_elsewhere; /* in another network namespace */
        bool wireless;
        uint32_t mtu_bytes;
        bool has_mac, has_permanent_mac;
        uint8_t mac[MAC_BYTES], permanent_mac[MAC_BYTES];
        union {
                NetBond bond;
                NetVlan vlan;
                NetBridge bridge;
        };
        char *driver;    /* of hardware: the kernel's name of its driver; NULL: unknown */
        char **drivers;  /* of hardware: the modules of it and of all that it hangs on (strv) */
        char *client_id; /* that the DHCP server knows us by, in hexadecimal digits; NULL: unknown
                          */
} NetLink;

typedef struct NetAddress {
        uint32_t link;
        Address address, peer; /* peer.family 0: none */
        uint32_t flags;        /* IFA_F_* */
        unsigned scope;        /* RT_SCOPE_* */
} NetAddress;

/* Of the main table, unicast. */
typedef struct NetRoute {
        uint32_t link;
        Address to, gateway, source; /* family 0: none */
        uint32_t metric;
        unsigned protocol; /* RTPROT_* */
} NetRoute;

typedef struct NetFacts {
        NetLink *links;
        size_t n_links;
        NetAddress *addresses;
        size_t n_addresses;
        NetRoute *routes; /* at most NET_ROUTES_MAX; defaults are always among them */
        size_t n_routes;
} NetFacts;

#define NET_LINKS_MAX 16384
#define NET_ADDRESSES_MAX 65536
#define NET_ROUTES_MAX 4096

void net_facts_done(NetFacts *facts); /* of a zeroed one, too */

/* Asks the kernel for the links, addresses and routes of our network namespace; drivers and the
 * like are read from /sys and /run below @root_fd. Returns 0; -E2BIG: more than the bounds; errors
 * of netlink. Does not log. */
int net_facts_read(int root_fd, NetFacts *ret);

/* The parts of it: adds what the messages of @data tell, as they were received, and what the files
 * below @root_fd do. Messages of other types are passed over. */
int net_facts_add_messages(NetFacts *facts, const void *data, size_t size);
int net_facts_add_files(NetFacts *facts, int root_fd);

/* NULL if there is none. */
const NetLink *net_facts_link(const NetFacts *facts, uint32_t index);
