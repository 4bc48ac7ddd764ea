/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net-plan.c: which links, addresses and routes lead to a target. */
#include "test-net.h"

#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if_arp.h>

#include "net-plan.h"
#include "strv.h"

typedef struct Bed {
        TestNet net;
        NetFacts facts;
        NetPlan plan;
        char *message;
} Bed;

static void bed_done(Bed *bed)
{
        net_plan_done(&bed->plan);
        net_facts_done(&bed->facts);
        free(bed->message);
}

static void set_address(Address *ret, const char *text)
{
        if (text)
                assert_int_equal(address_parse(text, ret), 0);
}

static int plan(Bed *bed, uint32_t link, const char *to, const char *gateway, const char *source)
{
        NetRouteAnswer answer = { .link = link };

        set_address(&answer.to, to);
        set_address(&answer.gateway, gateway);
        set_address(&answer.source, source);
        if (bed->facts.n_links == 0)
                test_net_facts(&bed->net, &bed->facts);
        return net_plan_add(&bed->plan, &bed->facts, &answer, &bed->message);
}

/* "eth0 eth1 bond0": the names in the plan. */
static void assert_links(const Bed *bed, const char *expected)
{
        char names[256] = "";

        for (size_t i = 0; i < bed->plan.n_links; i++) {
                strcat(names, i == 0 ? "" : " ");
                strcat(names, bed->plan.links[i].link->name);
        }
        assert_string_equal(names, expected);
}

static const NetPlanLink *planned(const Bed *bed, const char *name)
{
        for (size_t i = 0; i < bed->plan.n_links; i++)
                if (streq(bed->plan.links[i].link->name, name))
                        return &bed->plan.links[i];
        fail_msg("'%s' is not planned", name);
        return NULL;
}

static void assert_address(const NetPlanLink *link, size_t i, const char *expected)
{
        char text[ADDRESS_TEXT_BYTES];

        assert_true(i < link->n_addresses);
        assert_string_equal(address_format_prefix(&link->addresses[i].address, text), expected);
}

static void assert_route(const NetPlanLink *link, size_t i, const char *expected)
{
        char text[NETWORK_ROUTE_TEXT_BYTES];

        assert_true(i < link->n_routes);
        assert_string_equal(network_route_format(&link->routes[i].route, text), expected);
}

static void test_a_static_nic_alone(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 1, "ens3", 0);
        test_net_nic(&bed.net, 2, "ens4", 0);
        test_net_address(&bed.net, 1, "192.0.2.7/24", IFA_F_PERMANENT);
        test_net_address(&bed.net, 1, "192.0.2.99/24", IFA_F_PERMANENT | IFA_F_SECONDARY);
        test_net_address(&bed.net, 2, "198.51.100.7/24", IFA_F_PERMANENT);
        test_net_route(&bed.net, 1, "192.0.2.0/24", NULL, RTPROT_KERNEL, 0);
        test_net_route(&bed.net, 1, "0.0.0.0/0", "192.0.2.1", RTPROT_STATIC, 0);
        test_net_route(&bed.net, 2, "10.0.0.0/8", "198.51.100.1", RTPROT_STATIC, 0);

        assert_int_equal(plan(&bed, 1, "203.0.113.5", "192.0.2.1", "192.0.2.7"), 1);
        /* Once more, and one beside it, change nothing. */
        assert_int_equal(plan(&bed, 1, "203.0.113.5", "192.0.2.1", "192.0.2.7"), 1);
        assert_int_equal(plan(&bed, 1, "192.0.2.20", NULL, "192.0.2.7"), 1);
        assert_links(&bed, "ens3");
        link = planned(&bed, "ens3");
        assert_int_equal(link->ipv4, NET_METHOD_STATIC);
        assert_int_equal(link->ipv6, NET_METHOD_NONE);
        assert_int_equal(link->n_addresses, 1);
        assert_address(link, 0, "192.0.2.7/24");
        assert_int_equal(link->n_routes, 1);
        assert_route(link, 0, "0.0.0.0/0 via 192.0.2.1");
        assert_false(link->routes[0].dynamic);
        assert_false(link->routes[0].on_link);
}

