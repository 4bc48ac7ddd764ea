/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net-image.c: what the image must hold so that some addresses are reached, now and when
 * there is no network yet. */
#include "test-fixture.h"
#include "test-net.h"

#include <linux/if_addr.h>
#include <linux/if_ether.h>

#include "net-image.h"
#include "strv.h"

/* Two NICs, ens3 by DHCP with the way out, and VLAN 7 on ens4. */
static void machine_init(NetFacts *facts)
{
        TestNet net = { 0 };

        test_net_nic(&net, 1, "ens3", 0);
        test_net_nic(&net, 2, "ens4", 0);
        test_net_vlan(&net, 3, "ens4.7", 2, 7, ETH_P_8021Q);
        test_net_kind(&net, 4, "wg0", "wireguard", 0);
        test_net_address(&net, 1, "192.0.2.7/24", 0);
        test_net_address(&net, 3, "198.51.100.7/24", IFA_F_PERMANENT);
        test_net_route(&net, 1, "0.0.0.0/0", "192.0.2.1", RTPROT_DHCP, 100);
        test_net_facts(&net, facts);
}

static NetRouteAnswer answer(uint32_t link, const char *to, const char *gateway, const char *source)
{
        NetRouteAnswer a = { .link = link };

        assert_int_equal(address_parse(to, &a.to), 0);
        if (gateway)
                assert_int_equal(address_parse(gateway, &a.gateway), 0);
        if (source)
                assert_int_equal(address_parse(source, &a.source), 0);
        return a;
}

static const NetImageLink *find(const NetImage *image, const char *name)
{
        for (size_t i = 0; i < image->n_links; i++)
                if (streq(image->links[i].name, name))
                        return &image->links[i];
        return NULL;
}

static void test_each_address_brings_its_links(void **state)
{
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_(net_image_done) NetImage image = { 0 };
        _cleanup_(network_done) Network network = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        char *addresses[] = { (char *) "203.0.113.5", (char *) "198.51.100.20", NULL };
        const NetImageWant want = { .addresses = addresses, .hostname = "web1" };
        const NetRouteAnswer answers[] = {
                answer(1, "203.0.113.5", "192.0.2.1", "192.0.2.7"),
                answer(3, "198.51.100.20", NULL, "198.51.100.7"),
        };
        const NetImageFacts all = { .facts = &facts, .answers = answers };

        machine_init(&facts);
        assert_int_equal(net_image_plan(&all, &want, &image, &warnings, &message), 0);
        assert_null(warnings);
        assert_null(image.resolv_conf);
        assert_int_equal(image.n_links, 3);
        assert_string_equal(image.links[0].name, "ens3");
        assert_string_equal(image.links[2].name, "ens4.7");
        assert_int_equal(image.n_ways, 2);
        assert_int_equal(strv_length(image.ways[0].links), 1);
        assert_int_equal(strv_length(image.ways[1].links), 2);
        assert_true(strv_contains(find(&image, "ens4.7")->drivers, "8021q"));

        for (size_t i = 0; i < image.n_links; i++) {
                assert_int_equal(image.links[i].n_files, 2);
                assert_non_null(startswith(image.links[i].files[0].path, "/etc/systemd/network/"));
                assert_true(strv_contains(image.links[i].drivers, "af_packet"));
        }

        /* What is expected of those that have addresses. */
        assert_int_equal(net_image_network(&image, &network), 0);
        assert_int_equal(network.n_links, 2);
        assert_string_equal(network.links[0].name, "ens3");
        assert_string_equal(network.links[0].mac, "52:54:00:00:00:01");
        assert_string_equal(network.links[0].addresses[0], "192.0.2.7/24");
        assert_string_equal(network.links[0].routes[0], "0.0.0.0/0 via 192.0.2.1");
        assert_int_equal(network.links[0].patience_usec, 20 * USEC_PER_SEC);
        assert_string_equal(network.links[1].name, "ens4.7");
        assert_null(network.links[1].mac);
        assert_int_equal(network.links[1].patience_usec, 10 * USEC_PER_SEC);
}

static void test_name_servers_come_if_they_are_on_the_way(void **state)
{
        static const struct {
                bool names;
                const char *resolv_conf;
                size_t n_links;
        } table[] = {
                { false,
                  "nameserver 192.0.2.53\nsearch example.org\noptions timeout:2 attempts:2\n", 1 },
                { true,
                  "nameserver 192.0.2.53\nnameserver 198.51.100.53\nsearch example.org\n"
                  "options timeout:2 attempts:2\n",
                  3 },
        };
        char *servers[] = { (char *) "192.0.2.53", (char *) "198.51.100.53", (char *) "10.9.9.9",
                            (char *) "10.8.8.8", NULL };
        const NetDns dns = { .servers = servers, .search = (char *) "example.org" };
        char *addresses[] = { (char *) "203.0.113.5", NULL };
        const NetRouteAnswer answers[] = {
                answer(1, "203.0.113.5", "192.0.2.1", "192.0.2.7"),
                answer(1, "192.0.2.53", NULL, "192.0.2.7"),
                answer(3, "198.51.100.53", NULL, "198.51.100.7"),
                { .link = 0 },
                answer(4, "10.8.8.8", NULL, NULL),
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(net_facts_done) NetFacts facts = { 0 };
                _cleanup_(net_image_done) NetImage image = { 0 };
                _cleanup_strv_ char **warnings = NULL;
                _cleanup_free_ char *message = NULL;
                const NetImageWant want = { .addresses = addresses, .names = table[i].names };
                const NetImageFacts all = { .facts = &facts, .answers = answers, .dns = &dns };

                machine_init(&facts);
                assert_int_equal(net_image_plan(&all, &want, &image, &warnings, &message), 0);
                assert_string_equal(image.resolv_conf, table[i].resolv_conf);
                assert_int_equal(image.n_links, table[i].n_links);
        }
}

