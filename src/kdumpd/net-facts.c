/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the list of links, addresses and routes, and the questions that fill it. */
#include "net-facts-internal.h"

#include "io.h"
#include "resolve-device.h"
#include "rootdir.h"
#include "strv.h"

#define TRIES_MAX 5
#define LEASE_BYTES_MAX 65536
#define CLIENT_ID_DIGITS_MAX 510 /* an option of DHCP has at most 255 bytes */

void net_facts_done(NetFacts *facts)
{
        for (size_t i = 0; i < facts->n_links; i++) {
                free(facts->links[i].driver);
                strv_free(facts->links[i].drivers);
                free(facts->links[i].client_id);
        }
        free(facts->links);
        free(facts->addresses);
        free(facts->routes);
        *facts = (NetFacts){ 0 };
}

const NetLink *net_facts_link(const NetFacts *facts, uint32_t index)
{
        for (size_t i = 0; i < facts->n_links; i++)
                if (facts->links[i].index == index)
                        return &facts->links[i];
        return NULL;
}

/* Makes room for one more in *list, whose size is doubled at each power of two. */
static int list_grow(void **list, size_t n, size_t size, size_t max)
{
        void *more;

        if (n >= max)
                return -E2BIG;
        if (n & (n - 1))
                return 0;
        more = reallocarray(*list, MAX(n * 2, (size_t) 1), size);
        if (!more)
                return -ENOMEM;
        *list = more;
        return 0;
}

static int add_link(NetFacts *facts, NetlinkSpan body)
{
        NetLink link;
        int r;

        r = net_link_parse(body, &link);
        if (r < 0)
                return r;
        r = list_grow((void **) &facts->links, facts->n_links, sizeof(link), NET_LINKS_MAX);
        if (r < 0)
                return r;
        facts->links[facts->n_links++] = link;
        return 0;
}

/* Of IPv4, IFA_LOCAL is the address and IFA_ADDRESS the far end, the same where there is none; of
 * IPv6, IFA_LOCAL is there only if there is a far end (inet_fill_ifaddr(), inet6_fill_ifaddr()). */
