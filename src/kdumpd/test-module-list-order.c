/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of module-list-order.c: lists of depmod(8) that are made up. */
#include "module-list-order.h"

#include "test-fixture.h"

#include "strv.h"

#define FOLDER "/lib/modules/6.1/"

static const char dep[] = "kernel/lib/crc16.ko:\n"
                          "kernel/arch/x86/crypto/crc32c-intel.ko.xz:\n"
                          "kernel/crypto/crc32c_generic.ko.xz:\n"
                          "kernel/fs/mbcache.ko:\n"
                          "kernel/fs/jbd2/jbd2.ko:\n"
                          "kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/fs/mbcache.ko "
                          "kernel/lib/crc16.ko\n"
                          "kernel/a.ko: kernel/b.ko\n"
                          "kernel/b.ko: kernel/a.ko\n"
                          "kernel/watch-dog.ko:\n"
                          "kernel/after.ko:\n"
                          "kernel/gone.ko: kernel/not-there.ko\n"
                          "no colon\n"
                          "not-a-module: kernel/b.ko\n";
static const char softdep[] = "# Soft dependencies extracted from modules themselves.\n"
                              "softdep ext4 pre: crc32c\n"
                              "softdep ext44 pre: watch_dog\n"
                              "softdep watch_dog post: after no_such_module\n"
                              "softdep after pre: watch_dog\n"
                              "softdep\n"
                              "softdep ext4\n";
static const char alias[] = "alias crc32c crc32c-intel\n"
                            "alias pci:v00008086d*sv*sd* watch_dog\n"
                            "alias crypto-crc32c crc32c_generic\n"
                            "alias crc32c crc32c_generic\n"
                            "alias crc32c not_there\n"
                            "alias alone\n";

static void make_lists(Fixture *root)
{
        fixture_init(root);
        fixture_write(root, FOLDER "modules.dep", dep);
        fixture_write(root, FOLDER "modules.softdep", softdep);
        fixture_write(root, FOLDER "modules.alias", alias);
}

static void test_what_is_needed_comes_first(void **state)
{
        static const struct {
                const char *names, *paths;
        } cases[] = {
                { "ext4", "kernel/arch/x86/crypto/crc32c-intel.ko.xz "
                          "kernel/crypto/crc32c_generic.ko.xz kernel/fs/jbd2/jbd2.ko "
                          "kernel/fs/mbcache.ko kernel/lib/crc16.ko kernel/fs/ext4/ext4.ko" },
                { "jbd2 mbcache jbd2", "kernel/fs/jbd2/jbd2.ko kernel/fs/mbcache.ko" },
                /* By an alias, in either way to write it */
                { "crypto_crc32c", "kernel/crypto/crc32c_generic.ko.xz" },
                { "crypto-crc32c", "kernel/crypto/crc32c_generic.ko.xz" },
                /* After it, which wants to come after it */
                { "watch-dog", "kernel/watch-dog.ko kernel/after.ko" },
                { "watch_dog", "kernel/watch-dog.ko kernel/after.ko" },
                { "after", "kernel/watch-dog.ko kernel/after.ko" },
                /* Each needs the other: no order is right, none takes for ever. */
                { "a", "kernel/b.ko kernel/a.ko" },
                /* Built in, or not there */
                { "no_such_module", "" },
                { "gone", "kernel/gone.ko" },
                { "not_a_module alone", "" },
                { "", "" },
        };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        make_lists(&root);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(module_order_freep) ModuleOrder *order = NULL;
                _cleanup_strv_ char **names = NULL, **paths = NULL;
                _cleanup_free_ char *line = NULL;

                assert_int_equal(module_order_new(root.fd, "6.1", &order), 0);
                assert_int_equal(strv_split(cases[i].names, &names), 0);
                for (char **name = names; name && *name; name++)
                        assert_int_equal(module_order_add(order, *name, &paths), 0);
                assert_int_equal(strv_join(paths, &line), 0);
                if (!streq(line, cases[i].paths))
                        fail_msg("%s: '%s'", cases[i].names, line);
        }
}

static void test_files_are_found_by_name(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(module_order_freep) ModuleOrder *order = NULL;

        make_lists(&root);
        assert_int_equal(module_order_new(root.fd, "6.1", &order), 0);
        assert_string_equal(module_order_find(order, "watch_dog"), "kernel/watch-dog.ko");
        assert_string_equal(module_order_find(order, "watch-dog"), "kernel/watch-dog.ko");
        assert_null(module_order_find(order, "crc32c"));
        assert_null(module_order_find(order, ""));
}

static void test_only_modules_dep_must_be_there(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(module_order_freep) ModuleOrder *order = NULL;
        _cleanup_strv_ char **paths = NULL;

        fixture_init(&root);
        assert_int_equal(module_order_new(root.fd, "6.1", &order), -ENOENT);
        fixture_write(&root, FOLDER "modules.dep", "");
        assert_int_equal(module_order_new(root.fd, "6.1", &order), 0);
        assert_int_equal(module_order_add(order, "ext4", &paths), 0);
        assert_null(paths);
        order = module_order_free(order);
        fixture_write(&root, FOLDER "modules.dep", dep);
        assert_int_equal(module_order_new(root.fd, "6.1", &order), 0);
        assert_int_equal(module_order_add(order, "ext4", &paths), 0);
        assert_int_equal(strv_length(paths), 4);
}

/* A list that is damaged must not take the daemon's stack. */
static void test_a_chain_without_an_end_is_refused(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(module_order_freep) ModuleOrder *order = NULL;
        _cleanup_strv_ char **paths = NULL;
        char text[100 * 16] = "";
        size_t size = 0;

        for (unsigned i = 0; i < 100; i++)
                size += (size_t) snprintf(text + size, sizeof(text) - size, "m%u.ko: m%u.ko\n", i,
                                          i + 1);
        fixture_init(&root);
        fixture_write(&root, FOLDER "modules.dep", text);
        assert_int_equal(module_order_new(root.fd, "6.1", &order), 0);
        assert_int_equal(module_order_add(order, "m0", &paths), -ELOOP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_needed_comes_first),
                cmocka_unit_test(test_files_are_found_by_name),
                cmocka_unit_test(test_only_modules_dep_must_be_there),
                cmocka_unit_test(test_a_chain_without_an_end_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
