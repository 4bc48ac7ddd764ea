/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net-dns.c and net-resolve.c: name servers and names. */
#include "test-fixture.h"

#include "log.h"
#include "net-dns.h"
#include "net-resolve.h"
#include "strv.h"

static void assert_list(char **list, const char *expected)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(strv_join(list, &text), 0);
        assert_string_equal(text, expected);
}

static void test_name_servers_of_use(void **state)
{
        static const struct {
                const char *etc, *resolved; /* NULL: no such file */
                const char *servers, *search;
        } table[] = {
                { NULL, NULL, "", NULL },
                { "nameserver 192.0.2.53\nsearch a.example b.example\n", NULL, "192.0.2.53",
                  "a.example b.example" },
                { "# nameserver 192.0.2.1\nnameserver\t192.0.2.53 # here\ndomain x.example", NULL,
                  "192.0.2.53", "x.example" },
                { "nameserver 127.0.0.53\nsearch a.example\n",
                  "nameserver 192.0.2.53\nnameserver 2001:db8::53\n", "192.0.2.53 2001:db8::53",
                  "a.example" },
                { "nameserver 127.0.0.53\n", NULL, "", NULL },
                { "nameserver 192.0.2.53\n", "nameserver 192.0.2.54\n", "192.0.2.53", NULL },
                { "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver "
                  "1.1.1.4\n",
                  NULL, "1.1.1.1 1.1.1.2 1.1.1.3", NULL },
                { "nameserver fe80::1%eth0\nnameserver x\nnameserver\nnonsense \"\n", NULL, "",
                  NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fixture_done) Fixture fixture = FIXTURE_NULL;
                _cleanup_(net_dns_done) NetDns dns = { 0 };

                fixture_init(&fixture);
                if (table[i].etc)
                        fixture_write(&fixture, "/etc/resolv.conf", table[i].etc);
                if (table[i].resolved)
                        fixture_write(&fixture, "/run/systemd/resolve/resolv.conf",
                                      table[i].resolved);
                assert_int_equal(net_dns_read(fixture.fd, &dns), 0);
                assert_list(dns.servers, table[i].servers);
                if (!streq_ptr(dns.search, table[i].search))
                        fail_msg("row %zu: %s", i, dns.search ?: "NULL");
        }
}

static void test_what_is_known_of_a_name(void **state)
{
        static const struct {
                const char *file, *host;
                int r;
                const char *addresses;
        } table[] = {
                { NULL, "192.0.2.1", 1, "192.0.2.1" },
                { NULL, "2001:db8::1", 1, "2001:db8::1" },
                { NULL, "nfs.example", 0, "" },
                { "{\"nfs.example\":[\"192.0.2.1\",\"2001:db8::1\"]}", "nfs.example", 1,
                  "192.0.2.1 2001:db8::1" },
                { "{\"nfs.example\":[\"192.0.2.1\"]}", "ssh.example", 0, "" },
                { "{\"nfs.example\":[\"x\"]}", "nfs.example", 0, "" },
                { "{\"nfs.example\":[]}", "nfs.example", 0, "" },
                { "{\"nfs.example\":7}", "nfs.example", 0, "" },
                { "nonsense", "nfs.example", 0, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fixture_done) Fixture fixture = FIXTURE_NULL;
                _cleanup_strv_ char **addresses = NULL;

                fixture_init(&fixture);
                if (table[i].file)
                        fixture_write(&fixture, PATH_NET_ADDRESSES, table[i].file);
                if (net_resolve_known(fixture.fd, table[i].host, &addresses) != table[i].r)
                        fail_msg("row %zu", i);
                assert_list(addresses, table[i].addresses);
        }
}

/* "localhost" is in /etc/hosts of every system, or made up by glibc; ".invalid" leads nowhere by
 * RFC 6761. */
static void test_names_are_asked_for_and_kept(void **state)
{
        char *hosts[] = { (char *) "localhost", (char *) "192.0.2.1",    (char *) "a b",
                          (char *) "-x",        (char *) "none.invalid", NULL };
        char *fewer[] = { (char *) "none.invalid", NULL }, *none[] = { (char *) "192.0.2.1", NULL };
        _cleanup_(fixture_done) Fixture fixture = FIXTURE_NULL;
        _cleanup_strv_ char **addresses = NULL, **kept = NULL, **gone = NULL;
        bool changed;

        fixture_init(&fixture);
        fixture_write(&fixture, PATH_NET_ADDRESSES, "{\"none.invalid\":[\"192.0.2.9\"]}");
        assert_int_equal(net_resolve_want(fixture.fd, none), 0);
        assert_int_equal(net_resolve_want(fixture.fd, hosts), 1);
        assert_int_equal(net_resolve_update(fixture.fd, &changed), 1);
        assert_true(changed);
        assert_int_equal(net_resolve_known(fixture.fd, "localhost", &addresses), 1);
        assert_non_null(addresses);
        /* Nobody knows it now: what was known stays. */
        assert_int_equal(net_resolve_known(fixture.fd, "none.invalid", &kept), 1);
        assert_list(kept, "192.0.2.9");

        assert_int_equal(net_resolve_update(fixture.fd, &changed), 1);
        assert_false(changed);
        /* Nobody wants it any more. */
        assert_int_equal(net_resolve_want(fixture.fd, fewer), 1);
        assert_int_equal(net_resolve_update(fixture.fd, &changed), 1);
        assert_true(changed);
        assert_int_equal(net_resolve_known(fixture.fd, "localhost", &gone), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_name_servers_of_use),
                cmocka_unit_test(test_what_is_known_of_a_name),
                cmocka_unit_test(test_names_are_asked_for_and_kept),
        };

        log_setup(LOG_TARGET_STDERR, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
