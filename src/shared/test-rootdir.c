/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rootdir.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

#include "test.h"

/* How often openat2(2) still fails, and with what */
static unsigned n_failures;
static int failure;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, int dir_fd, const char *path, struct open_how *how, size_t size);

long __wrap_syscall(long number, int dir_fd, const char *path, struct open_how *how, size_t size)
{
        assert_int_equal(number, SYS_openat2);
        if (n_failures > 0) {
                n_failures--;
                errno = failure;
                return -1;
        }
        return __real_syscall(number, dir_fd, path, how, size);
}

/* The kernel gives up with EAGAIN for any rename that meets a ".."; others last. */
static void test_only_renames_meanwhile_are_tried_again(void **state)
{
        static const struct {
                int failure;
                unsigned n_failures, n_left;
                int strict, open; /* 0: is opened */
        } cases[] = {
                { EAGAIN, 1, 0, 0, 0 },
                { EAGAIN, 20, 0, 0, 0 },
                { EAGAIN, 1000000, 1000000 - 1000, -EAGAIN, -EAGAIN },
                { ENOENT, 2, 1, -ENOENT, -ENOENT },
                { ENOSYS, 2, 1, -ENOSYS, 0 },
                { EPERM, 2, 1, -EPERM, 0 },
        };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        for (size_t i = 0; i < 2 * ELEMENTSOF(cases); i++) {
                int (*open_one)(int, const char *, int) = i % 2 ? root_open : root_open_strict;
                int expected = i % 2 ? cases[i / 2].open : cases[i / 2].strict, fd;

                failure = cases[i / 2].failure;
                n_failures = cases[i / 2].n_failures;
                fd = open_one(root_fd, "/", O_RDONLY | O_DIRECTORY);
                assert_int_equal(MIN(fd, 0), expected);
                assert_int_equal(n_failures, cases[i / 2].n_left);
                close_fd(fd);
        }
        n_failures = 0;
}

static void test_links_stay_inside(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root), fd = -EBADF;
        struct stat expected, st;

        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        assert_int_equal(symlinkat("/etc", root_fd, "absolute"), 0);
        assert_int_equal(symlinkat("../../../../etc", root_fd, "upwards"), 0);
        assert_int_equal(fstatat(root_fd, "etc", &expected, 0), 0);
        for (unsigned i = 0; i < 2; i++) {
                fd = root_open_strict(root_fd, i == 0 ? "/absolute" : "/upwards", O_PATH);
                assert_int_equal(fstat(fd, &st), 0);
                assert_int_equal(st.st_ino, expected.st_ino);
                fd = close_fd(fd);
        }
        assert_int_equal(symlinkat("/proc/self/cwd", root_fd, "magic"), 0);
        assert_int_equal(root_open_strict(root_fd, "/magic", O_PATH), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_only_renames_meanwhile_are_tried_again),
                cmocka_unit_test(test_links_stay_inside),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
