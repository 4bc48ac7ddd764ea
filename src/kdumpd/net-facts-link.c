/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of what the kernel says of one link: rtnl_fill_ifinfo() of net/core/rtnetlink.c,
 * and the fill_info() of the kinds that can be set up again. */
#include "net-facts-internal.h"

#include <arpa/inet.h>
#include <linux/if_link.h>

static const struct {
        const char *name;
        NetKind kind;
} kinds[] = {
        { "vlan", NET_KIND_VLAN },
        { "bond", NET_KIND_BOND },
        { "bridge", NET_KIND_BRIDGE },
};

/* Where each attribute of a bond goes; bond_fill_info(). */
static const struct {
        uint16_t type;
        NetBondOption option;
} bond_options[] = {
        { IFLA_BOND_MODE, NET_BOND_MODE },
        { IFLA_BOND_MIIMON, NET_BOND_MIIMON_MSEC },
        { IFLA_BOND_UPDELAY, NET_BOND_UPDELAY_MSEC },
        { IFLA_BOND_DOWNDELAY, NET_BOND_DOWNDELAY_MSEC },
        { IFLA_BOND_ARP_INTERVAL, NET_BOND_ARP_INTERVAL_MSEC },
        { IFLA_BOND_ARP_VALIDATE, NET_BOND_ARP_VALIDATE },
        { IFLA_BOND_ARP_ALL_TARGETS, NET_BOND_ARP_ALL_TARGETS },
        { IFLA_BOND_PRIMARY, NET_BOND_PRIMARY },
        { IFLA_BOND_PRIMARY_RESELECT, NET_BOND_PRIMARY_RESELECT },
        { IFLA_BOND_FAIL_OVER_MAC, NET_BOND_FAIL_OVER_MAC },
        { IFLA_BOND_XMIT_HASH_POLICY, NET_BOND_XMIT_HASH_POLICY },
        { IFLA_BOND_MIN_LINKS, NET_BOND_MIN_LINKS },
        { IFLA_BOND_PACKETS_PER_SLAVE, NET_BOND_PACKETS_PER_SLAVE },
        { IFLA_BOND_AD_LACP_RATE, NET_BOND_AD_LACP_RATE },
        { IFLA_BOND_AD_SELECT, NET_BOND_AD_SELECT },
        { IFLA_BOND_AD_ACTOR_SYS_PRIO, NET_BOND_AD_ACTOR_SYS_PRIO },
        { IFLA_BOND_AD_USER_PORT_KEY, NET_BOND_AD_USER_PORT_KEY },
};

typedef int (*attribute_reader)(NetLink *link, const NetlinkAttribute *attribute);

static int attributes_read(NetLink *link, NetlinkSpan span, attribute_reader reader)
{
        NetlinkAttribute attribute;
        int r;

        for (;;) {
                r = netlink_next_attribute(&span, &attribute);
                if (r <= 0)
                        return r;
                r = reader(link, &attribute);
                if (r < 0)
                        return r;
        }
}

static int read_arp_target(NetLink *link, const NetlinkAttribute *attribute)
{
        NetBond *bond = &link->bond;

        if (attribute->value.size != sizeof(bond->arp_targets[0]) ||
            bond->n_arp_targets >= NET_BOND_ARP_TARGETS_MAX)
                return -EBADMSG;
        memcpy(bond->arp_targets[bond->n_arp_targets++], attribute->value.data,
               sizeof(bond->arp_targets[0]));
        return 0;
}

static int read_bond(NetLink *link, const NetlinkAttribute *attribute)
{
        if (attribute->type == IFLA_BOND_ARP_IP_TARGET)
                return attributes_read(link, attribute->value, read_arp_target);
        for (size_t i = 0; i < ELEMENTSOF(bond_options); i++)
                if (bond_options[i].type == attribute->type)
                        return netlink_u32(attribute, &link->bond.options[bond_options[i].option]);
        return 0;
}

static int read_vlan_flags(const NetlinkAttribute *attribute, uint32_t *ret)
{
        NetlinkSpan value = attribute->value;
        struct ifla_vlan_flags flags;
        int r;

        r = netlink_take(&value, &flags, sizeof(flags));
        if (r < 0)
                return r;
        *ret = flags.flags;
        return 0;
}

