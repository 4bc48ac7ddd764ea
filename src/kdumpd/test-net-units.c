/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net-units.c: a plan in the words of systemd-networkd. */
#include "test-net.h"

#include <linux/if_addr.h>
#include <linux/if_bonding.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>

#include "net-units.h"

typedef struct Bed {
        NetLink link, master;
        NetPlanLink planned;
        NetPlanAddress addresses[2];
        NetPlanRoute routes[2];
        NetFile *files;
        size_t n_files;
} Bed;

static void bed_done(Bed *bed)
{
        for (size_t i = 0; i < bed->n_files; i++)
                net_file_done(&bed->files[i]);
        free(bed->files);
}

static void bed_init(Bed *bed, NetKind kind, const char *name)
{
        static const char *const names[_NET_KIND_MAX] = { "", "vlan", "bond", "bridge", "" };

        bed->link = (NetLink){ .index = 1, .kind = kind, .mtu_bytes = 1500, .has_mac = true };
        memcpy(bed->link.mac, (uint8_t[]){ 0x52, 0x54, 0, 0, 0, 1 }, MAC_BYTES);
        memcpy(bed->link.permanent_mac, bed->link.mac, MAC_BYTES);
        bed->link.has_permanent_mac = kind == NET_KIND_NIC;
        (void) snprintf(bed->link.name, sizeof(bed->link.name), "%s", name);
        (void) snprintf(bed->link.kind_name, sizeof(bed->link.kind_name), "%s", names[kind]);
        bed->planned = (NetPlanLink){
                .link = &bed->link,
                .addresses = bed->addresses,
                .routes = bed->routes,
        };
}

static void add_address(Bed *bed, const char *text, bool dynamic)
{
        NetPlanAddress *address = &bed->addresses[bed->planned.n_addresses++];

        address->dynamic = dynamic;
        assert_int_equal(address_parse(text, &address->address), 0);
}

static void add_route(Bed *bed, const char *text, bool dynamic, bool on_link)
{
        NetPlanRoute *route = &bed->routes[bed->planned.n_routes++];

        route->dynamic = dynamic;
        route->on_link = on_link;
        assert_int_equal(network_route_parse(text, &route->route), 0);
}

static void make(Bed *bed, const char *hostname)
{
        assert_int_equal(net_units_add(&bed->planned, hostname, &bed->files, &bed->n_files), 0);
}

/* The text of the file whose path ends with @ending. */
static const char *text(const Bed *bed, const char *ending)
{
        for (size_t i = 0; i < bed->n_files; i++) {
                const char *path = bed->files[i].path;
                size_t n = strlen(path), m = strlen(ending);

                if (n >= m && streq(path + n - m, ending))
                        return bed->files[i].text;
        }
        fail_msg("no file '%s'", ending);
        return "";
}

static void assert_has(const char *unit, const char *line)
{
        char whole[256];

        (void) snprintf(whole, sizeof(whole), "\n%s\n", line);
        if (!strstr(unit, whole))
                fail_msg("'%s' is not in:\n%s", line, unit);
}

static void assert_lacks(const char *unit, const char *words)
{
        assert_true(unit && words);
        if (strstr(unit, words))
                fail_msg("'%s' is in:\n%s", words, unit);
}

static void test_a_static_nic(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init(&bed, NET_KIND_NIC, "ens3");
        bed.planned.ipv4 = NET_METHOD_STATIC;
        add_address(&bed, "192.0.2.7/24", false);
        add_route(&bed, "0.0.0.0/0 via 192.0.2.1", false, false);
        add_route(&bed, "10.0.0.0/8", false, false);
        make(&bed, "host");

        assert_int_equal(bed.n_files, 2);
        assert_string_equal(text(&bed, "/etc/systemd/network/20-kdump-ens3.link"),
                            "[Match]\nPermanentMACAddress=52:54:00:00:00:01\n"
                            "\n[Link]\nName=ens3\n");
        assert_string_equal(text(&bed, "/etc/systemd/network/20-kdump-ens3.network"),
                            "[Match]\nPermanentMACAddress=52:54:00:00:00:01\n"
                            "\n[Link]\nMTUBytes=1500\n"
                            "\n[Network]\nLLDP=no\nIPv6PrivacyExtensions=no\n"
                            "IgnoreCarrierLoss=yes\nKeepConfiguration=yes\n"
                            "LinkLocalAddressing=no\nIPv6AcceptRA=no\n"
                            "\n[Address]\nAddress=192.0.2.7/24\nDuplicateAddressDetection=none\n"
                            "\n[Route]\nDestination=0.0.0.0/0\nGateway=192.0.2.1\n"
                            "\n[Route]\nDestination=10.0.0.0/8\nScope=link\n");
}

