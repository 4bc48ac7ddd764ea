/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net-wait.c and net-link.c: when an address is set that nobody has set. */
#include "test.h"

#include <linux/if_link.h>

#include "net-wait.h"

#define SEC USEC_PER_SEC

static char *ipv4[] = { (char *) "192.0.2.7/24", NULL };
static char *both[] = { (char *) "192.0.2.7/24", (char *) "2001:db8::7/64", NULL };

static void test_each_link_is_waited_for_as_long_as_that_helps(void **state)
{
        static const struct {
                char **addresses;
                bool there, up, carrier, has_ipv4, has_ipv6;
                uint64_t seen_sec, carrier_sec; /* ago; 0: not yet */
                NetWaitStep step;
                uint64_t due_sec; /* from now; 0: never */
        } table[] = {
                { ipv4, false, false, false, false, false, 30, 20, NET_WAIT_PENDING, 0 },
                { ipv4, true, false, false, false, false, 0, 0, NET_WAIT_PENDING, 5 },
                { ipv4, true, false, false, false, false, 4, 0, NET_WAIT_PENDING, 1 },
                { ipv4, true, false, false, false, false, 5, 0, NET_WAIT_SET_UP, 0 },
                { ipv4, true, true, false, false, false, 90, 80, NET_WAIT_PENDING, 0 },
                { ipv4, true, true, false, true, false, 90, 80, NET_WAIT_PENDING, 0 },
                { ipv4, true, true, true, false, false, 90, 0, NET_WAIT_PENDING, 20 },
                { ipv4, true, true, true, false, false, 90, 19, NET_WAIT_PENDING, 1 },
                { ipv4, true, true, true, false, false, 90, 20, NET_WAIT_SET, 0 },
                { ipv4, true, true, true, false, true, 90, 20, NET_WAIT_SET, 0 },
                { ipv4, true, true, true, true, false, 1, 0, NET_WAIT_READY, 0 },
                { both, true, true, true, true, false, 90, 20, NET_WAIT_SET, 0 },
                { both, true, true, true, true, true, 1, 0, NET_WAIT_READY, 0 },
                { NULL, true, true, true, false, false, 1, 0, NET_WAIT_READY, 0 },
                { NULL, true, true, false, false, false, 1, 0, NET_WAIT_PENDING, 0 },
        };
        const uint64_t now = 1000 * SEC;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const NetworkLink expected = {
                        .name = (char *) "ens3",
                        .addresses = table[i].addresses,
                        .patience_usec = 20 * SEC,
                };
                const NetLink link = {
                        .index = 2,
                        .up = table[i].up,
                        .carrier = table[i].carrier,
                        .has_ipv4 = table[i].has_ipv4,
                        .has_ipv6 = table[i].has_ipv6,
                };
                NetWaitState seen = {
                        .seen_usec = table[i].seen_sec ? now - table[i].seen_sec * SEC : 0,
                        .carrier_usec = table[i].carrier_sec ? now - table[i].carrier_sec * SEC : 0,
                };
                uint64_t due;
                NetWaitStep step =
                        net_wait_decide(&expected, table[i].there ? &link : NULL, &seen, now, &due);

                if (step != table[i].step)
                        fail_msg("row %zu: step %d", i, step);
                if (step == NET_WAIT_PENDING &&
                    due != (table[i].due_sec ? now + table[i].due_sec * SEC : USEC_INFINITY))
                        fail_msg("row %zu: due at %llu", i, (unsigned long long) due);
        }
}

static void test_time_begins_anew_with_each_carrier(void **state)
{
        const NetworkLink expected = {
                .name = (char *) "ens3",
                .addresses = ipv4,
                .patience_usec = 20 * SEC,
        };
        NetLink link = { .index = 2, .up = true, .carrier = true };
        NetWaitState seen = { 0 };
        uint64_t due;

        assert_int_equal(net_wait_decide(&expected, &link, &seen, 100 * SEC, &due),
                         NET_WAIT_PENDING);
        link.carrier = false;
        assert_int_equal(net_wait_decide(&expected, &link, &seen, 110 * SEC, &due),
                         NET_WAIT_PENDING);
        link.carrier = true;
        assert_int_equal(net_wait_decide(&expected, &link, &seen, 130 * SEC, &due),
                         NET_WAIT_PENDING);
        assert_int_equal(due, 150 * SEC);
        /* Gone, as with a hot-plugged NIC, and there again. */
        assert_int_equal(net_wait_decide(&expected, NULL, &seen, 140 * SEC, &due),
                         NET_WAIT_PENDING);
        assert_int_equal(seen.seen_usec, 0);
        assert_int_equal(net_wait_decide(&expected, &link, &seen, 160 * SEC, &due),
                         NET_WAIT_PENDING);
        assert_int_equal(due, 180 * SEC);
}