static void test_a_lease_is_told_by_its_lifetime(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 1, "ens3", 0);
        test_net_address(&bed.net, 1, "192.0.2.7/24", 0);
        /* As dhclient's script leaves it. */
        test_net_route(&bed.net, 1, "0.0.0.0/0", "192.0.2.1", RTPROT_BOOT, 0);
        test_net_route(&bed.net, 1, "10.0.0.0/8", "192.0.2.3", RTPROT_STATIC, 0);

        assert_int_equal(plan(&bed, 1, "10.1.2.3", "192.0.2.3", "192.0.2.7"), 1);
        link = planned(&bed, "ens3");
        assert_int_equal(link->ipv4, NET_METHOD_DYNAMIC);
        assert_true(link->addresses[0].dynamic);
        assert_int_equal(link->n_routes, 2);
        assert_route(link, 0, "10.0.0.0/8 via 192.0.2.3");
        assert_false(link->routes[0].dynamic);
        assert_route(link, 1, "0.0.0.0/0 via 192.0.2.1");
        assert_true(link->routes[1].dynamic);
}

static void test_a_lease_without_end_is_told_by_its_routes(void **state)
{
        static const struct {
                const char *source; /* of the route */
                NetMethod method;
        } table[] = {
                { "192.0.2.7", NET_METHOD_DYNAMIC },
                { "192.0.2.8", NET_METHOD_STATIC },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };
                const NetPlanLink *link;

                test_net_nic(&bed.net, 1, "ens3", 0);
                test_net_address(&bed.net, 1, "192.0.2.7/24", IFA_F_PERMANENT);
                test_net_lease_route(&bed.net, 1, "0.0.0.0/0", "192.0.2.1", table[i].source);
                assert_int_equal(plan(&bed, 1, "203.0.113.5", "192.0.2.1", "192.0.2.7"), 1);
                link = planned(&bed, "ens3");
                assert_int_equal(link->ipv4, table[i].method);
                assert_int_equal(link->addresses[0].dynamic, table[i].method == NET_METHOD_DYNAMIC);
                /* Without a server to ask, the route must be written down, too. */
                assert_route(link, 0, "0.0.0.0/0 via 192.0.2.1");
                assert_int_equal(link->routes[0].dynamic, table[i].method == NET_METHOD_DYNAMIC);
        }
}

static void test_rules_and_other_tables_become_a_route_of_their_own(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 1, "ens3", 0);
        test_net_address(&bed.net, 1, "192.0.2.7/32", IFA_F_PERMANENT);
        test_net_route(&bed.net, 1, "0.0.0.0/0", "192.0.2.1", RTPROT_STATIC, 0);

        assert_int_equal(plan(&bed, 1, "203.0.113.5", "172.16.0.1", "192.0.2.7"), 1);
        link = planned(&bed, "ens3");
        assert_route(link, 0, "203.0.113.5/32 via 172.16.0.1");
        assert_true(link->routes[0].on_link);
        assert_route(link, 1, "0.0.0.0/0 via 192.0.2.1");
        assert_true(link->routes[1].on_link);
}

static void test_the_longest_prefix_then_the_metric_decides(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 1, "ens3", 0);
        test_net_address(&bed.net, 1, "192.0.2.7/24", IFA_F_PERMANENT);
        test_net_route(&bed.net, 1, "10.0.0.0/8", "192.0.2.2", RTPROT_STATIC, 0);
        test_net_route(&bed.net, 1, "10.1.0.0/16", "192.0.2.3", RTPROT_STATIC, 50);
        test_net_route(&bed.net, 1, "10.1.0.0/16", "192.0.2.4", RTPROT_STATIC, 10);
        test_net_route(&bed.net, 1, "0.0.0.0/0", "192.0.2.8", RTPROT_STATIC, 200);
        test_net_route(&bed.net, 1, "0.0.0.0/0", "192.0.2.9", RTPROT_STATIC, 100);

        assert_int_equal(plan(&bed, 1, "10.1.2.3", "192.0.2.4", "192.0.2.7"), 1);
        link = planned(&bed, "ens3");
        assert_int_equal(link->n_routes, 2);
        assert_route(link, 0, "10.1.0.0/16 via 192.0.2.4");
        assert_route(link, 1, "0.0.0.0/0 via 192.0.2.9");
}

