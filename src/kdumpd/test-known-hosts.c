/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of which lines of known_hosts are of a server. */
#include "known-hosts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "strv.h"

#define KEY1 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne"
#define KEY2 "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYTwo="
#define KEY3 "ssh-rsa AAAAB3NzaC1yc2Three"

/* As ssh-keygen -H writes "server" and "[server]:2222" */
#define HASHED "|1|/uQvBVT9RBNJpRYiY9lw/6kV/TM=|IphX9ob3FWJKLlGJadlL73rtAss= "
#define HASHED_PORT "|1|5mNFzK2jhpWAW4+sFa1xLcnGKM8=|Q39q7BZ7ln2kcc/oBotVY8Hl0wk= "

typedef struct Case {
        const char *text, *host;
        unsigned port;
        const char *want; /* NULL: no key */
} Case;

static const Case cases[] = {
        { "server " KEY1 "\n", "server", 22, "server " KEY1 "\n" },
        { "server " KEY1 " a comment here", "server", 22, "server " KEY1 "\n" },
        { "  server\t " KEY1 "\r\n", "server", 22, "server " KEY1 "\n" },
        { "SERVER " KEY1 "\n", "server", 22, "server " KEY1 "\n" },
        { "a,server,b " KEY1 "\n", "server", 22, "server " KEY1 "\n" },
        { "server " KEY1 "\nserver " KEY2 "\nserver " KEY1 "\n", "server", 22,
          "server " KEY1 "\nserver " KEY2 "\n" },
        { "serve? " KEY1 "\n", "server", 22, "server " KEY1 "\n" },
        { "*.example.com " KEY1 "\n", "a.b.example.com", 22, "a.b.example.com " KEY1 "\n" },
        { "*a*a*b " KEY1 "\n", "xaxaxb", 22, "xaxaxb " KEY1 "\n" },
        { "*,!server " KEY1 "\n", "server", 22, NULL },
        { "!other,* " KEY1 "\n", "server", 22, "server " KEY1 "\n" },
        { "!server " KEY1 "\n", "other", 22, NULL },
        { "server.example.com " KEY1 "\n", "server", 22, NULL },
        { "serve " KEY1 "\nservers " KEY1 "\n", "server", 22, NULL },
        { "# server " KEY1 "\n#server " KEY1 "\n", "server", 22, NULL },
        { "2001:db8::1 " KEY1 "\n", "2001:db8::1", 22, "2001:db8::1 " KEY1 "\n" },
        { "2001:db8::1 " KEY1 "\n", "2001:DB8:0::1", 22, "2001:DB8:0::1 " KEY1 "\n" },
        { "fe80::1%eth0 " KEY1 "\n", "fe80::1%eth0", 22, "fe80::1%eth0 " KEY1 "\n" },

        /* Ports */
        { "[server]:2222 " KEY1 "\nserver " KEY2 "\n", "server", 2222, "[server]:2222 " KEY1 "\n" },
        { "[server]:2222 " KEY1 "\nserver " KEY2 "\n", "server", 22, "server " KEY2 "\n" },
        { "server " KEY2 "\n", "server", 2222, "[server]:2222 " KEY2 "\n" },
        { "[server]:2222 " KEY1 "\n", "server", 22, NULL },
        { "[server]:222 " KEY1 "\n", "server", 2222, NULL },

        /* Hashed names */
        { HASHED KEY1 "\n", "server", 22, "server " KEY1 "\n" },
        { HASHED KEY1 "\n", "Server", 22, "Server " KEY1 "\n" },
        { HASHED_PORT KEY1 "\n", "server", 2222, "[server]:2222 " KEY1 "\n" },
        { HASHED_PORT KEY1 "\n", "server", 22, NULL },
        { "|1|x|y " KEY1 "\n", "server", 22, NULL },
        { "|1|/uQvBVT9RBNJpRYiY9lw/6kV/TM= " KEY1 "\n", "server", 22, NULL },
        { "|2|/uQvBVT9RBNJpRYiY9lw/6kV/TM=|IphX9ob3FWJKLlGJadlL73rtAss= " KEY1 "\n", "server", 22,
          NULL },

        /* Markers */
        { "@cert-authority server " KEY1 "\n", "server", 22, NULL },
        { "server " KEY1 "\nserver " KEY2 "\n@revoked * " KEY1 "\n", "server", 22,
          "server " KEY2 "\n" },
        { "@revoked server " KEY1 "\nserver " KEY1 "\n", "server", 22, NULL },
        { "@revoked other " KEY1 "\nserver " KEY1 "\n", "server", 22, "server " KEY1 "\n" },
        { "@what server " KEY1 "\n", "server", 22, NULL },

        /* What is no key */
        { "server\n", "server", 22, NULL },
        { "server ssh-ed25519\n", "server", 22, NULL },
        { "server ssh-dss AAAAB3NzaC1kc3MAAA\n", "server", 22, NULL },
        { "server ssh-ed25519 BBBB\n", "server", 22, NULL },
        { "server ssh-ed25519 AAAA\"x\n", "server", 22, NULL },
        { "server rot13 AAAAxxxx\n", "server", 22, NULL },
        { "server 1024 35 123456789\n", "server", 22, NULL },
        { "", "server", 22, NULL },
};

