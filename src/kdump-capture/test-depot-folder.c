/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "depot-folder.h"
#include "io.h"
#include "test.h"

static Depot *depot_new(const char *root, const char *path)
{
        Depot *depot = NULL;

        assert_int_equal(depot_folder_new(test_root_open(root), path, &depot), 0);
        return depot;
}

static void put(Depot *depot, const char *text)
{
        _cleanup_(sink_freep) Sink *sink = NULL;

        assert_int_equal(depot->ops->open(depot, "new", "file", strlen(text), &sink), 0);
        assert_int_equal(sink_write(sink, 0, text, strlen(text)), 0);
        assert_int_equal(sink_commit(sink), 0);
}

static void assert_text(int dir_fd, const char *path, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_int_equal(file_read(dir_fd, path, 1000, &text, &size), 0);
        assert_string_equal(text, expected);
}

static void test_files_are_in_the_folder_that_was_begun(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(depot_freep) Depot *depot = depot_new(root, "/var/crash");
        _cleanup_free_ char *where = NULL;
        struct stat st;

        assert_int_equal(depot_folder_fd(depot), -EBADF);
        assert_int_equal(depot->ops->begin(depot, "one", &where), 0);
        assert_string_equal(where, "/var/crash/one");
        put(depot, "first");
        assert_text(root_fd, "var/crash/one/file", "first");
        put(depot, "second");
        assert_text(root_fd, "var/crash/one/file", "second");
        assert_int_equal(faccessat(root_fd, "var/crash/one/new", F_OK, 0), -1);
        assert_int_equal(fstatat(root_fd, "var/crash/one/file", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_text(depot_folder_fd(depot), "file", "second");
}

static void test_there_is_one_folder_and_it_is_new(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(depot_freep) Depot *depot = depot_new(root, "/");
        _cleanup_free_ char *where = NULL;

        assert_int_equal(mkdirat(root_fd, "old", 0700), 0);
        assert_int_equal(depot->ops->begin(depot, "old", &where), -EEXIST);
        assert_null(where);
        assert_int_equal(depot->ops->begin(depot, "new", &where), 0);
        assert_string_equal(where, "/new");
        assert_int_equal(depot->ops->begin(depot, "newer", &where), -EBUSY);
}

static void test_discarded_folder_leaves_nothing(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(depot_freep) Depot *depot = depot_new(root, "/dumps"), *used = NULL;
        _cleanup_free_ char *where = NULL;

        assert_int_equal(depot->ops->discard(depot), -EBADF);
        assert_int_equal(depot->ops->begin(depot, "trial", &where), 0);
        put(depot, "text");
        assert_int_equal(depot->ops->discard(depot), 0);
        assert_int_equal(faccessat(root_fd, "dumps/trial", F_OK, 0), -1);
        assert_int_equal(faccessat(root_fd, "dumps", F_OK, 0), 0);

        assert_int_equal(depot_folder_use(root_fd, &used), 0);
        assert_int_equal(used->ops->discard(used), -EBADF);
}

static void test_room_is_that_of_the_file_system(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_(depot_freep) Depot *depot = depot_new(root, "/");
        uint64_t bytes = 0;

        assert_int_equal(depot->ops->room(depot, &bytes), 0);
        assert_true(bytes > 0);
}

static void test_a_folder_that_is_there_stays_its_owners(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        Depot *depot;

        assert_int_equal(depot_folder_use(dir_fd, &depot), 0);
        assert_int_equal(depot_folder_fd(depot), dir_fd);
        put(depot, "text");
        depot_free(depot);
        assert_text(dir_fd, "file", "text");
}

static void test_other_depots_have_no_folder(void **state)
{
        static const DepotOps ops = { .name = "other" };
        const Depot other = { .ops = &ops };

        assert_int_equal(depot_folder_fd(&other), -EOPNOTSUPP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files_are_in_the_folder_that_was_begun),
                cmocka_unit_test(test_there_is_one_folder_and_it_is_new),
                cmocka_unit_test(test_discarded_folder_leaves_nothing),
                cmocka_unit_test(test_room_is_that_of_the_file_system),
                cmocka_unit_test(test_a_folder_that_is_there_stays_its_owners),
                cmocka_unit_test(test_other_depots_have_no_folder),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