static void test_an_address_of_another_link_has_no_network(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 2, "ens3", 0);
        test_net_address(&bed.net, 1, "10.255.0.1/24", IFA_F_PERMANENT);
        assert_int_equal(plan(&bed, 2, "203.0.113.5", "172.16.0.1", "10.255.0.1"), 1);
        link = planned(&bed, "ens3");
        assert_address(link, 0, "10.255.0.1/32");
        assert_int_equal(link->ipv4, NET_METHOD_STATIC);
        assert_true(link->routes[0].on_link);
}

static void test_ipv6_follows_the_router(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 1, "ens3", 0);
        test_net_address(&bed.net, 1, "2001:db8::dead:beef/64", IFA_F_TEMPORARY);
        test_net_address(&bed.net, 1, "2001:db8::5054:ff:fe00:1/64", IFA_F_MANAGETEMPADDR);
        test_net_route(&bed.net, 1, "::/0", "fe80::1", RTPROT_KERNEL, 1024);

        assert_int_equal(plan(&bed, 1, "2001:db8:5::1", "fe80::1", "2001:db8::dead:beef"), 1);
        link = planned(&bed, "ens3");
        assert_int_equal(link->ipv6, NET_METHOD_DYNAMIC);
        assert_int_equal(link->ipv4, NET_METHOD_NONE);
        /* Not the temporary one. */
        assert_int_equal(link->n_addresses, 1);
        assert_address(link, 0, "2001:db8::5054:ff:fe00:1/64");
        assert_route(link, 0, "::/0 via fe80::1");
        assert_true(link->routes[0].dynamic);
        assert_false(link->routes[0].on_link);
}

static void test_a_static_address_with_an_announced_way_out(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 1, "ens3", 0);
        test_net_address(&bed.net, 1, "2001:db8::7/64", IFA_F_PERMANENT);
        test_net_route(&bed.net, 1, "::/0", "fe80::1", RTPROT_RA, 1024);
        assert_int_equal(plan(&bed, 1, "2001:db8:5::1", "fe80::1", "2001:db8::7"), 1);
        link = planned(&bed, "ens3");
        assert_int_equal(link->ipv6, NET_METHOD_DYNAMIC);
        assert_false(link->addresses[0].dynamic);
        assert_true(link->routes[0].dynamic);
}

static void test_a_link_local_target_needs_no_address(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const NetPlanLink *link;

        test_net_nic(&bed.net, 1, "ens3", 0);
        test_net_address(&bed.net, 1, "fe80::7/64", IFA_F_PERMANENT);
        assert_int_equal(plan(&bed, 1, "fe80::1", NULL, "fe80::7"), 1);
        link = planned(&bed, "ens3");
        assert_int_equal(link->ipv6, NET_METHOD_STATIC);
        assert_int_equal(link->n_addresses, 0);
        assert_int_equal(link->n_routes, 0);
}

static void put_bond(TestNet *net, uint32_t index, const char *name)
{
        test_net_kind(net, index, name, "bond", 0);
}

