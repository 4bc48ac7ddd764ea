/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net-facts.c on messages, files, and the kernel's own answers. */
#include "test-fixture.h"
#include "test-net.h"

#include <linux/if_ether.h>
#include <linux/if_link.h>

#include "strv.h"

static void test_links_are_told_apart(void **state)
{
        static TestNet net;
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        const NetLink *link;

        test_net_nic(&net, 1, "ens3", 5);
        test_net_vlan(&net, 2, "ens3.7", 1, 7, ETH_P_8021AD);
        test_net_kind(&net, 3, "veth0", "veth", 0);
        test_net_kind(&net, 4, "br0", "bridge", 0);
        test_net_facts(&net, &facts);

        assert_int_equal(facts.n_links, 4);
        link = net_facts_link(&facts, 1);
        assert_non_null(link);
        assert_int_equal(link->kind, NET_KIND_NIC);
        assert_string_equal(link->name, "ens3");
        assert_int_equal(link->master, 5);
        assert_int_equal(link->mtu_bytes, 1500);
        assert_true(link->has_mac && link->has_permanent_mac);
        assert_int_equal(link->permanent_mac[5], 1);
        link = net_facts_link(&facts, 2);
        assert_int_equal(link->kind, NET_KIND_VLAN);
        assert_int_equal(link->parent, 1);
        assert_int_equal(link->vlan.id, 7);
        assert_int_equal(link->vlan.protocol, ETH_P_8021AD);
        assert_false(link->has_permanent_mac);
        link = net_facts_link(&facts, 3);
        assert_int_equal(link->kind, NET_KIND_OTHER);
        assert_string_equal(link->kind_name, "veth");
        assert_int_equal(net_facts_link(&facts, 4)->kind, NET_KIND_BRIDGE);
        assert_null(net_facts_link(&facts, 9));
}

static void test_a_bonds_options_are_read(void **state)
{
        static TestNet net;
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        const NetBond *bond;

        test_net_link(&net, 1, "bond0", "52:54:00:00:00:01", NULL);
        test_net_nest(&net, IFLA_LINKINFO);
        test_net_put_text(&net, IFLA_INFO_KIND, "bond");
        test_net_nest(&net, IFLA_INFO_DATA);
        test_net_put_u8(&net, IFLA_BOND_MODE, 4);
        test_net_put_u32(&net, IFLA_BOND_MIIMON, 100);
        test_net_put_u16(&net, IFLA_BOND_AD_ACTOR_SYS_PRIO, 65535);
        test_net_put_u32(&net, IFLA_BOND_PRIMARY, 3);
        test_net_nest(&net, IFLA_BOND_ARP_IP_TARGET);
        test_net_put_address(&net, 0, "192.0.2.1");
        test_net_put_address(&net, 1, "192.0.2.2");
        test_net_end(&net);
        test_net_put_u32(&net, IFLA_BOND_MAX + 7, 1);
        test_net_end(&net);
        test_net_end(&net);
        test_net_end(&net);
        test_net_facts(&net, &facts);

        bond = &net_facts_link(&facts, 1)->bond;
        assert_int_equal(bond->options[NET_BOND_MODE], 4);
        assert_int_equal(bond->options[NET_BOND_MIIMON_MSEC], 100);
        assert_int_equal(bond->options[NET_BOND_AD_ACTOR_SYS_PRIO], 65535);
        assert_int_equal(bond->options[NET_BOND_PRIMARY], 3);
        assert_int_equal(bond->n_arp_targets, 2);
        assert_memory_equal(bond->arp_targets[1], ((uint8_t[]){ 192, 0, 2, 2 }), 4);
}

