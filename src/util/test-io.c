/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of whole reads and writes, on real files. */
#include "test.h"

#include "io.h"

static void test_file_read(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_free_ char *data = NULL, *large = NULL;
        char *untouched = NULL;
        size_t size;

        test_write(dir_fd, "nul", "a\0b", 3);
        assert_int_equal(file_read(dir_fd, "nul", 3, &data, &size), 0);
        assert_int_equal(size, 3);
        assert_memory_equal(data, "a\0b", 4);
        assert_int_equal(file_read(dir_fd, "nul", 2, &untouched, &size), -EFBIG);
        assert_int_equal(file_read(dir_fd, "missing", 9, &untouched, &size), -ENOENT);
        assert_int_equal(file_read(dir_fd, ".", 9, &untouched, &size), -EISDIR);
        assert_null(untouched);

        large = malloc(100000);
        assert_non_null(large);
        memset(large, 'x', 100000);
        test_write(dir_fd, "large", large, 100000);
        free(TAKE_PTR(data));
        assert_int_equal(file_read(dir_fd, "large", 100000, &data, &size), 0);
        assert_int_equal(size, 100000);
        assert_memory_equal(data, large, size);
        assert_int_equal(data[size], 0);
}

static void test_file_read_line(void **state)
{
        static const struct {
                const char *text, *line;
        } cases[] = { { "1\n", "1" }, { "", "" }, { "\n\n", "" }, { "a b", "a b" } };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *line = NULL;

                test_write_text(dir_fd, "file", cases[i].text);
                assert_int_equal(file_read_line(dir_fd, "file", &line), 0);
                assert_string_equal(line, cases[i].line);
        }
}

