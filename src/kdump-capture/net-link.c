/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is asked of, and told to, the kernel about its network links. */
#include "net-link.h"

#include <linux/if_link.h>

#define LINKS_MAX 4096

void net_links_done(NetLinks *links)
{
        free(links->links);
        *links = (NetLinks){ 0 };
}

static void read_mac(const NetlinkAttribute *attribute, bool *has, uint8_t mac[static MAC_BYTES])
{
        *has = attribute->value.size == MAC_BYTES && !mem_is_zero(attribute->value.data, MAC_BYTES);
        if (*has)
                memcpy(mac, attribute->value.data, MAC_BYTES);
}

/* Bonds and the like have a kind; hardware has none. */
static bool has_kind(NetlinkSpan info)
{
        NetlinkAttribute attribute;

        while (netlink_next_attribute(&info, &attribute) > 0)
                if (attribute.type == IFLA_INFO_KIND)
                        return true;
        return false;
}

static int read_link_attribute(NetLink *link, const NetlinkAttribute *attribute)
{
        uint32_t value;
        int r;

        switch (attribute->type) {
        case IFLA_IFNAME:
                return netlink_string(attribute, link->name, sizeof(link->name));
        case IFLA_ADDRESS:
                read_mac(attribute, &link->has_mac, link->mac);
                return 0;
        case IFLA_PERM_ADDRESS:
                read_mac(attribute, &link->has_permanent_mac, link->permanent_mac);
                return 0;
        case IFLA_LINKINFO:
                link->is_virtual = has_kind(attribute->value);
                return 0;
        case IFLA_CARRIER:
                r = netlink_u32(attribute, &value);
                link->carrier = r >= 0 && value != 0;
                return r;
        default:
                return 0;
        }
}