static void test_links_are_found_by_what_they_are(void **state)
{
        NetLink list[] = {
                { .index = 1,
                  .name = "bond0",
                  .is_virtual = true,
                  .has_mac = true,
                  .mac = { 2, 0, 0, 0, 0, 1 } },
                { .index = 2,
                  .name = "eth0",
                  .has_mac = true,
                  .mac = { 2, 0, 0, 0, 0, 2 },
                  .has_permanent_mac = true,
                  .permanent_mac = { 2, 0, 0, 0, 0, 9 } },
                { .index = 3,
                  .name = "eth1",
                  .has_mac = true,
                  .mac = { 2, 0, 0, 0, 0, 9 },
                  .has_permanent_mac = true,
                  .permanent_mac = { 2, 0, 0, 0, 0, 3 } },
                { .index = 4, .name = "eth2", .has_mac = true, .mac = { 2, 0, 0, 0, 0, 1 } },
        };
        const NetLinks links = { list, ELEMENTSOF(list) };
        static const struct {
                const char *name, *mac;
                uint32_t index; /* 0: none */
        } table[] = {
                { "bond0", NULL, 1 },
                { "eth0", NULL, 2 },
                { "eth9", NULL, 0 },
                /* Its own before one that was given to another. */
                { "eth0", "02:00:00:00:00:09", 2 },
                { "eth0", "02:00:00:00:00:02", 2 },
                /* Never a bond that has its port's. */
                { "eth7", "02:00:00:00:00:01", 4 },
                { "eth0", "02:00:00:00:00:77", 0 },
                { "eth0", "nonsense", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const NetLink *link = net_links_find(&links, table[i].name, table[i].mac);

                if ((link ? link->index : 0) != table[i].index)
                        fail_msg("row %zu: %u", i, link ? link->index : 0);
        }
}

/* An RTM_NEWADDR of one attribute. */
static void add_address(NetLinks *links, uint8_t family, uint8_t scope, uint32_t flags)
{
        struct {
                struct nlmsghdr header;
                struct ifaddrmsg info;
                struct nlattr attribute;
                uint32_t flags;
        } message = {
                .header = { .nlmsg_len = sizeof(message), .nlmsg_type = RTM_NEWADDR },
                .info = { .ifa_family = family, .ifa_scope = scope, .ifa_index = 2 },
                .attribute = { .nla_len = 8, .nla_type = IFA_FLAGS },
                .flags = flags,
        };

        assert_int_equal(net_links_add_messages(links, &message, sizeof(message)), 0);
}

static void test_only_an_address_of_use_counts(void **state)
{
        NetLink link = { .index = 2 };
        NetLinks links = { &link, 1 };

        add_address(&links, AF_INET6, RT_SCOPE_LINK, IFA_F_PERMANENT);
        add_address(&links, AF_INET6, RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE);
        add_address(&links, AF_INET6, RT_SCOPE_UNIVERSE, IFA_F_DADFAILED);
        assert_false(link.has_ipv6 || link.has_ipv4);
        add_address(&links, AF_INET6, RT_SCOPE_UNIVERSE, 0);
        assert_true(link.has_ipv6 && !link.has_ipv4);
        add_address(&links, AF_INET, RT_SCOPE_UNIVERSE, IFA_F_PERMANENT);
        assert_true(link.has_ipv4);
}

static void test_the_wait_ends_at_its_deadline(void **state)
{
        static char *nowhere[] = { (char *) "nothing", NULL };
        NetworkLink link = { .name = (char *) "kdump-none", .addresses = ipv4 };
        const Network network = { &link, 1 }, none = { 0 };
        _cleanup_close_ int fd = netlink_open(0);

        if (fd < 0)
                skip();
        assert_int_equal(net_wait_links(&none, 1), 0);
        assert_int_equal(net_wait_links(&network, 1), -ETIMEDOUT);
        assert_int_equal(net_wait_route(nowhere, 1), -EINVAL);
        assert_int_equal(net_wait_route(NULL, 1), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_link_is_waited_for_as_long_as_that_helps),
                cmocka_unit_test(test_time_begins_anew_with_each_carrier),
                cmocka_unit_test(test_links_are_found_by_what_they_are),
                cmocka_unit_test(test_only_an_address_of_use_counts),
                cmocka_unit_test(test_the_wait_ends_at_its_deadline),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
