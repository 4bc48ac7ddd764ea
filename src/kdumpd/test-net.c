/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the messages of a network that was made up. */
#include "test-net.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <net/if_arp.h>

static void append(TestNet *net, const void *data, size_t size)
{
        assert_true(ALIGN_UP(size, (size_t) 4) <= sizeof(net->data) - net->size);
        if (size > 0)
                memcpy(net->data + net->size, data, size);
        net->size += ALIGN_UP(size, (size_t) 4);
}

void test_net_begin(TestNet *net, uint16_t type, const void *body, size_t size)
{
        const struct nlmsghdr header = { .nlmsg_type = type, .nlmsg_flags = NLM_F_MULTI };

        assert_int_equal(net->n_open, 0);
        net->open[net->n_open++] = net->size;
        append(net, &header, sizeof(header));
        append(net, body, size);
}

void test_net_nest(TestNet *net, uint16_t type)
{
        const struct nlattr header = { .nla_type = type | NLA_F_NESTED };

        assert_in_range(net->n_open, 1, ELEMENTSOF(net->open) - 1);
        net->open[net->n_open++] = net->size;
        append(net, &header, sizeof(header));
}

void test_net_end(TestNet *net)
{
        size_t at, size;

        assert_true(net->n_open > 0);
        at = net->open[--net->n_open];
        size = net->size - at;
        if (net->n_open == 0) {
                uint32_t length = (uint32_t) size;

                memcpy(net->data + at + offsetof(struct nlmsghdr, nlmsg_len), &length,
                       sizeof(length));
        } else {
                uint16_t length = (uint16_t) size;

                memcpy(net->data + at + offsetof(struct nlattr, nla_len), &length, sizeof(length));
        }
}

void test_net_put(TestNet *net, uint16_t type, const void *value, size_t size)
{
        const struct nlattr header = { .nla_len = (uint16_t) (sizeof(header) + size),
                                       .nla_type = type };

        append(net, &header, sizeof(header));
        append(net, value, size);
}

void test_net_put_u8(TestNet *net, uint16_t type, uint8_t value)
{
        test_net_put(net, type, &value, sizeof(value));
}

void test_net_put_u16(TestNet *net, uint16_t type, uint16_t value)
{
        test_net_put(net, type, &value, sizeof(value));
}

void test_net_put_u32(TestNet *net, uint16_t type, uint32_t value)
{
        test_net_put(net, type, &value, sizeof(value));
}

void test_net_put_text(TestNet *net, uint16_t type, const char *value)
{
        test_net_put(net, type, value, strlen(value) + 1);
}

static Address parse(const char *text)
{
        Address address;

        assert_int_equal(address_parse(text, &address), 0);
        return address;
}

void test_net_put_address(TestNet *net, uint16_t type, const char *value)
{
        Address address = parse(value);

        test_net_put(net, type, address.bytes, address_size(address.family));
}

static void put_mac(TestNet *net, uint16_t type, const char *value)
{
        uint8_t mac[MAC_BYTES];

        assert_int_equal(mac_parse(value, mac), 0);
        test_net_put(net, type, mac, sizeof(mac));
}

void test_net_link(TestNet *net, uint32_t index, const char *name, const char *mac,
                   const char *permanent_mac)
{
        const struct ifinfomsg info = { .ifi_index = (int) index, .ifi_type = ARPHRD_ETHER };

        test_net_begin(net, RTM_NEWLINK, &info, sizeof(info));
        test_net_put_text(net, IFLA_IFNAME, name);
        test_net_put_u32(net, IFLA_MTU, 1500);
        if (mac)
                put_mac(net, IFLA_ADDRESS, mac);
        if (permanent_mac)
                put_mac(net, IFLA_PERM_ADDRESS, permanent_mac);
}

static void format_mac(uint32_t index, char ret[static MAC_TEXT_BYTES])
{
        const uint8_t mac[MAC_BYTES] = { 0x52, 0x54, 0, 0, 0, (uint8_t) index };

        (void) mac_format(mac, ret);
}

void test_net_nic(TestNet *net, uint32_t index, const char *name, uint32_t master)
{
        char mac[MAC_TEXT_BYTES];

        format_mac(index, mac);
        test_net_link(net, index, name, mac, mac);
        if (master != 0)
                test_net_put_u32(net, IFLA_MASTER, master);
        test_net_end(net);
}

void test_net_vlan(TestNet *net, uint32_t index, const char *name, uint32_t parent, uint16_t id,
                   uint16_t protocol)
{
        char mac[MAC_TEXT_BYTES];

        format_mac(1, mac);
        test_net_link(net, index, name, mac, NULL);
        test_net_put_u32(net, IFLA_LINK, parent);
        test_net_nest(net, IFLA_LINKINFO);
        test_net_put_text(net, IFLA_INFO_KIND, "vlan");
        test_net_nest(net, IFLA_INFO_DATA);
        test_net_put_u16(net, IFLA_VLAN_ID, id);
        test_net_put_u16(net, IFLA_VLAN_PROTOCOL, htons(protocol));
        test_net_end(net);
        test_net_end(net);
        test_net_end(net);
}

void test_net_kind(TestNet *net, uint32_t index, const char *name, const char *kind,
                   uint32_t master)
{
        char mac[MAC_TEXT_BYTES];

        format_mac(index, mac);
        test_net_link(net, index, name, mac, NULL);
        if (master != 0)
                test_net_put_u32(net, IFLA_MASTER, master);
        test_net_nest(net, IFLA_LINKINFO);
        test_net_put_text(net, IFLA_INFO_KIND, kind);
        test_net_end(net);
        test_net_end(net);
}

void test_net_address(TestNet *net, uint32_t link, const char *address, uint32_t flags)
{
        Address a = parse(address);
        const struct ifaddrmsg info = {
                .ifa_family = (uint8_t) a.family,
                .ifa_prefixlen = (uint8_t) a.prefix_bits,
                .ifa_flags = (uint8_t) flags,
                .ifa_index = link,
        };

        test_net_begin(net, RTM_NEWADDR, &info, sizeof(info));
        test_net_put_address(net, IFA_ADDRESS, address);
        if (a.family == AF_INET)
                test_net_put_address(net, IFA_LOCAL, address);
        test_net_put_u32(net, IFA_FLAGS, flags);
        test_net_end(net);
}

void test_net_route(TestNet *net, uint32_t link, const char *to, const char *gateway,
                    uint8_t protocol, uint32_t metric)
{
        Address network = parse(to);
        const struct rtmsg info = {
                .rtm_family = (uint8_t) network.family,
                .rtm_dst_len = (uint8_t) network.prefix_bits,
                .rtm_table = RT_TABLE_MAIN,
                .rtm_protocol = protocol,
                .rtm_type = RTN_UNICAST,
        };

        test_net_begin(net, RTM_NEWROUTE, &info, sizeof(info));
        test_net_put_u32(net, RTA_TABLE, RT_TABLE_MAIN);
        if (network.prefix_bits > 0)
                test_net_put_address(net, RTA_DST, to);
        if (gateway)
                test_net_put_address(net, RTA_GATEWAY, gateway);
        test_net_put_u32(net, RTA_OIF, link);
        test_net_put_u32(net, RTA_PRIORITY, metric);
        test_net_end(net);
}

void test_net_facts(const TestNet *net, NetFacts *ret)
{
        assert_int_equal(net_facts_add_messages(ret, net->data, net->size), 0);
}