static int add_link(NetLinks *links, NetlinkSpan body)
{
        NetlinkAttribute attribute;
        struct ifinfomsg info;
        NetLink link = { 0 }, *more;
        int r;

        r = netlink_take(&body, &info, sizeof(info));
        if (r < 0)
                return r;
        link.index = (uint32_t) info.ifi_index;
        link.up = info.ifi_flags & IFF_UP;
        while ((r = netlink_next_attribute(&body, &attribute)) > 0) {
                r = read_link_attribute(&link, &attribute);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (links->n >= LINKS_MAX)
                return -E2BIG;
        more = reallocarray(links->links, links->n + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        links->links = more;
        more[links->n++] = link;
        return 0;
}

/* One that is still looked for duplicates of, or that has one, is none. Nor is a link-local one. */
static int add_address(NetLinks *links, NetlinkSpan body)
{
        NetlinkAttribute attribute;
        struct ifaddrmsg info;
        uint32_t flags;
        int r;

        r = netlink_take(&body, &info, sizeof(info));
        if (r < 0)
                return r;
        flags = info.ifa_flags;
        while ((r = netlink_next_attribute(&body, &attribute)) > 0) {
                if (attribute.type == IFA_FLAGS && netlink_u32(&attribute, &flags) < 0)
                        return -EBADMSG;
        }
        if (r < 0 || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) ||
            info.ifa_scope >= RT_SCOPE_LINK)
                return r;
        for (size_t i = 0; i < links->n; i++) {
                if (links->links[i].index != info.ifa_index)
                        continue;
                links->links[i].has_ipv4 |= info.ifa_family == AF_INET;
                links->links[i].has_ipv6 |= info.ifa_family == AF_INET6;
        }
        return 0;
}

static int on_message(const NetlinkMessage *message, void *userdata)
{
        switch (message->type) {
        case RTM_NEWLINK:
                return add_link(userdata, message->body);
        case RTM_NEWADDR:
                return add_address(userdata, message->body);
        default:
                return 0;
        }
}

int net_links_add_messages(NetLinks *links, const void *data, size_t size)
{
        return netlink_replay(data, size, on_message, links);
}

int net_links_read(int fd, NetLinks *ret)
{
        const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
        const struct ifaddrmsg address = { .ifa_family = AF_UNSPEC };
        _cleanup_(net_links_done) NetLinks links = { 0 };
        NetlinkRequest request;
        int r;

        netlink_request_init(&request, RTM_GETLINK, NLM_F_DUMP, &link, sizeof(link));
        r = netlink_call(fd, &request, on_message, &links);
        if (r < 0)
                return r;
        netlink_request_init(&request, RTM_GETADDR, NLM_F_DUMP, &address, sizeof(address));
        r = netlink_call(fd, &request, on_message, &links);
        if (r < 0)
                return r;
        *ret = links;
        links = (NetLinks){ 0 };
        return 0;
}

const NetLink *net_links_find(const NetLinks *links, const char *name, const char *mac)
{
        const NetLink *second = NULL;
        uint8_t wanted[MAC_BYTES];

        if (mac && mac_parse(mac, wanted) < 0)
                return NULL;
        for (size_t i = 0; i < links->n; i++) {
                const NetLink *link = &links->links[i];

                if (!mac && streq(link->name, name))
                        return link;
                if (!mac || link->is_virtual)
                        continue;
                if (link->has_permanent_mac && memcmp(link->permanent_mac, wanted, MAC_BYTES) == 0)
                        return link;
                if (link->has_mac && memcmp(link->mac, wanted, MAC_BYTES) == 0)
                        second = link;
        }
        return second;
}

int net_link_set_up(int fd, uint32_t index)
{
        const struct ifinfomsg body = {
                .ifi_index = (int) index,
                .ifi_flags = IFF_UP,
                .ifi_change = IFF_UP,
        };
        NetlinkRequest request;

        netlink_request_init(&request, RTM_SETLINK, NLM_F_ACK, &body, sizeof(body));
        return netlink_call(fd, &request, NULL, NULL);
}

int net_link_set_address(int fd, uint32_t index, const Address *address)
{
        const size_t size = address_size(address->family);
        const uint32_t flags = IFA_F_PERMANENT | IFA_F_NODAD;
        const struct ifaddrmsg body = {
                .ifa_family = (uint8_t) address->family,
                .ifa_prefixlen = (uint8_t) address->prefix_bits,
                .ifa_index = index,
        };
        NetlinkRequest request;

        netlink_request_init(&request, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &body,
                             sizeof(body));
        netlink_request_add(&request, IFA_LOCAL, address->bytes, size);
        netlink_request_add(&request, IFA_ADDRESS, address->bytes, size);
        netlink_request_add(&request, IFA_FLAGS, &flags, sizeof(flags));
        return netlink_call(fd, &request, NULL, NULL);
}

/* RTA_VIA: the family before the address (struct rtvia). */
static void add_gateway(NetlinkRequest *request, const NetworkRoute *route)
{
        const Address *gateway = &route->gateway;
        const size_t size = address_size(gateway->family);
        uint8_t via[sizeof(uint16_t) + sizeof(gateway->bytes)];
        uint16_t family = (uint16_t) gateway->family;

        if (gateway->family == route->to.family) {
                netlink_request_add(request, RTA_GATEWAY, gateway->bytes, size);
                return;
        }
        memcpy(via, &family, sizeof(family));
        memcpy(via + sizeof(family), gateway->bytes, size);
        netlink_request_add(request, RTA_VIA, via, sizeof(family) + size);
}

int net_link_set_route(int fd, uint32_t index, const NetworkRoute *route)
{
        const bool has_gateway = route->gateway.family != 0;
        const Address to = address_network(route->to);
        const struct rtmsg body = {
                .rtm_family = (uint8_t) to.family,
                .rtm_dst_len = (uint8_t) to.prefix_bits,
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = RTPROT_STATIC,
                .rtm_scope =
                        has_gateway || to.family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                .rtm_type = RTN_UNICAST,
                /* The gateway may be outside of the link's networks. */
                .rtm_flags = has_gateway ? RTNH_F_ONLINK : 0,
        };
        NetlinkRequest request;
        int r;

        netlink_request_init(&request, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &body,
                             sizeof(body));
        if (to.prefix_bits > 0)
                netlink_request_add(&request, RTA_DST, to.bytes, address_size(to.family));
        if (has_gateway)
                add_gateway(&request, route);
        netlink_request_add(&request, RTA_OIF, &index, sizeof(index));
        r = netlink_call(fd, &request, NULL, NULL);
        return r == -EEXIST ? 0 : r;
}

bool net_has_route(int fd, const Address *address)
{
        const struct rtmsg body = {
                .rtm_family = (uint8_t) address->family,
                .rtm_dst_len = (uint8_t) (8 * address_size(address->family)),
        };
        NetlinkRequest request;

        netlink_request_init(&request, RTM_GETROUTE, 0, &body, sizeof(body));
        netlink_request_add(&request, RTA_DST, address->bytes, address_size(address->family));
        return netlink_call(fd, &request, NULL, NULL) >= 0;
}