static void test_what_can_never_be_reached_is_refused(void **state)
{
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_(net_image_done) NetImage image = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        char *addresses[] = { (char *) "10.8.8.8", NULL };
        const NetImageWant want = { .addresses = addresses };
        const NetRouteAnswer answers[] = { answer(4, "10.8.8.8", NULL, NULL) };
        const NetImageFacts all = { .facts = &facts, .answers = answers };

        machine_init(&facts);
        assert_int_equal(net_image_plan(&all, &want, &image, &warnings, &message), -ENETUNREACH);
        assert_non_null(strstr(message, "10.8.8.8 cannot be reached"));
        assert_non_null(strstr(message, "'wg0'"));
}

/* Names lead to addresses of both kinds, and one of these is often a tunnel's, or nobody's. */
static void test_one_way_to_each_host_is_enough(void **state)
{
        char *addresses[] = { (char *) "2001:db8::1", (char *) "203.0.113.5", (char *) "10.8.8.8",
                              (char *) "198.51.100.20", NULL };
        static const struct {
                size_t hosts[4];
                int r;
                const char *warning, *message;
        } table[] = {
                { { 0, 0, 0, 0 }, 0, "10.8.8.8 cannot be reached", NULL },
                { { 0, 0, 1, 1 }, 0, "10.8.8.8 cannot be reached", NULL },
                { { 0, 0, 1, 0 }, -ENETUNREACH, NULL, "10.8.8.8 cannot be reached" },
                { { 1, 0, 0, 0 }, 0, "there is no way to 2001:db8::1 now", NULL },
        };
        const NetRouteAnswer answers[] = {
                { .link = 0 },
                answer(1, "203.0.113.5", "192.0.2.1", "192.0.2.7"),
                answer(4, "10.8.8.8", NULL, NULL),
                answer(3, "198.51.100.20", NULL, "198.51.100.7"),
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(net_facts_done) NetFacts facts = { 0 };
                _cleanup_(net_image_done) NetImage image = { 0 };
                _cleanup_strv_ char **warnings = NULL;
                _cleanup_free_ char *message = NULL, *joined = NULL;
                const NetImageWant want = { .addresses = addresses, .hosts = table[i].hosts };
                const NetImageFacts all = { .facts = &facts, .answers = answers };

                machine_init(&facts);
                assert_int_equal(net_image_plan(&all, &want, &image, &warnings, &message),
                                 table[i].r);
                assert_int_equal(image.n_links, table[i].r < 0 ? 0 : 3);
                assert_int_equal(strv_join(warnings, &joined), 0);
                if (table[i].warning && !strstr(joined, table[i].warning))
                        fail_msg("row %zu: warnings '%s'", i, joined);
                if (table[i].message)
                        assert_non_null(strstr(message, table[i].message));
                assert_int_equal(strv_length(warnings), i == 3 ? 2 : table[i].r < 0 ? 0 : 1);
        }
}

static void test_the_last_good_way_is_kept(void **state)
{
        _cleanup_(fixture_done) Fixture fixture = FIXTURE_NULL;
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_(net_image_done) NetImage image = { 0 }, saved = { 0 }, again = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        char *addresses[] = { (char *) "203.0.113.5", (char *) "198.51.100.20", NULL };
        char *servers[] = { (char *) "192.0.2.53", NULL };
        const NetDns dns = { .servers = servers };
        const NetImageWant want = { .addresses = addresses };
        NetRouteAnswer answers[] = {
                answer(1, "203.0.113.5", "192.0.2.1", "192.0.2.7"),
                answer(3, "198.51.100.20", NULL, "198.51.100.7"),
                answer(1, "192.0.2.53", NULL, "192.0.2.7"),
        };
        NetImageFacts all = { .facts = &facts, .answers = answers, .dns = &dns };

        fixture_init(&fixture);
        fixture_folder(&fixture, "/var/lib/kdumpd");
        assert_int_equal(net_image_read_saved(fixture.fd, &saved), -ENOENT);
        machine_init(&facts);
        assert_int_equal(net_image_plan(&all, &want, &image, &warnings, &message), 0);
        assert_int_equal(net_image_save(fixture.fd, &image), 0);
        assert_int_equal(net_image_read_saved(fixture.fd, &saved), 0);
        assert_true(net_image_equal(&image, &saved));

        /* One of the ways is gone: its links come from before, as they were. */
        all.saved = &saved;
        answers[1] = (NetRouteAnswer){ 0 };
        assert_int_equal(net_image_plan(&all, &want, &again, &warnings, &message), 0);
        assert_int_equal(strv_length(warnings), 1);
        assert_non_null(strstr(warnings[0], "198.51.100.20"));
        assert_int_equal(again.n_links, 3);
        assert_string_equal(find(&again, "ens4.7")->files[0].text,
                            find(&image, "ens4.7")->files[0].text);
        assert_int_equal(again.n_ways, 2);
        net_image_done(&again);

        /* All are, and the name server with them, as before the network of a boot is up. */
        answers[0] = answers[2] = (NetRouteAnswer){ 0 };
        assert_int_equal(net_image_plan(&all, &want, &again, &warnings, &message), 0);
        assert_true(net_image_equal(&again, &saved));
        net_image_done(&again);

        /* Nothing is known: that is said, and nothing else happens. */
        all.saved = NULL;
        strv_free(TAKE_PTR(warnings));
        assert_int_equal(net_image_plan(&all, &want, &again, &warnings, &message), 0);
        assert_int_equal(again.n_links, 0);
        assert_int_equal(strv_length(warnings), 2);
        assert_non_null(strstr(warnings[0], "none is known"));
        assert_false(net_image_equal(&again, &saved));
}