static int read_vlan(NetLink *link, const NetlinkAttribute *attribute)
{
        int r;

        switch (attribute->type) {
        case IFLA_VLAN_ID:
                return netlink_u32(attribute, &link->vlan.id);
        case IFLA_VLAN_FLAGS:
                return read_vlan_flags(attribute, &link->vlan.flags);
        case IFLA_VLAN_PROTOCOL:
                r = netlink_u32(attribute, &link->vlan.protocol);
                link->vlan.protocol = ntohs((uint16_t) link->vlan.protocol);
                return r;
        default:
                return 0;
        }
}

static int read_bridge(NetLink *link, const NetlinkAttribute *attribute)
{
        NetBridge *bridge = &link->bridge;

        switch (attribute->type) {
        case IFLA_BR_STP_STATE:
                return netlink_u32(attribute, &bridge->stp);
        case IFLA_BR_PRIORITY:
                return netlink_u32(attribute, &bridge->priority);
        case IFLA_BR_FORWARD_DELAY:
                return netlink_u32(attribute, &bridge->forward_delay_csec);
        case IFLA_BR_HELLO_TIME:
                return netlink_u32(attribute, &bridge->hello_time_csec);
        case IFLA_BR_MAX_AGE:
                return netlink_u32(attribute, &bridge->max_age_csec);
        case IFLA_BR_VLAN_FILTERING:
                return netlink_u32(attribute, &bridge->vlan_filtering);
        default:
                return 0;
        }
}

static int read_kind(NetLink *link, const NetlinkAttribute *attribute)
{
        int r;

        if (attribute->type != IFLA_INFO_KIND)
                return 0;
        r = netlink_string(attribute, link->kind_name, sizeof(link->kind_name));
        if (r < 0)
                return r;
        link->kind = strempty(link->kind_name) ? NET_KIND_NIC : NET_KIND_OTHER;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].name, link->kind_name))
                        link->kind = kinds[i].kind;
        return 0;
}

static int read_kind_data(NetLink *link, const NetlinkAttribute *attribute)
{
        static const attribute_reader readers[_NET_KIND_MAX] = {
                [NET_KIND_VLAN] = read_vlan,
                [NET_KIND_BOND] = read_bond,
                [NET_KIND_BRIDGE] = read_bridge,
        };

        if (attribute->type != IFLA_INFO_DATA || !readers[link->kind])
                return 0;
        return attributes_read(link, attribute->value, readers[link->kind]);
}

/* Other hardware has longer addresses, or none: those are not kept. */
static void read_mac(const NetlinkAttribute *attribute, bool *has, uint8_t mac[static MAC_BYTES])
{
        *has = attribute->value.size == MAC_BYTES && !mem_is_zero(attribute->value.data, MAC_BYTES);
        if (*has)
                memcpy(mac, attribute->value.data, MAC_BYTES);
}

static int read_link_info(NetLink *link, const NetlinkAttribute *attribute)
{
        int r;

        r = attributes_read(link, attribute->value, read_kind);
        if (r < 0)
                return r;
        return attributes_read(link, attribute->value, read_kind_data);
}

static int read_attribute(NetLink *link, const NetlinkAttribute *attribute)
{
        switch (attribute->type) {
        case IFLA_IFNAME:
                return netlink_string(attribute, link->name, sizeof(link->name));
        case IFLA_MTU:
                return netlink_u32(attribute, &link->mtu_bytes);
        case IFLA_LINK:
                return netlink_u32(attribute, &link->parent);
        case IFLA_LINK_NETNSID:
                link->parent_elsewhere = true;
                return 0;
        case IFLA_MASTER:
                return netlink_u32(attribute, &link->master);
        case IFLA_ADDRESS:
                read_mac(attribute, &link->has_mac, link->mac);
                return 0;
        case IFLA_PERM_ADDRESS:
                read_mac(attribute, &link->has_permanent_mac, link->permanent_mac);
                return 0;
        case IFLA_LINKINFO:
                return read_link_info(link, attribute);
        default:
                return 0;
        }
}

int net_link_parse(NetlinkSpan body, NetLink *ret)
{
        NetLink link = { 0 };
        struct ifinfomsg info;
        int r;

        r = netlink_take(&body, &info, sizeof(info));
        if (r < 0)
                return r;
        if (info.ifi_index <= 0)
                return -EBADMSG;
        link.index = (uint32_t) info.ifi_index;
        link.type = info.ifi_type;
        r = attributes_read(&link, body, read_attribute);
        if (r < 0)
                return r;
        if (strempty(link.name) || strchr(link.name, '/'))
                return -EBADMSG;
        *ret = link;
        return 0;
}