static int read_address(NetlinkSpan body, const struct ifaddrmsg *info, NetAddress *ret)
{
        NetAddress address = {
                .link = info->ifa_index,
                .flags = info->ifa_flags,
                .scope = info->ifa_scope,
        };
        NetlinkAttribute attribute;
        Address far = { 0 };
        int r;

        while ((r = netlink_next_attribute(&body, &attribute)) > 0) {
                const NetlinkSpan value = attribute.value;

                if (attribute.type == IFA_FLAGS)
                        r = netlink_u32(&attribute, &address.flags);
                else if (attribute.type == IFA_LOCAL)
                        r = address_from_bytes(info->ifa_family, value.data, value.size,
                                               info->ifa_prefixlen, &address.address);
                else if (attribute.type == IFA_ADDRESS)
                        r = address_from_bytes(info->ifa_family, value.data, value.size,
                                               info->ifa_prefixlen, &far);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (address.address.family == 0)
                address.address = far;
        else if (!address_equal(&address.address, &far))
                address.peer = far;
        if (address.address.family == 0)
                return -EBADMSG;
        *ret = address;
        return 0;
}

static int add_address(NetFacts *facts, NetlinkSpan body)
{
        struct ifaddrmsg info;
        NetAddress address;
        int r;

        r = netlink_take(&body, &info, sizeof(info));
        if (r < 0)
                return r;
        if (address_size(info.ifa_family) == 0)
                return 0;
        r = read_address(body, &info, &address);
        if (r < 0)
                return r;
        r = list_grow((void **) &facts->addresses, facts->n_addresses, sizeof(address),
                      NET_ADDRESSES_MAX);
        if (r < 0)
                return r;
        facts->addresses[facts->n_addresses++] = address;
        return 0;
}

/* RTA_VIA: a gateway of the other family, such as of RFC 5549. */
static int read_via(NetlinkSpan value, Address *ret)
{
        uint16_t family;

        if (value.size < sizeof(family))
                return -EBADMSG;
        memcpy(&family, value.data, sizeof(family));
        value.data += sizeof(family);
        value.size -= sizeof(family);
        return address_from_bytes(family, value.data, value.size,
                                  8 * (unsigned) address_size(family), ret);
}

static int read_route_attribute(const NetlinkAttribute *attribute, const struct rtmsg *info,
                                uint32_t *table, NetRoute *route)
{
        const NetlinkSpan value = attribute->value;
        const unsigned bits = 8 * (unsigned) address_size(info->rtm_family);

        switch (attribute->type) {
        case RTA_TABLE:
                return netlink_u32(attribute, table);
        case RTA_OIF:
                return netlink_u32(attribute, &route->link);
        case RTA_PRIORITY:
                return netlink_u32(attribute, &route->metric);
        case RTA_DST:
                return address_from_bytes(info->rtm_family, value.data, value.size,
                                          info->rtm_dst_len, &route->to);
        case RTA_GATEWAY:
                return address_from_bytes(info->rtm_family, value.data, value.size, bits,
                                          &route->gateway);
        case RTA_PREFSRC:
                return address_from_bytes(info->rtm_family, value.data, value.size, bits,
                                          &route->source);
        case RTA_VIA:
                return read_via(value, &route->gateway);
        default:
                return 0;
        }
}

/* Routes over several links (RTA_MULTIPATH) have no link of their own and are left out: which of
 * the links is taken is the kernel's to say, when it is asked for one address. */
static int add_route(NetFacts *facts, NetlinkSpan body)
{
        struct rtmsg info;
        NetRoute route = { 0 };
        NetlinkAttribute attribute;
        uint32_t table;
        int r;

        r = netlink_take(&body, &info, sizeof(info));
        if (r < 0)
                return r;
        if (address_size(info.rtm_family) == 0 || info.rtm_type != RTN_UNICAST ||
            (info.rtm_flags & RTM_F_CLONED))
                return 0;
        table = info.rtm_table;
        route.protocol = info.rtm_protocol;
        route.to.family = info.rtm_family;
        while ((r = netlink_next_attribute(&body, &attribute)) > 0) {
                r = read_route_attribute(&attribute, &info, &table, &route);
                if (r < 0)
                        return r;
        }
        if (r < 0 || table != RT_TABLE_MAIN || route.link == 0)
                return r;
        /* What is beyond this is asked for by its address. */
        if (facts->n_routes >= NET_ROUTES_MAX / 2 && route.to.prefix_bits > 0)
                return 0;
        r = list_grow((void **) &facts->routes, facts->n_routes, sizeof(route), NET_ROUTES_MAX);
        if (r < 0)
                return r;
        facts->routes[facts->n_routes++] = route;
        return 0;
}

static int on_message(const NetlinkMessage *message, void *userdata)
{
        NetFacts *facts = userdata;

        switch (message->type) {
        case RTM_NEWLINK:
                return add_link(facts, message->body);
        case RTM_NEWADDR:
                return add_address(facts, message->body);
        case RTM_NEWROUTE:
                return add_route(facts, message->body);
        default:
                return 0;
        }
}

int net_facts_add_messages(NetFacts *facts, const void *data, size_t size)
{
        return netlink_replay(data, size, on_message, facts);
}

static int ask(int fd, uint16_t type, const void *body, size_t size, NetFacts *facts)
{
        NetlinkRequest request;

        netlink_request_init(&request, type, NLM_F_DUMP, body, size);
        if (type == RTM_GETROUTE) {
                const uint32_t table = RT_TABLE_MAIN;

                netlink_request_add(&request, RTA_TABLE, &table, sizeof(table));
        }
        return netlink_call(fd, &request, on_message, facts);
}

static int ask_all(int fd, NetFacts *facts)
{
        static const uint8_t families[] = { AF_INET, AF_INET6 };
        const struct ifinfomsg links = { .ifi_family = AF_UNSPEC };
        const struct ifaddrmsg addresses = { .ifa_family = AF_UNSPEC };
        int r;

        r = ask(fd, RTM_GETLINK, &links, sizeof(links), facts);
        if (r < 0)
                return r;
        r = ask(fd, RTM_GETADDR, &addresses, sizeof(addresses), facts);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(families); i++) {
                const struct rtmsg routes = { .rtm_family = families[i] };

                r = ask(fd, RTM_GETROUTE, &routes, sizeof(routes), facts);
                /* Without any address there is no such table yet, nor with this protocol switched
                 * off (inet_dump_fib(), rtnl_dump_all()). */
                if (r < 0 && r != -ENOENT && r != -EOPNOTSUPP)
                        return r;
        }
        return 0;
}

