/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/wait.h>

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

static bool is_locked(int dir_fd, const char *name)
{
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        if (flock(fd, LOCK_EX | LOCK_NB) >= 0)
                return false;
        assert_int_equal(errno, EWOULDBLOCK);
        return true;
}

static void test_locked_as_long_as_it_is_written(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        Sink *sink = NULL;

        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(sink_write(sink, 0, "x", 1), 0);
        assert_true(is_locked(dir_fd, "a-incomplete"));
        assert_int_equal(sink_commit(sink), 0);
        assert_true(is_locked(dir_fd, "a"));
        sink = sink_free(sink);
        assert_false(is_locked(dir_fd, "a"));
}

static void test_lock_goes_with_its_process(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        int ready[2], status;
        Sink *sink = NULL;
        char byte;
        pid_t pid;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (sink_file_open(dir_fd, "a-incomplete", "a", &sink) < 0 ||
                    write(ready[1], "x", 1) != 1)
                        _exit(1);
                for (;;)
                        (void) pause();
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        assert_true(is_locked(dir_fd, "a-incomplete"));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_false(is_locked(dir_fd, "a-incomplete"));
        close_fd(ready[0]);
        close_fd(ready[1]);
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

/* A folder on a disk, where there is a page cache to look at. Skips the test if there is none. */
static int disk_folder_new(char root[static 32])
{
        struct statfs fs;
        int dir_fd;

        (void) snprintf(root, 32, "/var/tmp/kdumpd-test-XXXXXX");
        if (statfs("/var/tmp", &fs) < 0 || fs.f_type == TMPFS_MAGIC)
                skip();
        assert_non_null(mkdtemp(root));
        dir_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir_fd >= 0);
        return dir_fd;
}

static void disk_folder_remove(const char *root, int dir_fd)
{
        (void) unlinkat(dir_fd, "a", 0);
        (void) rmdir(root);
}

static void test_page_cache_stays_small(void **state)
{
        char root[32];
        _cleanup_close_ int dir_fd = disk_folder_new(root);
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_free_ char *piece = malloc(PIECE + 123);
        size_t most = 0;

        assert_non_null(piece);
        memset(piece, 'x', PIECE + 123);
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        for (size_t i = 0; i < 48; i++) {
                assert_int_equal(sink_write(sink, PIECE + i * (PIECE + 123), piece, PIECE + 123),
                                 0);
                assert_int_equal(sink_write(sink, i * 1000, piece, 1000), 0);
                most = MAX(most, resident_bytes(dir_fd, "a-incomplete"));
        }
        assert_int_equal(sink_commit(sink), 0);
        disk_folder_remove(root, dir_fd);
        print_message("at most %zu KiB of 49 MiB in the page cache\n", most >> 10);
        assert_in_range(most, 1, 16 * PIECE);
}

static void test_data_and_what_describes_it_leave_no_page_cache(void **state)
{
        char root[32];
        _cleanup_close_ int dir_fd = disk_folder_new(root);
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_free_ char *piece = aligned_alloc(SINK_DATA_ALIGN, PIECE);
        _cleanup_free_ char *data = NULL;
        size_t most = 0, size;

        assert_non_null(piece);
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(sink_reserve(sink, 100, 4000), 0);
        for (size_t i = 0; i < 32; i++) {
                memset(piece, 'a' + (int) i % 26, PIECE);
                assert_int_equal(sink_write_data(sink, (1 + (i ^ 1)) * PIECE, piece, PIECE), 0);
                assert_int_equal(sink_write(sink, i * 1000, piece, 1000), 0);
                most = MAX(most, resident_bytes(dir_fd, "a-incomplete"));
        }
        assert_int_equal(sink_commit(sink), 0);
        assert_int_equal(file_read(dir_fd, "a", 64 << 20, &data, &size), 0);
        disk_folder_remove(root, dir_fd);
        assert_int_equal(size, 33 * PIECE);
        for (size_t i = 0; i < 32; i++) {
                assert_int_equal(data[i * 1000 + 999], 'a' + (int) i % 26);
                assert_int_equal(data[(1 + (i ^ 1)) * PIECE], 'a' + (int) i % 26);
                assert_int_equal(data[(2 + (i ^ 1)) * PIECE - 1], 'a' + (int) i % 26);
        }
        print_message("at most %zu KiB of 33 MiB in the page cache\n", most >> 10);
        assert_in_range(most, 0, 12 * PIECE);
}