static void test_a_vlan_on_a_bond_brings_all_ports(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        _cleanup_strv_ char **drivers = NULL;

        test_net_nic(&bed.net, 1, "ens3", 4);
        test_net_nic(&bed.net, 2, "ens4", 4);
        test_net_nic(&bed.net, 3, "ens5", 0);
        put_bond(&bed.net, 4, "bond0");
        test_net_vlan(&bed.net, 5, "bond0.7", 4, 7, ETH_P_8021Q);
        test_net_vlan(&bed.net, 6, "bond0.8", 4, 8, ETH_P_8021Q);
        test_net_address(&bed.net, 5, "192.0.2.7/24", IFA_F_PERMANENT);

        assert_int_equal(plan(&bed, 5, "192.0.2.20", NULL, "192.0.2.7"), 1);
        assert_links(&bed, "bond0 bond0.7 ens3 ens4");
        assert_ptr_equal(planned(&bed, "ens3")->master, planned(&bed, "bond0")->link);
        assert_ptr_equal(planned(&bed, "ens4")->master, planned(&bed, "bond0")->link);
        assert_int_equal(planned(&bed, "bond0")->n_ports, 2);
        assert_int_equal(planned(&bed, "bond0")->n_vlans, 1);
        assert_ptr_equal(planned(&bed, "bond0")->vlans[0], planned(&bed, "bond0.7")->link);
        assert_int_equal(planned(&bed, "bond0")->ipv4, NET_METHOD_NONE);
        assert_int_equal(planned(&bed, "bond0.7")->n_addresses, 1);

        assert_int_equal(net_plan_link_drivers(planned(&bed, "bond0"), &drivers), 0);
        assert_int_equal(net_plan_link_drivers(planned(&bed, "bond0.7"), &drivers), 0);
        assert_true(strv_contains(drivers, "bonding"));
        assert_true(strv_contains(drivers, "8021q"));
        assert_true(strv_contains(drivers, "af_packet"));
        assert_false(strv_contains(drivers, "bridge"));
}

static void test_a_bridge_brings_only_what_leads_out(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        test_net_kind(&bed.net, 1, "br0", "bridge", 0);
        test_net_nic(&bed.net, 2, "ens3", 1);
        test_net_kind(&bed.net, 3, "vnet0", "tun", 1);
        test_net_kind(&bed.net, 4, "veth1", "veth", 1);
        test_net_kind(&bed.net, 5, "vx0", "vxlan", 1);
        test_net_address(&bed.net, 1, "192.0.2.7/24", IFA_F_PERMANENT);
        assert_int_equal(plan(&bed, 1, "192.0.2.20", NULL, "192.0.2.7"), 1);
        assert_links(&bed, "br0 ens3");
        assert_int_equal(planned(&bed, "br0")->n_ports, 1);
        assert_ptr_equal(planned(&bed, "ens3")->master, planned(&bed, "br0")->link);
}

static void test_what_cannot_be_set_up_is_refused_by_name(void **state)
{
        static const struct {
                const char *kind;
                bool as_port;
                int r;
                const char *words;
        } table[] = {
                { "team", false, -EOPNOTSUPP, "'x0' is a team device" },
                { "openvswitch", false, -EOPNOTSUPP, "'x0' belongs to Open vSwitch" },
                { "wireguard", false, -EOPNOTSUPP, "'x0' is of a kind" },
                /* They may be in the middle of being set up. */
                { "bridge", false, -ENODEV, "'x0' has no port" },
                { "bond", false, -ENODEV, "'x0' has no port" },
                { "vlan", false, -ENODEV, "'x0' is a VLAN of an interface that is gone" },
                { "team", true, -EOPNOTSUPP, "'x0' is a team device" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };
                int r;

                test_net_kind(&bed.net, 1, "x0", table[i].kind, table[i].as_port ? 2 : 0);
                put_bond(&bed.net, 2, "bond0");
                r = plan(&bed, table[i].as_port ? 2 : 1, "192.0.2.20", NULL, NULL);
                if (r != table[i].r)
                        fail_msg("row %zu: %d", i, r);
                if (!strstr(bed.message, table[i].words))
                        fail_msg("row %zu: %s", i, bed.message);
        }
}

