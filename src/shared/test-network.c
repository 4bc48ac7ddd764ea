/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of network.c: a Network as a part of the Plan. */
#include "test.h"

#include "network.h"
#include "strv.h"

static int read_text(const char *json, Network *ret, char **message)
{
        _cleanup_json_ struct json_object *object = NULL;

        assert_int_equal(json_object_parse(json, strlen(json), &object, message), 0);
        return network_from_json(object, "network.", ret, message);
}

static void test_it_comes_back_as_it_was(void **state)
{
        static const char json[] =
                "{\"links\":[{\"name\":\"ens3\",\"mac\":\"52:54:00:00:00:01\","
                "\"addresses\":[\"192.0.2.7/24\",\"2001:db8::7/64\"],"
                "\"routes\":[\"0.0.0.0/0 via 192.0.2.1\"],\"patience_usec\":20000000},"
                "{\"name\":\"bond0\"}]}";
        _cleanup_(network_done) Network network = { 0 }, again = { 0 };
        _cleanup_(network_link_done) NetworkLink copy = { 0 };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *message = NULL, *text = NULL;

        assert_int_equal(read_text(json, &network, &message), 0);
        assert_int_equal(network_to_json(&network, &object), 0);
        assert_int_equal(json_object_format(object, &text), 0);
        assert_int_equal(read_text(text, &again, &message), 0);
        assert_int_equal(again.n_links, 2);
        assert_int_equal(network_link_copy(&again.links[0], &copy), 0);
        assert_string_equal(copy.name, "ens3");
        assert_string_equal(copy.mac, "52:54:00:00:00:01");
        assert_int_equal(strv_length(copy.addresses), 2);
        assert_string_equal(copy.routes[0], "0.0.0.0/0 via 192.0.2.1");
        assert_int_equal(copy.patience_usec, 20000000);
        assert_string_equal(again.links[1].name, "bond0");
        assert_null(again.links[1].mac);
}

static void test_nonsense_is_refused(void **state)
{
        static const struct {
                const char *json, *words;
        } table[] = {
                { "{}", "network.links" },
                { "{\"links\":{}}", "network.links" },
                { "{\"links\":[1]}", "links[0]" },
                { "{\"links\":[{}]}", "links[0].name" },
                { "{\"links\":[{\"name\":\"\"}]}", "name" },
                { "{\"links\":[{\"name\":\"a/b\"}]}", "name" },
                { "{\"links\":[{\"name\":\"abcdefghijklmnop\"}]}", "name" },
                { "{\"links\":[{\"name\":\"a\",\"mac\":\"x\"}]}", "mac" },
                { "{\"links\":[{\"name\":\"a\",\"addresses\":[\"x\"]}]}", "addresses" },
                { "{\"links\":[{\"name\":\"a\",\"routes\":[\"x\"]}]}", "routes" },
                { "{\"links\":[{\"name\":\"a\",\"patience_usec\":-1}]}", "patience_usec" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(network_done) Network network = { 0 };
                _cleanup_free_ char *message = NULL;

                if (read_text(table[i].json, &network, &message) != -EBADMSG)
                        fail_msg("row %zu", i);
                if (!strstr(message, table[i].words))
                        fail_msg("row %zu: %s", i, message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_it_comes_back_as_it_was),
                cmocka_unit_test(test_nonsense_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
