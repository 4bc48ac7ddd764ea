/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of last-boot.c: what one boot writes down for the next. */
#include "test-last-boot.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "strv.h"

static void check_file(const Fixture *root, const char *boot_id, uint64_t generation,
                       uint64_t armed_seconds, bool clean)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };

        assert_int_equal(last_boot_read(root->fd, &boot), 0);
        assert_string_equal(boot.boot_id, boot_id);
        assert_int_equal(boot.generation, generation);
        assert_int_equal(boot.armed_realtime_usec, USEC(armed_seconds));
        assert_int_equal(boot.boot_realtime_usec, USEC(BEGAN));
        assert_true(boot.clean == clean);
}

/* With no word of any folder. */
static int arm(const Fixture *root, uint64_t number, uint64_t now_seconds)
{
        return last_boot_armed(root->fd, number, USEC(now_seconds), &(const LastBootDumps){ 0 });
}

static void test_file_is_written_only_when_it_changes(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        struct stat st;

        fixture_init(&root);
        put_boot(&root, THIS_BOOT "\n", BEGAN);
        assert_int_equal(last_boot_clean(root.fd), 0);
        assert_int_equal(arm(&root, 5, ARMED), 1);
        check_file(&root, THIS_BOOT, 5, ARMED, false);
        assert_int_equal(fstatat(root.fd, root_relative(PATH_LAST_BOOT), &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(arm(&root, 5, ARMED + 1), 0);
        /* Another image, and no time without one. */
        assert_int_equal(arm(&root, 6, ARMED + 2), 1);
        check_file(&root, THIS_BOOT, 6, ARMED, false);
        assert_int_equal(last_boot_clean(root.fd), 1);
        check_file(&root, THIS_BOOT, 6, ARMED, true);
        assert_int_equal(last_boot_clean(root.fd), 0);
        assert_int_equal(arm(&root, 6, ARMED + 3), 1);
        check_file(&root, THIS_BOOT, 6, ARMED + 3, false);
}

static void test_file_of_another_boot_stays_until_it_is_told(void **state)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 }, told = { 0 };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        put_boot(&root, THIS_BOOT "\n", BOOTED);
        fixture_write(&root, PATH_LAST_BOOT, ARMED_FILE);
        assert_int_equal(last_boot_clean(root.fd), 0);
        assert_int_equal(last_boot_unwatched(root.fd), 0);
        check_file(&root, OTHER_BOOT, 5, ARMED, false);
        /* Something is armed before it could be told. */
        assert_int_equal(arm(&root, 6, BOOTED), 1);
        assert_int_equal(last_boot_clean(root.fd), 1);
        assert_int_equal(last_boot_read(root.fd, &boot), 0);
        assert_string_equal(boot.boot_id, THIS_BOOT);
        assert_true(boot.clean);
        assert_string_equal(boot.before->boot_id, OTHER_BOOT);
        assert_int_equal(boot.before->generation, 5);
        assert_false(boot.before->clean);
        assert_int_equal(last_boot_told(root.fd), 1);
        assert_int_equal(last_boot_told(root.fd), 0);
        assert_int_equal(last_boot_read(root.fd, &told), 0);
        assert_null(told.before);
        /* Or nothing could be. */
        fixture_write(&root, PATH_LAST_BOOT, ARMED_FILE);
        assert_int_equal(last_boot_told(root.fd), 1);
        check_file(&root, OTHER_BOOT, 5, ARMED, true);
        fixture_write(&root, PATH_LAST_BOOT, "{");
        assert_int_equal(last_boot_told(root.fd), 0);
        assert_int_equal(last_boot_clean(root.fd), 0);
        put_boot(&root, THIS_BOOT "\n", BEGAN);
        assert_int_equal(arm(&root, 5, ARMED), 1);
        check_file(&root, THIS_BOOT, 5, ARMED, false);
}

static void check_watched(const Fixture *root, bool watched, bool clean)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };

        assert_int_equal(last_boot_read(root->fd, &boot), 0);
        assert_true(boot.unwatched == !watched);
        assert_true(boot.clean == clean);
}

static void test_end_of_the_daemon_is_no_end_of_the_boot(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        put_boot(&root, THIS_BOOT "\n", BEGAN);
        assert_int_equal(last_boot_unwatched(root.fd), 0);
        assert_int_equal(arm(&root, 5, ARMED), 1);
        check_watched(&root, true, false);
        assert_int_equal(last_boot_unwatched(root.fd), 1);
        check_watched(&root, false, false);
        assert_int_equal(last_boot_unwatched(root.fd), 0);
        /* It runs again, and has loaded nothing. */
        assert_int_equal(arm(&root, 5, ARMED + 1), 1);
        check_watched(&root, true, false);
        check_file(&root, THIS_BOOT, 5, ARMED, false);
        assert_int_equal(last_boot_unwatched(root.fd), 1);
        assert_int_equal(last_boot_clean(root.fd), 1);
        check_watched(&root, true, true);
        assert_int_equal(last_boot_unwatched(root.fd), 0);
        check_watched(&root, true, true);
}

