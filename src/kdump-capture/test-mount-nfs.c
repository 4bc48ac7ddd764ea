/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "mount-nfs.h"
#include "test.h"

static void test_host_of_a_target(void **state)
{
        static const struct {
                const char *what, *host; /* NULL: refused */
        } cases[] = {
                { "server:/export", "server" },
                { "10.0.2.2:/", "10.0.2.2" },
                { "[fd00::1]:/export", "fd00::1" },
                { "[fe80::1%eth0]:/a:/b", "fe80::1%eth0" },
                { "server", NULL },
                { "/export", NULL },
                { ":/export", NULL },
                { "[]:/export", NULL },
                { "[fd00::1:/export", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *host = NULL;

                assert_int_equal(nfs_host(cases[i].what, &host), cases[i].host ? 0 : -EINVAL);
                if (cases[i].host)
                        assert_string_equal(host, cases[i].host);
        }
}

static void test_options_never_wait_for_ever(void **state)
{
        static const struct {
                const char *written, *version;
                unsigned timeout_sec;
                const char *expected;
        } cases[] = {
                { NULL, "4.2", 120, "rw,vers=4.2,soft,timeo=300,retrans=4,nolock,addr=10.0.0.1" },
                { "vers=3,hard,timeo=600,retrans=2,proto=tcp,mountaddr=1.2.3.4,addr=1.2.3.4", NULL,
                  120, "rw,vers=3,proto=tcp,soft,timeo=300,retrans=4,nolock,addr=10.0.0.1" },
                { "ro,bg,retry=5,lock,rsize=4096,clientaddr=1.2.3.4,softerr", "3", 1,
                  "rw,rsize=4096,vers=3,soft,timeo=50,retrans=4,nolock,addr=10.0.0.1" },
                { "hard,hard,soft", "3", 86400,
                  "rw,vers=3,soft,timeo=600,retrans=4,nolock,addr=10.0.0.1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Target target = {
                        .type = TARGET_NFS,
                        .options = (char *) cases[i].written,
                        .timeout_usec = cases[i].timeout_sec * USEC_PER_SEC,
                };
                _cleanup_free_ char *options = NULL;

                assert_int_equal(nfs_options(&target, "10.0.0.1", cases[i].version, &options), 0);
                assert_string_equal(options, cases[i].expected);
        }
}

static void test_version_and_port(void **state)
{
        static const struct {
                const char *options;
                bool has_version;
                unsigned port;
        } cases[] = {
                { NULL, false, 2049 },       { "", false, 2049 },
                { "rw,soft", false, 2049 },  { "vers=4.2", true, 2049 },
                { "nfsvers=4", true, 2049 }, { "rw,v4.1", true, 2049 },
                { "vers=3", true, 111 },     { "nfsvers=3", true, 111 },
                { "v3", true, 111 },         { "vers=3,port=20490", true, 20490 },
                { "port=0", false, 2049 },   { "port=65536", false, 2049 },
                { "port=x", false, 2049 },   { "port", false, 2049 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(nfs_options_have_version(cases[i].options), cases[i].has_version);
                assert_int_equal(nfs_options_port(cases[i].options), cases[i].port);
        }
}

/* A port of this machine on which nobody listens. */
static unsigned closed_port(void)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
        (void) close(fd);
        return ntohs(address.sin_port);
}

static void test_server_that_is_not_there_is_told_at_once(void **state)
{
        char *addresses[] = { (char *) "127.0.0.1", NULL };
        char options[32];
        Target target = {
                .type = TARGET_NFS,
                .what = (char *) "127.0.0.1:/export",
                .options = options,
                .addresses = addresses,
                .timeout_usec = 120 * USEC_PER_SEC,
        };

        (void) snprintf(options, sizeof(options), "port=%u", closed_port());
        assert_int_equal(mount_nfs(&target, "/nonexistent"), -ECONNREFUSED);
        target.addresses = NULL;
        assert_int_equal(mount_nfs(&target, "/nonexistent"), -ECONNREFUSED);
        target.what = (char *) "nothing";
        assert_int_equal(mount_nfs(&target, "/nonexistent"), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host_of_a_target),
                cmocka_unit_test(test_options_never_wait_for_ever),
                cmocka_unit_test(test_version_and_port),
                cmocka_unit_test(test_server_that_is_not_there_is_told_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