static void test_our_own_address_is_warned_of(void **state)
{
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_(net_image_done) NetImage image = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        char *addresses[] = { (char *) "192.0.2.7", NULL };
        const NetImageWant want = { .addresses = addresses };
        NetRouteAnswer answers[] = { answer(1, "192.0.2.7", NULL, NULL) };
        const NetImageFacts all = { .facts = &facts, .answers = answers };

        answers[0].local = true;
        machine_init(&facts);
        assert_int_equal(net_image_plan(&all, &want, &image, &warnings, &message), 0);
        assert_int_equal(image.n_links, 0);
        assert_non_null(strstr(warnings[0], "own address"));
}

static void test_what_was_kept_is_not_trusted(void **state)
{
        static const char *const table[] = {
                "",
                "[]",
                "{}",
                "{\"links\":[],\"ways\":1}",
                "{\"links\":[1],\"ways\":[]}",
                "{\"links\":[{\"name\":\"a\"}],\"ways\":[]}",
                "{\"links\":[{\"name\":\"a\",\"files\":[1]}],\"ways\":[]}",
                "{\"links\":[{\"name\":\"a\",\"files\":[{\"path\":\"/etc/"
                "passwd\",\"text\":\"\"}]}],"
                "\"ways\":[]}",
                "{\"links\":[{\"name\":\"a\",\"files\":[{\"path\":\"/etc/systemd/network/../x\","
                "\"text\":\"\"}]}],\"ways\":[]}",
                "{\"links\":[{\"name\":\"a\",\"files\":[],\"expected\":{\"name\":\"a\",\"mac\":"
                "\"x\"}}],"
                "\"ways\":[]}",
                "{\"links\":[],\"ways\":[{\"links\":[\"a\"]}]}",
        };
        _cleanup_(fixture_done) Fixture fixture = FIXTURE_NULL;

        fixture_init(&fixture);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(net_image_done) NetImage image = { 0 };

                fixture_write(&fixture, "/var/lib/kdumpd/network.json", table[i]);
                if (net_image_read_saved(fixture.fd, &image) != -EBADMSG)
                        fail_msg("row %zu", i);
        }
}

static void test_the_live_network_is_asked(void **state)
{
        _cleanup_(fixture_done) Fixture fixture = FIXTURE_NULL;
        _cleanup_(net_image_done) NetImage image = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        char *local[] = { (char *) "127.0.0.1", NULL }, *wrong[] = { (char *) "nfs.example", NULL };
        NetImageWant want = { .addresses = local };
        int r;

        fixture_init(&fixture);
        r = net_image_make(fixture.fd, &want, &image, &warnings, &message);
        if (r == -EAFNOSUPPORT || r == -EPROTONOSUPPORT || r == -EACCES)
                skip();
        assert_int_equal(r, 0);
        assert_int_equal(image.n_links, 0);
        assert_int_equal(strv_length(warnings), 1);
        want.addresses = wrong;
        assert_int_equal(net_image_make(fixture.fd, &want, &image, &warnings, &message), -EINVAL);
        assert_string_equal(message, "'nfs.example' is no IP address");
        /* Local targets alone: nobody is asked anything. */
        want.addresses = NULL;
        assert_int_equal(net_image_make(-EBADF, &want, &image, &warnings, &message), 0);
        assert_int_equal(image.n_links, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_address_brings_its_links),
                cmocka_unit_test(test_name_servers_come_if_they_are_on_the_way),
                cmocka_unit_test(test_what_can_never_be_reached_is_refused),
                cmocka_unit_test(test_one_way_to_each_host_is_enough),
                cmocka_unit_test(test_the_last_good_way_is_kept),
                cmocka_unit_test(test_our_own_address_is_warned_of),
                cmocka_unit_test(test_what_was_kept_is_not_trusted),
                cmocka_unit_test(test_the_live_network_is_asked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