static void test_full_reads_end_early(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_close_ int fd = -EBADF;
        char buf[8] = "";

        test_write_text(dir_fd, "file", "12345678");
        fd = openat(dir_fd, "file", O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(read_full(fd, buf, 8), 0);
        assert_memory_equal(buf, "12345678", 8);
        assert_int_equal(read_full(fd, buf, 1), -ENODATA);
        assert_int_equal(pread_full(fd, buf, 4, 4), 0);
        assert_memory_equal(buf, "5678", 4);
        assert_int_equal(pread_full(fd, buf, 5, 4), -ENODATA);
        assert_int_equal(pwrite_full(fd, "ab", 2, 6), 0);
        assert_int_equal(pread_full(fd, buf, 8, 0), 0);
        assert_memory_equal(buf, "123456ab", 8);
        assert_int_equal(write_full(-1, "x", 1), -EBADF);
}

static void test_fd_copy(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_close_ int from = -EBADF, to = -EBADF;
        _cleanup_free_ char *data = calloc(1, 700000), *copy = NULL;
        uint64_t bytes = 0;
        size_t size;

        assert_non_null(data);
        for (size_t i = 0; i < 700000; i++)
                data[i] = (char) (i * 7 / 3);
        test_write(dir_fd, "from", data, 700000);
        from = openat(dir_fd, "from", O_RDONLY | O_CLOEXEC);
        to = openat(dir_fd, "to", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(from >= 0 && to >= 0);
        assert_int_equal(fd_copy(from, to, &bytes), 0);
        assert_int_equal(bytes, 700000);
        assert_int_equal(file_read(dir_fd, "to", 700000, &copy, &size), 0);
        assert_int_equal(size, 700000);
        assert_memory_equal(copy, data, size);
        assert_int_equal(fd_copy(from, to, NULL), 0);
}

static void test_file_write_atomic_replaces(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_free_ char *text = NULL;
        struct stat st;

        assert_int_equal(mkdirat(dir_fd, "d", 0700), 0);
        test_write_text(dir_fd, "d/file", "old");
        /* What a run before has left, even a link to elsewhere, is not in the way. */
        assert_int_equal(symlinkat("/nowhere/at/all", dir_fd, "d/file.tmp"), 0);
        assert_int_equal(file_write_atomic(dir_fd, "d/file", "new", 3, 0640), 0);
        assert_int_equal(file_read_line(dir_fd, "d/file", &text), 0);
        assert_string_equal(text, "new");
        assert_int_equal(fstatat(dir_fd, "d/file.tmp", &st, AT_SYMLINK_NOFOLLOW), -1);
        assert_int_equal(file_write_atomic(dir_fd, "top", "x", 1, 0600), 0);
        assert_int_equal(fstatat(dir_fd, "top", &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_file_write_atomic_has_its_mode_under_any_umask(void **state)
{
        static const mode_t umasks[] = { 0, 0022, 0077, 0777 };
        static const mode_t modes[] = { 0644, 0640, 0600 };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        for (size_t i = 0; i < ELEMENTSOF(umasks) * ELEMENTSOF(modes); i++) {
                mode_t mode = modes[i % ELEMENTSOF(modes)];
                mode_t before = umask(umasks[i / ELEMENTSOF(modes)]);
                int r = file_write_atomic(dir_fd, "file", "x", 1, mode);
                struct stat st;

                (void) umask(before);
                assert_int_equal(r, 0);
                assert_int_equal(fstatat(dir_fd, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
                assert_int_equal(st.st_mode & 07777, mode);
        }
}

static void test_file_write_atomic_leaves_nothing_on_failure(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        struct stat st;

        assert_int_equal(file_write_atomic(dir_fd, "none/file", "x", 1, 0600), -ENOENT);
        assert_int_equal(mkdirat(dir_fd, "folder", 0700), 0);
        assert_int_equal(mkdirat(dir_fd, "folder/sub", 0700), 0);
        assert_true(file_write_atomic(dir_fd, "folder", "x", 1, 0600) < 0);
        assert_int_equal(fstatat(dir_fd, "folder.tmp", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void test_mkdir_parents(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_free_ char *absolute = NULL;
        struct stat st;

        assert_int_equal(mkdir_parents(dir_fd, "a/b//c", 0700), 0);
        assert_int_equal(mkdir_parents(dir_fd, "a/b/c/", 0700), 0);
        assert_int_equal(fstatat(dir_fd, "a/b/c", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(mkdir_parents(dir_fd, "", 0700), 0);
        assert_int_equal(mkdir_parents(dir_fd, ".", 0700), 0);
        assert_int_equal(strprintf(&absolute, "%s/x/y", root), 0);
        assert_int_equal(mkdir_parents(dir_fd, absolute, 0700), 0);
        assert_int_equal(fstatat(dir_fd, "x/y", &st, 0), 0);
        test_write_text(dir_fd, "file", "");
        assert_int_equal(mkdir_parents(dir_fd, "file", 0700), -ENOTDIR);
        assert_int_equal(mkdir_parents(dir_fd, "file/b", 0700), -ENOTDIR);
}

static void test_mkdir_parents_gives_modes_under_any_umask(void **state)
{
        static const mode_t umasks[] = { 0, 0022, 0077 };
        static const mode_t modes[] = { 0755, 0700 };

        for (size_t i = 0; i < ELEMENTSOF(umasks) * ELEMENTSOF(modes); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int dir_fd = test_root_open(root);
                mode_t mode = modes[i % ELEMENTSOF(modes)];
                mode_t before = umask(umasks[i / ELEMENTSOF(modes)]);
                int r = mkdir_parents(dir_fd, "a/b", mode);
                struct stat st;

                (void) umask(before);
                assert_int_equal(r, 0);
                assert_int_equal(fstatat(dir_fd, "a", &st, 0), 0);
                assert_int_equal(st.st_mode & 07777, mode);
                assert_int_equal(fstatat(dir_fd, "a/b", &st, 0), 0);
                assert_int_equal(st.st_mode & 07777, mode);
        }
}

static void test_fsync_path(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        assert_int_equal(fsync_path(dir_fd, "."), 0);
        assert_int_equal(fsync_path(dir_fd, "none"), -ENOENT);
        test_write_text(dir_fd, "file", "");
        assert_int_equal(fsync_path(dir_fd, "file"), -ENOTDIR);
}

static void test_deadline_passed(void **state)
{
        uint64_t now_usec = now_boottime_usec();

        assert_false(deadline_passed(0));
        assert_false(deadline_passed(USEC_INFINITY));
        assert_false(deadline_passed(now_usec + 3600 * USEC_PER_SEC));
        assert_true(deadline_passed(now_usec));
        assert_true(deadline_passed(1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file_read),
                cmocka_unit_test(test_file_read_line),
                cmocka_unit_test(test_full_reads_end_early),
                cmocka_unit_test(test_fd_copy),
                cmocka_unit_test(test_file_write_atomic_replaces),
                cmocka_unit_test(test_file_write_atomic_has_its_mode_under_any_umask),
                cmocka_unit_test(test_file_write_atomic_leaves_nothing_on_failure),
                cmocka_unit_test(test_mkdir_parents),
                cmocka_unit_test(test_mkdir_parents_gives_modes_under_any_umask),
                cmocka_unit_test(test_fsync_path),
                cmocka_unit_test(test_deadline_passed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
