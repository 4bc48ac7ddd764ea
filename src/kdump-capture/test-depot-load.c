/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "depot-load.h"
#include "test.h"

/* What the host was told. */
typedef struct Told {
        unsigned n_moved;
} Told;

static char last_line[64];

static void take_line(int level, const char *text)
{
        assert_int_equal(level, 6);
        (void) snprintf(last_line, sizeof(last_line), "%s", text);
}

static void take_move(void *userdata)
{
        ((Told *) userdata)->n_moved++;
}

static void test_module_opens_its_depot(void **state)
{
        const Target target = { .what = (char *) "what", .path = (char *) "/" };
        const Target refused = { .what = (char *) "nobody" };
        Told told = {};
        const DepotHost host = {
                .version = DEPOT_MODULE_VERSION,
                .log = take_line,
                .moved = take_move,
                .userdata = &told,
        };
        Depot *depot = NULL;

        assert_int_equal(
                depot_load(TEST_MODULE_DIR "/test-depot-module.so", &host, &target, &depot), 0);
        assert_string_equal(depot->ops->name, "module");
        assert_true(depot->ops->in_order);
        assert_null(depot_free(depot));
        assert_string_equal(last_line, "what");
        assert_int_equal(told.n_moved, 1);
        assert_int_equal(
                depot_load(TEST_MODULE_DIR "/test-depot-module.so", &host, &refused, &depot),
                -ECONNREFUSED);
        assert_string_equal(last_line, "nobody");
}

static void test_what_is_no_module_of_ours_is_refused(void **state)
{
        static const char *const paths[] = {
                "/nonexistent/depot.so",
                "/etc/passwd",
                TEST_MODULE_DIR "/test-depot-module-old.so",
                "libc.so.6",
        };
        const DepotHost host = { .version = DEPOT_MODULE_VERSION };
        const Target target = {};

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                Depot *depot = NULL;

                assert_int_equal(depot_load(paths[i], &host, &target, &depot), -EOPNOTSUPP);
                assert_null(depot);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_module_opens_its_depot),
                cmocka_unit_test(test_what_is_no_module_of_ours_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
