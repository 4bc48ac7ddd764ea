/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "mount-nfs.h"
#include "test.h"

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

static void test_version(void **state)
{
        static const struct {
                const char *options;
                bool has_version;
        } cases[] = {
                { NULL, false },       { "", false },         { "rw,soft", false },
                { "vers=4.2", true },  { "nfsvers=4", true }, { "rw,v4.1", true },
                { "nfsvers=3", true }, { "v3", true },        { "port=2049", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(nfs_options_have_version(cases[i].options), cases[i].has_version);
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
                cmocka_unit_test(test_options_never_wait_for_ever),
                cmocka_unit_test(test_version),
                cmocka_unit_test(test_server_that_is_not_there_is_told_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