static void test_a_lease_is_asked_for_as_the_same_client(void **state)
{
        static const struct {
                const char *client_id, *hostname;
                const char *has[3];
        } table[] = {
                { NULL, NULL, { "ClientIdentifier=mac", "SendHostname=no", "DHCP=ipv4" } },
                { "0152540000000001",
                  "web1",
                  { "ClientIdentifier=mac", "SendHostname=yes", "Hostname=web1" } },
                { "ff00112233000200ab11cd0102030405060708",
                  NULL,
                  { "ClientIdentifier=duid", "IAID=1122867", "DUIDType=vendor" } },
                { "ff00112233000200ab11cd0102030405060708",
                  NULL,
                  { "DUIDRawData=00:ab:11:cd:01:02:03:04:05:06:07:08", "SendRelease=no",
                    "UseDNS=no" } },
        };

        /* Of a type that there is no word for, of a wrong length, and cut off. */
        static const char *const others[] = { "ff00112233000900ab11cd", "ff00112233000200ab11cd",
                                              "ff001122330002", "ff00" };

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };

                bed_init(&bed, NET_KIND_NIC, "eth0");
                bed.planned.ipv4 = NET_METHOD_DYNAMIC;
                bed.link.client_id = (char *) others[i];
                make(&bed, NULL);
                assert_has(text(&bed, ".network"), "ClientIdentifier=mac");
                assert_lacks(text(&bed, ".network"), "DUID");
        }
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };
                const char *unit;

                bed_init(&bed, NET_KIND_NIC, "eth0");
                bed.planned.ipv4 = NET_METHOD_DYNAMIC;
                bed.link.client_id = (char *) table[i].client_id;
                add_address(&bed, "192.0.2.7/24", true);
                add_route(&bed, "0.0.0.0/0 via 192.0.2.1", true, false);
                add_route(&bed, "10.0.0.0/8 via 192.0.2.3", false, false);
                make(&bed, table[i].hostname);
                /* "eth0" is no name to give. */
                assert_int_equal(bed.n_files, 1);
                unit = text(&bed, "20-kdump-eth0.network");
                for (size_t j = 0; j < ELEMENTSOF(table[i].has); j++)
                        assert_has(unit, table[i].has[j]);
                /* What the server says is not said here. */
                assert_lacks(unit, "192.0.2.7");
                assert_lacks(unit, "192.0.2.1\n");
                assert_has(unit, "Gateway=192.0.2.3");
        }
}

static void test_ipv6_keeps_its_half_of_the_address(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const char *unit;

        bed_init(&bed, NET_KIND_NIC, "ens3");
        bed.planned.ipv6 = NET_METHOD_DYNAMIC;
        add_address(&bed, "2001:db8::1234:5678:9abc:def0/64", true);
        add_route(&bed, "::/0 via fe80::1", true, false);
        make(&bed, NULL);
        unit = text(&bed, ".network");
        assert_has(unit, "LinkLocalAddressing=ipv6");
        assert_has(unit, "IPv6AcceptRA=yes");
        assert_has(unit, "Token=static:::1234:5678:9abc:def0");
        assert_lacks(unit, "2001:db8");
        assert_lacks(unit, "fe80::1");
        assert_lacks(unit, "DHCP=");
}

