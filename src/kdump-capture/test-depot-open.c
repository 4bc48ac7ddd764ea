/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where no network leads anywhere: in a network namespace of the test's own. */
#include <sched.h>

#include "depot-open.h"
#include "test.h"

static void host_log(int level, const char *text)
{
}

static void host_moved(void *userdata)
{
}

static int open_target(const Target *target)
{
        const DepotHost host = {
                .version = DEPOT_MODULE_VERSION,
                .log = host_log,
                .moved = host_moved,
        };
        ProgressPipe nowhere = { .fd = -EBADF };
        Depot *depot = NULL;
        int r;

        r = depot_open(target, 0, &host, &nowhere, &depot);
        (void) depot_free(depot);
        return r;
}

static void test_a_server_is_not_asked_before_a_way_leads_there(void **state)
{
        static const TargetType types[] = { TARGET_NFS, TARGET_SSH, TARGET_URL };
        char *addresses[] = { (char[]){ "192.0.2.1" }, (char[]){ "2001:db8::1" }, NULL };

        if (unshare(CLONE_NEWNET) < 0)
                skip();
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                const Target target = {
                        .type = types[i],
                        .what = (char[]){ "server" },
                        .path = (char[]){ "/" },
                        .addresses = addresses,
                        .connect_usec = 1,
                        .timeout_usec = 3600 * USEC_PER_SEC,
                };

                assert_int_equal(open_target(&target), -ETIMEDOUT);
        }
}

static void test_the_time_out_is_the_limit_where_no_other_is_said(void **state)
{
        char *addresses[] = { (char[]){ "192.0.2.1" }, NULL };
        const Target target = {
                .type = TARGET_SSH,
                .what = (char[]){ "server" },
                .addresses = addresses,
                .timeout_usec = 1,
        };

        if (unshare(CLONE_NEWNET) < 0)
                skip();
        assert_int_equal(open_target(&target), -ETIMEDOUT);
}

/* Its module says what it thinks of it, or is not installed. */
static void test_what_has_no_addresses_is_for_the_resolver(void **state)
{
        const Target target = {
                .type = TARGET_SSH,
                .what = (char[]){ "nobody" },
                .connect_usec = USEC_INFINITY,
                .timeout_usec = USEC_PER_SEC,
        };
        int r = open_target(&target);

        assert_true(r < 0);
        assert_int_not_equal(r, -ETIMEDOUT);
}

static void test_an_unknown_kind_is_refused(void **state)
{
        const Target target = { .type = TARGET_PATH, .what = (char[]){ "x" } };

        assert_int_equal(open_target(&target), -EOPNOTSUPP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_server_is_not_asked_before_a_way_leads_there),
                cmocka_unit_test(test_the_time_out_is_the_limit_where_no_other_is_said),
                cmocka_unit_test(test_what_has_no_addresses_is_for_the_resolver),
                cmocka_unit_test(test_an_unknown_kind_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