static void test_lines(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Case *c = &cases[i];
                _cleanup_(known_hosts_done) KnownHosts known = { 0 };
                _cleanup_free_ char *text = NULL;
                int r;

                assert_int_equal(
                        known_hosts_add(&known, c->text, strlen(c->text), c->host, c->port), 0);
                r = known_hosts_format(&known, c->host, NULL, c->port, &text);
                if (r != (c->want ? 1 : 0) || !streq_ptr(text, c->want))
                        fail_msg("%s of\n%s\ngave\n%s", c->host, c->text, text ?: "NULL");
        }
}

static void test_several_files_and_addresses(void **state)
{
        static const char first[] = "server " KEY1 "\n";
        static const char second[] = "server " KEY3 "\0 hidden\nserver " KEY2;
        char *addresses[] = { (char[]){ "192.0.2.1" }, (char[]){ "server" },
                              (char[]){ "2001:db8::1" }, NULL };
        _cleanup_(known_hosts_done) KnownHosts known = { 0 };
        _cleanup_free_ char *text = NULL, *other = NULL;

        assert_int_equal(known_hosts_add(&known, first, strlen(first), "server", 22), 0);
        assert_int_equal(known_hosts_add(&known, second, sizeof(second) - 1, "server", 22), 0);
        assert_int_equal(known_hosts_format(&known, "server", addresses, 22, &text), 1);
        assert_string_equal(text, "server,192.0.2.1,2001:db8::1 " KEY1 "\n"
                                  "server,192.0.2.1,2001:db8::1 " KEY3 "\n"
                                  "server,192.0.2.1,2001:db8::1 " KEY2 "\n");
        assert_int_equal(known_hosts_format(&known, "server", addresses, 2222, &other), 1);
        assert_non_null(
                startswith(other, "[server]:2222,[192.0.2.1]:2222,[2001:db8::1]:2222 " KEY1 "\n"));
}

/* No pattern takes long, and no file gives more keys than a server has. */
static void test_hostile_files(void **state)
{
        static const char stars[] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b " KEY1 "\n";
        _cleanup_(known_hosts_done) KnownHosts known = { 0 };
        char host[254];

        memset(host, 'a', sizeof(host) - 1);
        host[sizeof(host) - 1] = '\0';
        assert_int_equal(known_hosts_add(&known, stars, strlen(stars), host, 22), 0);
        assert_null(known.of_port);
        for (unsigned i = 0; i < 1000; i++) {
                char line[64];

                (void) snprintf(line, sizeof(line), "* ssh-rsa AAAA%u\n", i);
                assert_int_equal(known_hosts_add(&known, line, strlen(line), host, 22), 0);
        }
        assert_int_equal(strv_length(known.of_port), 64);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_several_files_and_addresses),
                cmocka_unit_test(test_hostile_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