static void test_reserved_range_reads_as_zero(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_free_ char *data = NULL;
        char zeros[2990] = {};
        size_t size;

        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        assert_int_equal(sink_reserve(sink, 10, 2990), 0);
        assert_int_equal(sink_write(sink, 0, "0123456789", 10), 0);
        assert_int_equal(sink_commit(sink), 0);
        assert_int_equal(file_read(dir_fd, "a", 10000, &data, &size), 0);
        assert_int_equal(size, 3000);
        assert_memory_equal(data, "0123456789", 10);
        assert_memory_equal(data + 10, zeros, 2990);
}

#define N_WRITERS 4
#define WRITER_PIECES ((size_t) 100)

typedef struct Writer {
        pthread_t thread;
        Sink *sink;
        size_t number;
        int result;
} Writer;

static char writer_letter(size_t number, size_t i)
{
        return (char) ('a' + (number * WRITER_PIECES + i) % 23);
}

/* Every fourth block of data, and every fourth piece of 5000 bytes in front of all data. */
static void *writer_run(void *data)
{
        const uint64_t data_offset = ALIGN_UP(N_WRITERS * WRITER_PIECES * 5000, 4096);
        Writer *writer = data;
        char *block = aligned_alloc(SINK_DATA_ALIGN, 65536);

        for (size_t i = 0; block && i < WRITER_PIECES && writer->result >= 0; i++) {
                uint64_t k = i * N_WRITERS + writer->number;

                memset(block, writer_letter(writer->number, i), 65536);
                writer->result =
                        sink_write_data(writer->sink, data_offset + k * 65536, block, 65536);
                if (writer->result >= 0)
                        writer->result = sink_write(writer->sink, k * 5000, block, 5000);
        }
        free(block);
        return NULL;
}

static void test_writers_do_not_disturb_each_other(void **state)
{
        const uint64_t data_offset = ALIGN_UP(N_WRITERS * WRITER_PIECES * 5000, 4096);
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_free_ char *data = NULL;
        Writer writers[N_WRITERS] = {};
        size_t size;

        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        for (size_t i = 0; i < N_WRITERS; i++) {
                writers[i] = (Writer){ .sink = sink, .number = i };
                assert_int_equal(pthread_create(&writers[i].thread, NULL, writer_run, &writers[i]),
                                 0);
        }
        for (size_t i = 0; i < N_WRITERS; i++) {
                assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
                assert_int_equal(writers[i].result, 0);
        }
        assert_int_equal(sink_commit(sink), 0);
        assert_int_equal(file_read(dir_fd, "a", 64 << 20, &data, &size), 0);
        assert_int_equal(size, data_offset + N_WRITERS * WRITER_PIECES * 65536);
        for (size_t k = 0; k < N_WRITERS * WRITER_PIECES; k++) {
                char letter = writer_letter(k % N_WRITERS, k / N_WRITERS);

                for (size_t i = 0; i < 5000; i++)
                        if (data[k * 5000 + i] != letter)
                                fail_msg("piece %zu, byte %zu", k, i);
                for (size_t i = 0; i < 65536; i++)
                        if (data[data_offset + k * 65536 + i] != letter)
                                fail_msg("block %zu, byte %zu", k, i);
        }
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
                cmocka_unit_test(test_locked_as_long_as_it_is_written),
                cmocka_unit_test(test_lock_goes_with_its_process),
                cmocka_unit_test(test_symbolic_link_is_not_followed),
                cmocka_unit_test(test_two_tries_do_not_take_each_others_name),
                cmocka_unit_test(test_missing_folder),
                cmocka_unit_test(test_page_cache_stays_small),
                cmocka_unit_test(test_data_and_what_describes_it_leave_no_page_cache),
                cmocka_unit_test(test_reserved_range_reads_as_zero),
                cmocka_unit_test(test_writers_do_not_disturb_each_other),
                cmocka_unit_test(test_full_file_system),
                cmocka_unit_test(test_size_limit),
                cmocka_unit_test(test_adopt_file_of_another_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