static void test_addresses_have_their_far_end(void **state)
{
        const struct ifaddrmsg info = { .ifa_family = AF_INET,
                                        .ifa_prefixlen = 32,
                                        .ifa_index = 3 };
        static TestNet net;
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        char text[ADDRESS_TEXT_BYTES];

        test_net_address(&net, 1, "192.0.2.7/24", IFA_F_PERMANENT);
        test_net_address(&net, 2, "2001:db8::7/64", IFA_F_MANAGETEMPADDR);
        test_net_begin(&net, RTM_NEWADDR, &info, sizeof(info));
        test_net_put_address(&net, IFA_ADDRESS, "10.0.0.2");
        test_net_put_address(&net, IFA_LOCAL, "10.0.0.1");
        test_net_end(&net);
        test_net_facts(&net, &facts);

        assert_int_equal(facts.n_addresses, 3);
        assert_string_equal(address_format_prefix(&facts.addresses[0].address, text),
                            "192.0.2.7/24");
        assert_int_equal(facts.addresses[0].peer.family, 0);
        assert_int_equal(facts.addresses[0].flags, IFA_F_PERMANENT);
        assert_string_equal(address_format_prefix(&facts.addresses[1].address, text),
                            "2001:db8::7/64");
        assert_int_equal(facts.addresses[1].flags, IFA_F_MANAGETEMPADDR);
        assert_string_equal(address_format(&facts.addresses[2].address, text), "10.0.0.1");
        assert_string_equal(address_format(&facts.addresses[2].peer, text), "10.0.0.2");
        assert_int_equal(facts.addresses[2].link, 3);
}

static void test_only_unicast_routes_of_the_main_table_count(void **state)
{
        const struct rtmsg local = { .rtm_family = AF_INET,
                                     .rtm_table = RT_TABLE_LOCAL,
                                     .rtm_type = RTN_UNICAST };
        const struct rtmsg hole = { .rtm_family = AF_INET,
                                    .rtm_table = RT_TABLE_MAIN,
                                    .rtm_type = RTN_BLACKHOLE };
        static TestNet net;
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        char text[ADDRESS_TEXT_BYTES];

        test_net_begin(&net, RTM_NEWROUTE, &local, sizeof(local));
        test_net_put_u32(&net, RTA_OIF, 1);
        test_net_end(&net);
        test_net_begin(&net, RTM_NEWROUTE, &hole, sizeof(hole));
        test_net_put_u32(&net, RTA_OIF, 1);
        test_net_end(&net);
        test_net_route(&net, 1, "0.0.0.0/0", "192.0.2.1", RTPROT_DHCP, 100);
        test_net_route(&net, 1, "2001:db8:1::/48", "fe80::1", RTPROT_STATIC, 1024);
        test_net_facts(&net, &facts);

        assert_int_equal(facts.n_routes, 2);
        assert_int_equal(facts.routes[0].to.prefix_bits, 0);
        assert_int_equal(facts.routes[0].metric, 100);
        assert_int_equal(facts.routes[0].protocol, RTPROT_DHCP);
        assert_string_equal(address_format(&facts.routes[1].gateway, text), "fe80::1");
        assert_string_equal(address_format_prefix(&facts.routes[1].to, text), "2001:db8:1::/48");
}

static void test_a_full_table_leaves_room_for_defaults(void **state)
{
        static TestNet net;
        _cleanup_(net_facts_done) NetFacts facts = { 0 };

        for (unsigned i = 0; i < NET_ROUTES_MAX; i++) {
                char to[ADDRESS_TEXT_BYTES];

                net.size = 0;
                (void) snprintf(to, sizeof(to), "10.%u.%u.0/24", i / 256, i % 256);
                test_net_route(&net, 1, to, "192.0.2.1", RTPROT_BGP, 20);
                test_net_facts(&net, &facts);
        }
        net.size = 0;
        test_net_route(&net, 1, "0.0.0.0/0", "192.0.2.1", RTPROT_STATIC, 0);
        test_net_facts(&net, &facts);
        assert_int_equal(facts.n_routes, NET_ROUTES_MAX / 2 + 1);
        assert_int_equal(facts.routes[facts.n_routes - 1].to.prefix_bits, 0);
}

static void test_what_makes_no_sense_is_refused(void **state)
{
        static TestNet net;
        const size_t cuts[] = { 1, 15, 17, 20, 35 };
        const struct ifinfomsg none = { 0 };

        /* Cut anywhere. */
        test_net_nic(&net, 1, "ens3", 0);
        for (size_t i = 0; i < ELEMENTSOF(cuts); i++) {
                _cleanup_(net_facts_done) NetFacts facts = { 0 };

                assert_int_equal(net_facts_add_messages(&facts, net.data, cuts[i]), -EBADMSG);
        }
        /* Every length that an attribute may lie about. */
        for (size_t i = sizeof(struct nlmsghdr) + sizeof(none); i < net.size; i++) {
                _cleanup_(net_facts_done) NetFacts facts = { 0 };
                uint8_t saved = net.data[i];

                net.data[i] = 0xff;
                (void) net_facts_add_messages(&facts, net.data, net.size);
                net.data[i] = 0;
                (void) net_facts_add_messages(&facts, net.data, net.size);
                net.data[i] = saved;
        }
        /* No index, no name, a name that leads out of its folder. */
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(net_facts_done) NetFacts facts = { 0 };

                net.size = 0;
                test_net_link(&net, i == 0 ? 0 : 1,
                              i == 1   ? ""
                              : i == 2 ? "../x"
                                       : "ens3",
                              NULL, NULL);
                test_net_end(&net);
                assert_int_equal(net_facts_add_messages(&facts, net.data, net.size), -EBADMSG);
        }
}