static void test_static_ipv6(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        const char *unit;

        bed_init(&bed, NET_KIND_NIC, "ens3");
        bed.planned.ipv6 = NET_METHOD_STATIC;
        add_address(&bed, "2001:db8::7/128", false);
        bed.addresses[0].peer = bed.addresses[0].address;
        add_route(&bed, "::/0 via 2001:db8:9::1", false, true);
        add_route(&bed, "2001:db8:8::/48", false, false);
        make(&bed, NULL);
        unit = text(&bed, ".network");
        assert_has(unit, "Address=2001:db8::7/128");
        assert_has(unit, "Peer=2001:db8::7/128");
        assert_has(unit, "IPv6AcceptRA=no");
        assert_has(unit, "Gateway=2001:db8:9::1");
        assert_has(unit, "GatewayOnLink=yes");
        assert_lacks(unit, "Scope=");
}

static void test_a_nic_is_known_by_what_it_has(void **state)
{
        static const struct {
                bool permanent, shares, other;
                const char *has, *lacks;
        } table[] = {
                { true, false, false, "PermanentMACAddress=52:54:00:00:00:01", "Driver=" },
                { true, true, false, "Driver=hv_netvsc", "\nMACAddress=" },
                { false, false, false, "MACAddress=52:54:00:00:00:01", "Permanent" },
                { true, false, true, "MACAddress=52:54:00:00:00:ff", "Driver=" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };

                bed_init(&bed, NET_KIND_NIC, "ens3");
                bed.link.driver = (char *) "hv_netvsc";
                bed.link.has_permanent_mac = table[i].permanent;
                bed.planned.shares_mac = table[i].shares;
                if (table[i].other)
                        bed.link.mac[5] = 0xff;
                make(&bed, NULL);
                assert_has(text(&bed, ".network"), table[i].has);
                assert_lacks(text(&bed, ".network"), table[i].lacks);
        }
}

static void test_ports_name_their_master(void **state)
{
        static const struct {
                NetKind kind;
                uint32_t primary;
                const char *has, *lacks;
        } table[] = {
                { NET_KIND_BRIDGE, 0, "Bridge=m0", "PrimarySlave" },
                { NET_KIND_BOND, 7, "Bond=m0", "PrimarySlave" },
                { NET_KIND_BOND, 1, "PrimarySlave=yes", "Bridge" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };

                bed_init(&bed, NET_KIND_NIC, "ens3");
                bed.master = (NetLink){ .name = "m0", .kind = table[i].kind };
                if (table[i].kind == NET_KIND_BOND)
                        bed.master.bond.options[NET_BOND_PRIMARY] = table[i].primary;
                bed.planned.master = &bed.master;
                /* As a bond has it. */
                bed.link.mac[5] = 0xff;
                make(&bed, NULL);
                assert_has(text(&bed, ".network"), table[i].has);
                assert_lacks(text(&bed, ".network"), table[i].lacks);
                assert_lacks(text(&bed, ".network"), "\nMACAddress=");
        }
}

static void test_vlans(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 }, parent = { 0 };
        const NetLink *vlans[] = { &bed.link, NULL };

        bed_init(&bed, NET_KIND_VLAN, "ens3.7");
        bed.link.vlan = (NetVlan){ .id = 7, .protocol = ETH_P_8021AD, .flags = VLAN_FLAG_GVRP };
        make(&bed, NULL);
        assert_string_equal(text(&bed, "10-kdump-ens3.7.netdev"),
                            "[NetDev]\nName=ens3.7\nKind=vlan\nMACAddress=52:54:00:00:00:01\n"
                            "\n[VLAN]\nId=7\nProtocol=802.1ad\nGVRP=yes\nMVRP=no\n");
        assert_non_null(strstr(text(&bed, "10-kdump-ens3.7.network"), "[Match]\nName=ens3.7\n"));

        bed_init(&parent, NET_KIND_NIC, "ens3");
        parent.planned.vlans = vlans;
        parent.planned.n_vlans = 1;
        make(&parent, NULL);
        assert_has(text(&parent, ".network"), "VLAN=ens3.7");
}