static void test_only_wired_ethernet_will_do(void **state)
{
        static const struct {
                unsigned type;
                bool wireless, without_mac;
                const char *words;
        } table[] = {
                { ARPHRD_INFINIBAND, false, false, "InfiniBand" },
                { ARPHRD_PPP, false, false, "no Ethernet" },
                { ARPHRD_ETHER, true, false, "wireless" },
                { ARPHRD_ETHER, false, true, "no hardware address" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };

                test_net_nic(&bed.net, 1, "x0", 0);
                test_net_facts(&bed.net, &bed.facts);
                bed.facts.links[0].type = table[i].type;
                bed.facts.links[0].wireless = table[i].wireless;
                if (table[i].without_mac)
                        bed.facts.links[0].has_mac = bed.facts.links[0].has_permanent_mac = false;
                assert_int_equal(plan(&bed, 1, "192.0.2.20", NULL, NULL), -EOPNOTSUPP);
                assert_non_null(strstr(bed.message, table[i].words));
        }
}

static void test_a_loop_of_links_ends(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        /* Each is a VLAN on the other. */
        test_net_vlan(&bed.net, 1, "a", 2, 1, ETH_P_8021Q);
        test_net_vlan(&bed.net, 2, "b", 1, 1, ETH_P_8021Q);
        assert_int_equal(plan(&bed, 1, "192.0.2.20", NULL, NULL), 1);
        assert_links(&bed, "a b");
}

static void test_too_deep_a_stack_is_refused(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        for (uint32_t i = 1; i < 30; i++) {
                char name[IF_NAMESIZE];

                (void) snprintf(name, sizeof(name), "v%u", i);
                test_net_vlan(&bed.net, i, name, i + 1, 1, ETH_P_8021Q);
        }
        assert_int_equal(plan(&bed, 1, "192.0.2.20", NULL, NULL), -EOPNOTSUPP);
        assert_non_null(strstr(bed.message, "too deep"));
}

static void test_our_own_address_needs_nothing(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        NetRouteAnswer answer = { .link = 1, .local = true };

        assert_int_equal(net_plan_add(&bed.plan, &bed.facts, &answer, &bed.message), 0);
        assert_links(&bed, "");
        assert_int_equal(plan(&bed, 77, "192.0.2.20", NULL, NULL), -ENODEV);
        assert_non_null(strstr(bed.message, "77 is gone"));
}

static void test_twins_of_one_address_are_known(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        test_net_link(&bed.net, 1, "eth0", "52:54:00:00:00:01", "52:54:00:00:00:01");
        test_net_end(&bed.net);
        test_net_link(&bed.net, 2, "vf0", "52:54:00:00:00:01", "52:54:00:00:00:01");
        test_net_put_u32(&bed.net, IFLA_MASTER, 1);
        test_net_end(&bed.net);
        assert_int_equal(plan(&bed, 1, "192.0.2.20", NULL, NULL), 1);
        assert_links(&bed, "eth0");
        assert_true(planned(&bed, "eth0")->shares_mac);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_static_nic_alone),
                cmocka_unit_test(test_a_lease_is_told_by_its_lifetime),
                cmocka_unit_test(test_a_lease_without_end_is_told_by_its_routes),
                cmocka_unit_test(test_rules_and_other_tables_become_a_route_of_their_own),
                cmocka_unit_test(test_the_longest_prefix_then_the_metric_decides),
                cmocka_unit_test(test_an_address_of_another_link_has_no_network),
                cmocka_unit_test(test_ipv6_follows_the_router),
                cmocka_unit_test(test_a_static_address_with_an_announced_way_out),
                cmocka_unit_test(test_a_link_local_target_needs_no_address),
                cmocka_unit_test(test_a_vlan_on_a_bond_brings_all_ports),
                cmocka_unit_test(test_a_bridge_brings_only_what_leads_out),
                cmocka_unit_test(test_what_cannot_be_set_up_is_refused_by_name),
                cmocka_unit_test(test_only_wired_ethernet_will_do),
                cmocka_unit_test(test_a_loop_of_links_ends),
                cmocka_unit_test(test_too_deep_a_stack_is_refused),
                cmocka_unit_test(test_our_own_address_needs_nothing),
                cmocka_unit_test(test_twins_of_one_address_are_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
