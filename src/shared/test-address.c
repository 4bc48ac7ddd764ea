/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of address.c, mac.h and network-route.c: texts in and out, and networks. */
#include "test.h"

#include "address.h"
#include "mac.h"
#include "network-route.h"

static void test_addresses_are_read_and_written(void **state)
{
        static const struct {
                const char *text;
                int family; /* 0: refused */
                const char *plain, *prefix;
        } table[] = {
                { "192.0.2.1", AF_INET, "192.0.2.1", "192.0.2.1/32" },
                { "192.0.2.1/24", AF_INET, "192.0.2.1", "192.0.2.1/24" },
                { "0.0.0.0/0", AF_INET, "0.0.0.0", "0.0.0.0/0" },
                { "2001:DB8:0::1", AF_INET6, "2001:db8::1", "2001:db8::1/128" },
                { "[2001:db8::1]", AF_INET6, "2001:db8::1", "2001:db8::1/128" },
                { "fe80::1%eth0", AF_INET6, "fe80::1", "fe80::1/128" },
                { "fe80::1%eth0/64", AF_INET6, "fe80::1", "fe80::1/64" },
                { "[fe80::1%eth0]", AF_INET6, "fe80::1", "fe80::1/128" },
                { "::ffff:192.0.2.1", AF_INET6, "::ffff:192.0.2.1", "::ffff:192.0.2.1/128" },
                { "192.0.2.1/33", 0, NULL, NULL },
                { "192.0.2.1/", 0, NULL, NULL },
                { "192.0.2.1/-1", 0, NULL, NULL },
                { "2001:db8::1/129", 0, NULL, NULL },
                { "192.0.2.1%eth0", 0, NULL, NULL },
                { "192.0.2", 0, NULL, NULL },
                { "[192.0.2.1", 0, NULL, NULL },
                { "host.example", 0, NULL, NULL },
                { "", 0, NULL, NULL },
                { "2001:db8:1111:2222:3333:4444:5555:6666%averylonginterfacename-that-does-not-fit",
                  0, NULL, NULL },
        };
        char text[ADDRESS_TEXT_BYTES];
        Address address;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                int r = address_parse(table[i].text, &address);

                if (r != (table[i].family ? 0 : -EINVAL))
                        fail_msg("'%s': %d", table[i].text, r);
                if (r < 0)
                        continue;
                assert_int_equal(address.family, table[i].family);
                assert_string_equal(address_format(&address, text), table[i].plain);
                assert_string_equal(address_format_prefix(&address, text), table[i].prefix);
        }
        assert_int_equal(address_parse(NULL, &address), -EINVAL);
}

static void test_bytes_must_fit_their_family(void **state)
{
        static const uint8_t bytes[16] = { 192, 0, 2, 1 };
        Address address;

        assert_int_equal(address_from_bytes(AF_INET, bytes, 4, 24, &address), 0);
        assert_int_equal(address_from_bytes(AF_INET, bytes, 16, 24, &address), -EBADMSG);
        assert_int_equal(address_from_bytes(AF_INET, bytes, 4, 33, &address), -EBADMSG);
        assert_int_equal(address_from_bytes(AF_INET6, bytes, 16, 128, &address), 0);
        assert_int_equal(address_from_bytes(AF_UNIX, bytes, 0, 0, &address), -EBADMSG);
}

static void test_networks_cover_addresses(void **state)
{
        static const struct {
                const char *network, *address;
                bool covers;
        } table[] = {
                { "192.0.2.7/24", "192.0.2.200", true },
                { "192.0.2.7/24", "192.0.3.1", false },
                { "192.0.2.128/25", "192.0.2.127", false },
                { "192.0.2.128/25", "192.0.2.129", true },
                { "0.0.0.0/0", "203.0.113.9", true },
                { "0.0.0.0/0", "::1", false },
                { "192.0.2.7/32", "192.0.2.7", true },
                { "192.0.2.7/32", "192.0.2.6", false },
                { "2001:db8::/32", "2001:db8:ffff::1", true },
                { "2001:db8::/33", "2001:db8:8000::1", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Address network, address;

                assert_int_equal(address_parse(table[i].network, &network), 0);
                assert_int_equal(address_parse(table[i].address, &address), 0);
                if (address_covers(&network, &address) != table[i].covers)
                        fail_msg("row %zu", i);
        }
}

static void test_kinds_of_addresses(void **state)
{
        static const struct {
                const char *text;
                bool loopback, link_local;
        } table[] = {
                { "127.0.0.53", true, false }, { "192.0.2.1", false, false },
                { "::1", true, false },        { "::2", false, false },
                { "fe80::1", false, true },    { "febf::1", false, true },
                { "fec0::1", false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Address address;

                assert_int_equal(address_parse(table[i].text, &address), 0);
                assert_int_equal(address_is_loopback(&address), table[i].loopback);
                assert_int_equal(address_is_link_local(&address), table[i].link_local);
        }
}

static void test_routes_are_read_and_written(void **state)
{
        static const struct {
                const char *text, *written; /* NULL: refused */
        } table[] = {
                { "0.0.0.0/0 via 192.0.2.1", "0.0.0.0/0 via 192.0.2.1" },
                { "10.0.0.0/8", "10.0.0.0/8" },
                { "10.0.0.0/8 via fe80::1", "10.0.0.0/8 via fe80::1" },
                { "2001:db8::1", "2001:db8::1/128" },
                { "10.0.0.0/8 via", NULL },
                { "10.0.0.0/8 via x", NULL },
                { "x via 192.0.2.1", NULL },
                { " via 192.0.2.1", NULL },
                { "", NULL },
        };
        char text[NETWORK_ROUTE_TEXT_BYTES];

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                NetworkRoute route;
                int r = network_route_parse(table[i].text, &route);

                if (r != (table[i].written ? 0 : -EINVAL))
                        fail_msg("'%s': %d", table[i].text, r);
                if (r == 0)
                        assert_string_equal(network_route_format(&route, text), table[i].written);
        }
}

static void test_hardware_addresses(void **state)
{
        static const struct {
                const char *text;
                int r;
        } table[] = {
                { "52:54:00:aB:cD:ef", 0 },
                { "52:54:00:ab:cd", -EINVAL },
                { "52:54:00:ab:cd:ef:01", -EINVAL },
                { "52:54:00:ab:cd:eg", -EINVAL },
                { "52:54:0:ab:cd:ef", -EINVAL },
                { "52-54-00-ab-cd-ef", -EINVAL },
                { "", -EINVAL },
        };
        char text[MAC_TEXT_BYTES];
        uint8_t mac[MAC_BYTES];

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (mac_parse(table[i].text, mac) != table[i].r)
                        fail_msg("'%s'", table[i].text);
        assert_int_equal(mac_parse(table[0].text, mac), 0);
        assert_string_equal(mac_format(mac, text), "52:54:00:ab:cd:ef");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses_are_read_and_written),
                cmocka_unit_test(test_bytes_must_fit_their_family),
                cmocka_unit_test(test_networks_cover_addresses),
                cmocka_unit_test(test_kinds_of_addresses),
                cmocka_unit_test(test_routes_are_read_and_written),
                cmocka_unit_test(test_hardware_addresses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