/* networkd's lease; the option is in hexadecimal digits (sd_dhcp_lease_save()). */
static int read_client_id(int root_fd, NetLink *link)
{
        static const char key[] = "\nCLIENTID=";
        _cleanup_free_ char *path = NULL, *text = NULL, *lines = NULL;
        const char *value;
        size_t size, n;
        int r;

        r = strprintf(&path, "/run/systemd/netif/leases/%u", link->index);
        if (r < 0)
                return r;
        r = root_read(root_fd, path, LEASE_BYTES_MAX, &text, &size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = strprintf(&lines, "\n%s", text);
        if (r < 0)
                return r;
        value = strstr(lines, key);
        if (!value)
                return 0;
        value += sizeof(key) - 1;
        n = strspn(value, "0123456789abcdef");
        if (n < 4 || n % 2 != 0 || n > CLIENT_ID_DIGITS_MAX || (value[n] && value[n] != '\n'))
                return 0;
        link->client_id = strndup(value, n);
        return link->client_id ? 0 : -ENOMEM;
}

/* A NIC's own driver, those of the buses that it hangs on, and that of its transceiver. */
static int read_hardware(int root_fd, NetLink *link)
{
        static const char *const folders[] = { "device", "phydev" };
        _cleanup_free_ char *folder = NULL, *driver = NULL, *wireless = NULL, *real = NULL;
        int r;

        r = strprintf(&folder, "/sys/class/net/%s", link->name);
        if (r < 0)
                return r;
        if (strprintf(&wireless, "%s/phy80211", folder) < 0 ||
            strprintf(&driver, "%s/device/driver", folder) < 0)
                return -ENOMEM;
        r = root_chase(root_fd, wireless, &real);
        link->wireless = r >= 0;
        if (r != -ENOMEM)
                r = root_link_name(root_fd, driver, &link->driver);
        if (r == -ENOMEM)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *path = NULL;

                r = strprintf(&path, "%s/%s", folder, folders[i]);
                if (r < 0)
                        return r;
                r = device_folder_drivers(root_fd, path, &link->drivers);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

int net_facts_add_files(NetFacts *facts, int root_fd)
{
        int r;

        for (size_t i = 0; i < facts->n_links; i++) {
                NetLink *link = &facts->links[i];

                r = read_client_id(root_fd, link);
                if (r < 0)
                        return r;
                if (link->kind != NET_KIND_NIC)
                        continue;
                r = read_hardware(root_fd, link);
                if (r < 0)
                        return r;
        }
        return 0;
}

int net_facts_read(int root_fd, NetFacts *ret)
{
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_close_ int fd = -EBADF;
        int r = -EAGAIN;

        fd = netlink_open(0);
        if (fd < 0)
                return fd;
        for (unsigned i = 0; i < TRIES_MAX && r == -EAGAIN; i++) {
                net_facts_done(&facts);
                r = ask_all(fd, &facts);
        }
        if (r < 0)
                return r;
        r = net_facts_add_files(&facts, root_fd);
        if (r < 0)
                return r;
        *ret = facts;
        facts = (NetFacts){ 0 };
        return 0;
}