static void test_drivers_and_leases_come_from_files(void **state)
{
        _cleanup_(fixture_done) Fixture fixture = FIXTURE_NULL;
        static TestNet net;
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        const NetLink *link;

        fixture_init(&fixture);
        fixture_folder(&fixture, "/sys/bus/virtio/drivers/virtio_net");
        fixture_folder(&fixture, "/sys/module/virtio_net");
        fixture_folder(&fixture, "/sys/module/virtio_pci");
        fixture_folder(&fixture, "/sys/devices/pci0/virtio1/net/ens3");
        fixture_link(&fixture, "/sys/class/net/ens3", "/sys/devices/pci0/virtio1/net/ens3");
        fixture_link(&fixture, "/sys/devices/pci0/virtio1/net/ens3/device", "../..");
        fixture_link(&fixture, "/sys/devices/pci0/virtio1/driver",
                     "/sys/bus/virtio/drivers/virtio_net");
        fixture_link(&fixture, "/sys/bus/virtio/drivers/virtio_net/module",
                     "/sys/module/virtio_net");
        fixture_folder(&fixture, "/sys/bus/pci/drivers/virtio-pci");
        fixture_link(&fixture, "/sys/devices/pci0/driver", "/sys/bus/pci/drivers/virtio-pci");
        fixture_link(&fixture, "/sys/bus/pci/drivers/virtio-pci/module", "/sys/module/virtio_pci");
        fixture_folder(&fixture, "/sys/class/net/wlan0/phy80211");
        fixture_write(&fixture, "/run/systemd/netif/leases/1",
                      "ADDRESS=192.0.2.7\nCLIENTID=ff0011223300020000ab11\n");
        fixture_write(&fixture, "/run/systemd/netif/leases/2", "CLIENTID=xyz\n");

        test_net_nic(&net, 1, "ens3", 0);
        test_net_nic(&net, 2, "wlan0", 0);
        test_net_facts(&net, &facts);
        assert_int_equal(net_facts_add_files(&facts, fixture.fd), 0);

        link = net_facts_link(&facts, 1);
        assert_string_equal(link->driver, "virtio_net");
        assert_int_equal(strv_length(link->drivers), 2);
        assert_true(strv_contains(link->drivers, "virtio_net"));
        assert_true(strv_contains(link->drivers, "virtio_pci"));
        assert_string_equal(link->client_id, "ff0011223300020000ab11");
        assert_false(link->wireless);
        link = net_facts_link(&facts, 2);
        assert_true(link->wireless);
        assert_null(link->client_id);
        assert_null(link->driver);
}

static void test_the_kernel_answers(void **state)
{
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_close_ int root_fd = test_root_open("/");
        int r;

        r = net_facts_read(root_fd, &facts);
        if (r == -EAFNOSUPPORT || r == -EPROTONOSUPPORT || r == -EACCES)
                skip();
        assert_int_equal(r, 0);
        /* The loopback device is everywhere, and always the first. */
        assert_non_null(net_facts_link(&facts, 1));
        assert_string_equal(net_facts_link(&facts, 1)->name, "lo");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_links_are_told_apart),
                cmocka_unit_test(test_a_bonds_options_are_read),
                cmocka_unit_test(test_addresses_have_their_far_end),
                cmocka_unit_test(test_only_unicast_routes_of_the_main_table_count),
                cmocka_unit_test(test_a_full_table_leaves_room_for_defaults),
                cmocka_unit_test(test_what_makes_no_sense_is_refused),
                cmocka_unit_test(test_drivers_and_leases_come_from_files),
                cmocka_unit_test(test_the_kernel_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