static void check_clock(const Fixture *root, uint64_t began_seconds, bool set, bool before_set)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };

        put_boot(root, THIS_BOOT "\n", began_seconds);
        assert_true(arm(root, 5, ARMED) >= 0);
        assert_int_equal(last_boot_read(root->fd, &boot), 0);
        assert_true(boot.clock_set == set);
        assert_true(boot.before ? boot.before->clock_set == before_set : !before_set);
        assert_int_equal(boot.boot_realtime_usec, USEC(set ? BEGAN - 3600 : BEGAN));
}

static void test_clock_that_is_set_is_noticed(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        check_clock(&root, BEGAN, false, false);
        check_clock(&root, BEGAN - 59, false, false);
        check_clock(&root, BEGAN - 3600, true, false);
        check_clock(&root, BEGAN, true, false);
        /* Between two boots. */
        fixture_write(&root, PATH_LAST_BOOT, ARMED_FILE);
        check_clock(&root, BEGAN, false, true);
        fixture_write(&root, PATH_LAST_BOOT, FILE_OF(OTHER_BOOT, 999999, "false"));
        check_clock(&root, BEGAN, false, false);
}

static void check_dumps(const Fixture *root, char **folders, char **dumps,
                        const char *expected_folders, const char *expected_dumps)
{
        const LastBootDumps now = { .folders = folders, .dumps = dumps };
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *all_folders = NULL, *all_dumps = NULL;

        assert_true(last_boot_armed(root->fd, 5, USEC(ARMED), &now) >= 0);
        assert_int_equal(last_boot_read(root->fd, &boot), 0);
        assert_int_equal(strv_join(boot.folders, &all_folders), 0);
        assert_int_equal(strv_join(boot.dumps, &all_dumps), 0);
        assert_string_equal(all_folders, expected_folders);
        assert_string_equal(all_dumps, expected_dumps);
}

static void test_folders_that_cannot_be_seen_are_remembered(void **state)
{
        static char a[] = "/a", b[] = "/b", slash[] = "/", one[] = "/a/1", two[] = "/a/2",
                    three[] = "/b/3", four[] = "/4";
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        put_boot(&root, THIS_BOOT "\n", BEGAN);
        check_dumps(&root, (char *[]){ a, slash, NULL }, (char *[]){ one, four, NULL }, "/a /",
                    "/a/1 /4");
        check_dumps(&root, NULL, NULL, "/a /", "/a/1 /4");
        check_dumps(&root, (char *[]){ b, NULL }, (char *[]){ three, NULL }, "/b /a /",
                    "/b/3 /a/1 /4");
        check_dumps(&root, (char *[]){ a, slash, NULL }, (char *[]){ two, NULL }, "/a / /b",
                    "/a/2 /b/3");
        /* Those of another boot tell nothing of this one. */
        put_boot(&root, OTHER_BOOT "\n", BEGAN);
        check_dumps(&root, NULL, NULL, "", "");
}

static void test_nothing_is_written_if_boots_cannot_be_told_apart(void **state)
{
        static const struct {
                const char *boot_id;
                int error;
        } cases[] = {
                { NULL, -ENOENT },
                { "", -EBADMSG },
                { "11111111-2222-3333-4444-55555555555\n", -EBADMSG },
                { "1111111g-2222-3333-4444-555555555555\n", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

                fixture_init(&root);
                put_boot(&root, cases[i].boot_id, BEGAN);
                assert_int_equal(arm(&root, 5, ARMED), cases[i].error);
                assert_int_equal(last_boot_clean(root.fd), cases[i].error);
                assert_int_equal(faccessat(root.fd, root_relative(PATH_LAST_BOOT), F_OK, 0), -1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file_is_written_only_when_it_changes),
                cmocka_unit_test(test_file_of_another_boot_stays_until_it_is_told),
                cmocka_unit_test(test_end_of_the_daemon_is_no_end_of_the_boot),
                cmocka_unit_test(test_clock_that_is_set_is_noticed),
                cmocka_unit_test(test_folders_that_cannot_be_seen_are_remembered),
                cmocka_unit_test(test_nothing_is_written_if_boots_cannot_be_told_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
