/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "folder.h"
#include "io.h"
#include "test.h"

/* 2026-11-21 02:03:04 UTC */
#define TIME_USEC (UINT64_C(1795226584) * USEC_PER_SEC)

static char *name_of(unsigned try)
{
        char *name;

        assert_int_equal(folder_name("host", TIME_USEC, try, &name), 0);
        return name;
}

static void make(int root_fd, const char *path, unsigned try, const char *expected)
{
        _cleanup_free_ char *name = name_of(try);
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *where = NULL;
        struct stat st;

        assert_int_equal(folder_make(root_fd, path, name, &where, &fd), 0);
        assert_string_equal(where, expected);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_missing_parents_are_made(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        make(root_fd, "/", 0, "/host-2026-11-21-02:03:04");
        make(root_fd, "/a/b//c", 0, "/a/b//c/host-2026-11-21-02:03:04");
        assert_int_equal(faccessat(root_fd, "a/b/c/host-2026-11-21-02:03:04", F_OK, 0), 0);
}

static void test_an_old_dump_is_never_reused(void **state)
{
        _cleanup_free_ char *name = name_of(0), *where = NULL;
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root), fd = -EBADF;

        make(root_fd, "/crash", 0, "/crash/host-2026-11-21-02:03:04");
        assert_int_equal(folder_make(root_fd, "/crash", name, &where, &fd), -EEXIST);
        make(root_fd, "/crash", 1, "/crash/host-2026-11-21-02:03:04.1");
}

static void test_symlinks_stay_on_the_target(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdirat(root_fd, "srv", 0755), 0);
        assert_int_equal(symlinkat("/srv", root_fd, "crash"), 0);
        make(root_fd, "/crash/dumps", 0, "/crash/dumps/host-2026-11-21-02:03:04");
        assert_int_equal(faccessat(root_fd, "srv/dumps/host-2026-11-21-02:03:04", F_OK, 0), 0);
}

static void test_a_file_in_the_way(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *where = NULL;

        test_write_text(root_fd, "crash", "");
        assert_int_equal(folder_make(root_fd, "/crash/x", "name", &where, &fd), -ENOTDIR);
}

static void test_folder_goes_with_its_files_only(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        make(root_fd, "/a/b", 0, "/a/b/host-2026-11-21-02:03:04");
        test_write_text(root_fd, "a/b/host-2026-11-21-02:03:04/file", "text");
        test_write_text(root_fd, "a/b/other", "text");
        assert_int_equal(folder_remove(root_fd, "/a/b", "host-2026-11-21-02:03:04"), 0);
        assert_int_equal(faccessat(root_fd, "a/b/host-2026-11-21-02:03:04", F_OK, 0), -1);
        assert_int_equal(faccessat(root_fd, "a/b/other", F_OK, 0), 0);
        assert_int_equal(folder_remove(root_fd, "/a", "none"), -ENOENT);
        assert_int_equal(folder_remove(root_fd, "/", "a"), -ENOTEMPTY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_missing_parents_are_made),
                cmocka_unit_test(test_an_old_dump_is_never_reused),
                cmocka_unit_test(test_symlinks_stay_on_the_target),
                cmocka_unit_test(test_a_file_in_the_way),
                cmocka_unit_test(test_folder_goes_with_its_files_only),
        };

        if (setenv("TZ", "UTC", 1) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
