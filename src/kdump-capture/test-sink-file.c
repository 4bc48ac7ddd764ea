/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include "io.h"
#include "sink-file.h"
#include "test.h"

#define PIECE ((size_t) 1 << 20)

static bool exists(int dir_fd, const char *name)
{
        struct stat st;

        return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0;
}

static void test_final_name_only_after_commit(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t size;

        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(sink_write(sink, 10, "behind", 6), 0);
        assert_int_equal(sink_write(sink, 0, "before", 6), 0);
        assert_int_equal(sink_write(sink, 5, NULL, 0), 0);
        assert_int_equal(sink_sync(sink), 0);
        assert_true(exists(dir_fd, "a-incomplete"));
        assert_false(exists(dir_fd, "a"));
        assert_int_equal(fstatat(dir_fd, "a-incomplete", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        assert_int_equal(sink_commit(sink), 0);
        assert_false(exists(dir_fd, "a-incomplete"));
        assert_int_equal(file_read(dir_fd, "a", 100, &data, &size), 0);
        assert_int_equal(size, 16);
        assert_memory_equal(data, "before\0\0\0\0behind", 16);
        assert_int_equal(sink->written_bytes, 12);
}

static void test_given_up_keeps_the_incomplete_name(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        Sink *sink = NULL;

        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(sink_write(sink, 0, "x", 1), 0);
        sink = sink_free(sink);
        assert_true(exists(dir_fd, "a-incomplete"));
        assert_false(exists(dir_fd, "a"));
}

static void test_symbolic_link_is_not_followed(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_(sink_freep) Sink *sink = NULL;

        assert_int_equal(symlinkat("victim", dir_fd, "a-incomplete"), 0);
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(sink_write(sink, 0, "x", 1), 0);
        assert_int_equal(sink_commit(sink), 0);
        assert_false(exists(dir_fd, "victim"));
}

static void test_two_tries_do_not_take_each_others_name(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_(sink_freep) Sink *first = NULL, *second = NULL;
        _cleanup_free_ char *data = NULL;

        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &first), 0);
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &second), 0);
        assert_int_equal(sink_write(first, 0, "1", 1), 0);
        assert_int_equal(sink_write(second, 0, "2", 1), 0);
        assert_int_equal(sink_commit(first), -ESTALE);
        assert_false(exists(dir_fd, "a"));
        assert_int_equal(sink_commit(second), 0);
        assert_int_equal(file_read(dir_fd, "a", 100, &data, NULL), 0);
        assert_string_equal(data, "2");
}

static void test_missing_folder(void **state)
{
        Sink *sink = NULL;

        assert_int_equal(sink_file_open(AT_FDCWD, "/nonexistent/a-incomplete", "a", &sink),
                         -ENOENT);
        assert_null(sink);
}

/* Pages of the file that are in the page cache. */
static size_t resident_bytes(int dir_fd, const char *name)
{
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        size_t page = (size_t) sysconf(_SC_PAGESIZE), n = 0, n_pages;
        _cleanup_free_ unsigned char *resident = NULL;
        struct stat st;
        void *map;

        assert_int_equal(fstat(fd, &st), 0);
        n_pages = DIV_ROUND_UP((size_t) st.st_size, page);
        resident = calloc(n_pages, 1);
        map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        assert_true(map != MAP_FAILED);
        assert_int_equal(mincore(map, (size_t) st.st_size, resident), 0);
        for (size_t i = 0; i < n_pages; i++)
                n += resident[i] & 1;
        (void) munmap(map, (size_t) st.st_size);
        return n * page;
}

static void test_page_cache_stays_small(void **state)
{
        char root[] = "/var/tmp/kdumpd-test-XXXXXX";
        _cleanup_close_ int dir_fd = -EBADF;
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_free_ char *piece = malloc(PIECE + 123);
        struct statfs fs;
        size_t most = 0;

        if (statfs("/var/tmp", &fs) < 0 || fs.f_type == TMPFS_MAGIC)
                skip();
        assert_non_null(piece);
        memset(piece, 'x', PIECE + 123);
        assert_non_null(mkdtemp(root));
        dir_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir_fd >= 0);
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        for (size_t i = 0; i < 48; i++) {
                assert_int_equal(sink_write(sink, PIECE + i * (PIECE + 123), piece, PIECE + 123),
                                 0);
                assert_int_equal(sink_write(sink, i * 1000, piece, 1000), 0);
                most = MAX(most, resident_bytes(dir_fd, "a-incomplete"));
        }
        assert_int_equal(sink_commit(sink), 0);
        (void) unlinkat(dir_fd, "a", 0);
        (void) rmdir(root);
        print_message("at most %zu KiB of 49 MiB in the page cache\n", most >> 10);
        assert_in_range(most, 1, 16 * PIECE);
}

static int write_until_error(Sink *sink, uint64_t end)
{
        _cleanup_free_ char *piece = calloc(1, PIECE);
        int r = 0;

        assert_non_null(piece);
        for (uint64_t offset = 0; offset < end && r >= 0; offset += PIECE)
                r = sink_write(sink, offset, piece, PIECE);
        return r >= 0 ? sink_sync(sink) : r;
}

static void test_full_file_system(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = -EBADF;
        _cleanup_(sink_freep) Sink *sink = NULL;

        /* In a mount namespace of our own: it goes with the process, whatever happens. */
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=5m") < 0)
                skip();
        dir_fd = test_root_open(root);
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(write_until_error(sink, 16 * PIECE), -ENOSPC);
        assert_true(exists(dir_fd, "a-incomplete"));
        assert_false(exists(dir_fd, "a"));
        sink = sink_free(sink);
        dir_fd = close_fd(dir_fd);
        assert_int_equal(umount2(root, MNT_DETACH), 0);
}

static void test_size_limit(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_(sink_freep) Sink *sink = NULL;
        struct rlimit before, limit;

        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = (struct rlimit){ .rlim_cur = 5 * PIECE / 2, .rlim_max = before.rlim_max };
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(write_until_error(sink, 16 * PIECE), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void test_adopt_file_of_another_program(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        struct stat st;
        uint64_t size;

        test_write_text(dir_fd, "a-incomplete", "12345");
        assert_int_equal(fchmodat(dir_fd, "a-incomplete", 0644, 0), 0);
        assert_int_equal(sink_file_adopt(dir_fd, "a-incomplete", "a", &size), 0);
        assert_int_equal(size, 5);
        assert_int_equal(fstatat(dir_fd, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        assert_int_equal(sink_file_adopt(dir_fd, "b-incomplete", "b", &size), -ENOENT);
        assert_int_equal(symlinkat("a", dir_fd, "c-incomplete"), 0);
        assert_int_equal(sink_file_adopt(dir_fd, "c-incomplete", "c", &size), -ELOOP);
        assert_int_equal(mkfifoat(dir_fd, "d-incomplete", 0600), 0);
        assert_int_equal(sink_file_adopt(dir_fd, "d-incomplete", "d", &size), -EBADF);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_final_name_only_after_commit),
                cmocka_unit_test(test_given_up_keeps_the_incomplete_name),
                cmocka_unit_test(test_symbolic_link_is_not_followed),
                cmocka_unit_test(test_two_tries_do_not_take_each_others_name),
                cmocka_unit_test(test_missing_folder),
                cmocka_unit_test(test_page_cache_stays_small),
                cmocka_unit_test(test_full_file_system),
                cmocka_unit_test(test_size_limit),
                cmocka_unit_test(test_adopt_file_of_another_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