static void test_a_bridge_with_one_way_out_needs_no_tree(void **state)
{
        for (size_t ports = 1; ports <= 2; ports++) {
                _cleanup_(bed_done) Bed bed = { 0 };
                const char *unit;

                bed_init(&bed, NET_KIND_BRIDGE, "br0");
                bed.link.bridge = (NetBridge){ .stp = 1,
                                               .priority = 32768,
                                               .forward_delay_csec = 1500,
                                               .hello_time_csec = 200,
                                               .max_age_csec = 2000 };
                bed.planned.n_ports = ports;
                make(&bed, NULL);
                unit = text(&bed, ".netdev");
                assert_has(unit, ports == 1 ? "STP=no" : "STP=yes");
                assert_has(unit, ports == 1 ? "ForwardDelaySec=0" : "ForwardDelaySec=15000ms");
                if (ports == 2)
                        assert_has(unit, "HelloTimeSec=2000ms");
        }
}

static void test_bonds_say_what_their_mode_allows(void **state)
{
        static const struct {
                uint32_t options[_NET_BOND_OPTION_MAX];
                size_t n_arp_targets;
                const char *section;
                bool has_mac;
        } table[] = {
                { { [NET_BOND_MODE] = BOND_MODE_8023AD,
                    [NET_BOND_MIIMON_MSEC] = 100,
                    [NET_BOND_UPDELAY_MSEC] = 200,
                    [NET_BOND_XMIT_HASH_POLICY] = 1,
                    [NET_BOND_AD_LACP_RATE] = 1,
                    [NET_BOND_AD_ACTOR_SYS_PRIO] = 65535,
                    [NET_BOND_PACKETS_PER_SLAVE] = 1 },
                  0,
                  "Mode=802.3ad\nTransmitHashPolicy=layer3+4\nLACPTransmitRate=fast\n"
                  "AdSelect=stable\nAdActorSystemPriority=65535\nMIIMonitorSec=100ms\n"
                  "UpDelaySec=200ms\n",
                  true },
                { { [NET_BOND_MODE] = BOND_MODE_ACTIVEBACKUP,
                    [NET_BOND_ARP_INTERVAL_MSEC] = 500,
                    [NET_BOND_ARP_VALIDATE] = 3,
                    [NET_BOND_FAIL_OVER_MAC] = 1,
                    [NET_BOND_AD_LACP_RATE] = 1 },
                  2,
                  "Mode=active-backup\nFailOverMACPolicy=active\nPrimaryReselectPolicy=always\n"
                  "ARPIntervalSec=500ms\nARPValidate=all\nARPAllTargets=any\n"
                  "ARPIPTargets=192.0.2.1 192.0.2.2\n",
                  false },
                { { [NET_BOND_MODE] = BOND_MODE_ROUNDROBIN, [NET_BOND_PACKETS_PER_SLAVE] = 1 },
                  0,
                  "Mode=balance-rr\nPacketsPerSlave=1\nMIIMonitorSec=100ms\n",
                  true },
                /* Of a kernel that has more than we know. */
                { { [NET_BOND_MODE] = 99, [NET_BOND_MIIMON_MSEC] = 100 }, 0, "", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed = { 0 };
                char expected[512];

                bed_init(&bed, NET_KIND_BOND, "bond0");
                memcpy(bed.link.bond.options, table[i].options, sizeof(table[i].options));
                bed.link.bond.n_arp_targets = table[i].n_arp_targets;
                for (uint8_t j = 0; j < table[i].n_arp_targets; j++)
                        memcpy(bed.link.bond.arp_targets[j],
                               ((uint8_t[]){ 192, 0, 2, (uint8_t) (j + 1) }), 4);
                make(&bed, NULL);
                (void) snprintf(expected, sizeof(expected),
                                "[NetDev]\nName=bond0\nKind=bond\n%s\n[Bond]\n%s",
                                table[i].has_mac ? "MACAddress=52:54:00:00:00:01\n" : "",
                                table[i].section);
                assert_string_equal(text(&bed, ".netdev"), expected);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_static_nic),
                cmocka_unit_test(test_a_lease_is_asked_for_as_the_same_client),
                cmocka_unit_test(test_ipv6_keeps_its_half_of_the_address),
                cmocka_unit_test(test_static_ipv6),
                cmocka_unit_test(test_a_nic_is_known_by_what_it_has),
                cmocka_unit_test(test_ports_name_their_master),
                cmocka_unit_test(test_vlans),
                cmocka_unit_test(test_a_bridge_with_one_way_out_needs_no_tree),
                cmocka_unit_test(test_bonds_say_what_their_mode_allows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
