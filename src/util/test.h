/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What unit tests share: cmocka with the headers it needs, and a folder that goes away again. */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "macro.h"

#include <cmocka.h>

/* Whether this is built with a sanitizer: gcc says so by a macro, clang by a feature. */
#ifdef __has_feature
#define TEST_HAS_FEATURE(feature) __has_feature(feature)
#else
#define TEST_HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || TEST_HAS_FEATURE(address_sanitizer)
#define TEST_WITH_ASAN 1
#else
#define TEST_WITH_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || TEST_HAS_FEATURE(thread_sanitizer)
#define TEST_WITH_TSAN 1
#else
#define TEST_WITH_TSAN 0
#endif

static inline int test_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw)
{
        return remove(path);
}

/* Removes the folder and all in it, and frees the name. */
static inline void test_root_freep(char **root)
{
        if (*root)
                (void) nftw(*root, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(*root);
}
#define _cleanup_test_root_ _cleanup_(test_root_freep)

/* A new empty folder. */
static inline char *test_root_new(void)
{
        char *root = strdup("/tmp/kdumpd-test-XXXXXX");

        assert_non_null(root);
        assert_non_null(mkdtemp(root));
        return root;
}

static inline int test_root_open(const char *root)
{
        int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static inline void test_write(int dir_fd, const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd =
                openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_true(write(fd, data, size) == (ssize_t) size);
}

static inline void test_write_text(int dir_fd, const char *path, const char *text)
{
        test_write(dir_fd, path, text, strlen(text));
}
