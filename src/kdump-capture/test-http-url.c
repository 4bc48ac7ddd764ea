/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-url.h"
#include "test.h"

typedef struct UrlCase {
        const char *text;
        int result;
        const char *scheme, *host, *port, *root, *base;
        bool host_is_address;
} UrlCase;

static const UrlCase url_cases[] = {
        { "https://dump.example/crash/", 0, "https", "dump.example", "443", "https://dump.example/",
          "https://dump.example/crash", false },
        { "HTTP://h:8080/a//", 0, "http", "h", "8080", "http://h:8080/", "http://h:8080/a", false },
        { "https://h", 0, "https", "h", "443", "https://h/", "https://h", false },
        { "http://192.0.2.7/x", 0, "http", "192.0.2.7", "80", "http://192.0.2.7/",
          "http://192.0.2.7/x", true },
        { "https://[2001:db8::1]:444/x", 0, "https", "2001:db8::1", "444",
          "https://[2001:db8::1]:444/", "https://[2001:db8::1]:444/x", true },
        { "ftp://h/d", 0, "ftp", "h", "21", "ftp://h/", "ftp://h/d", false },
        { "ftps://h/d", 0, "ftps", "h", "990", "ftps://h/", "ftps://h/d", false },
        { "sftp://h/d", -EPROTONOSUPPORT },
        { "file:///etc/shadow", -EPROTONOSUPPORT },
        { "foo://h/", -EPROTONOSUPPORT },
        { "https://user@h/", -EINVAL },
        { "https://user:secret@h/", -EINVAL },
        { "https://h/?query", -EINVAL },
        { "https://h/#fragment", -EINVAL },
        { "https://h/a b", -EINVAL },
        { "https://h/a\r\nX: y", -EINVAL },
        { "https://h:99999/", -EINVAL },
        { "https://", -EINVAL },
        { "h/x", -EINVAL },
        { "", -EINVAL },
};

static void test_a_url_is_taken_apart(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(url_cases); i++) {
                const UrlCase *c = &url_cases[i];
                _cleanup_(http_url_done) HttpUrl url = {};
                int r = http_url_parse(c->text, &url);

                if (r != c->result || !streq_ptr(url.scheme, c->scheme) ||
                    !streq_ptr(url.host, c->host) || !streq_ptr(url.port, c->port) ||
                    !streq_ptr(url.root, c->root) || !streq_ptr(url.base, c->base) ||
                    url.host_is_address != c->host_is_address)
                        fail_msg("'%s': %d %s %s %s %s %s", c->text, r, url.scheme ?: "-",
                                 url.host ?: "-", url.port ?: "-", url.root ?: "-",
                                 url.base ?: "-");
        }
}

static void test_names_are_escaped(void **state)
{
        _cleanup_free_ char *file = NULL, *folder = NULL, *value = NULL;

        assert_int_equal(http_url_join("https://h/x", "host 1-2026", "vmcore.flat", &file), 0);
        assert_string_equal(file, "https://h/x/host%201-2026/vmcore.flat");
        assert_int_equal(http_url_join("https://h/x", "a%?#\xc3\xa4", NULL, &folder), 0);
        assert_string_equal(folder, "https://h/x/a%25%3F%23%C3%A4/");
        assert_int_equal(http_url_escape("2~a/b+c=", false, &value), 0);
        assert_string_equal(value, "2~a%2Fb%2Bc%3D");
}

static void test_old_addresses_are_for_names_only(void **state)
{
        static char *const addresses[] = { (char *) "2001:db8::1", (char *) "192.0.2.7", NULL };
        static char *const none[] = { NULL };
        const HttpUrl name = { .host = (char *) "h", .port = (char *) "443" };
        const HttpUrl address = { .host = (char *) "192.0.2.1",
                                  .port = (char *) "443",
                                  .host_is_address = true };
        _cleanup_free_ char *entry = NULL, *no_entry = NULL;

        assert_int_equal(http_url_resolve(&name, addresses, &entry), 0);
        assert_string_equal(entry, "h:443:[2001:db8::1],192.0.2.7");
        assert_int_equal(http_url_resolve(&name, none, &no_entry), 0);
        assert_null(no_entry);
        assert_int_equal(http_url_resolve(&name, NULL, &no_entry), 0);
        assert_null(no_entry);
        assert_int_equal(http_url_resolve(&address, addresses, &no_entry), 0);
        assert_null(no_entry);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_url_is_taken_apart),
                cmocka_unit_test(test_names_are_escaped),
                cmocka_unit_test(test_old_addresses_are_for_names_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
