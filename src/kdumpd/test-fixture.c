/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making and removing of a test's root folder. */
#include "test-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "rootdir.h"

void fixture_init(Fixture *fixture)
{
        const char *tmp = getenv("TMPDIR");

        assert_int_equal(
                strprintf(&fixture->path, "%s/kdumpd-test-XXXXXX", strempty(tmp) ? "/tmp" : tmp),
                0);
        assert_non_null(mkdtemp(fixture->path));
        fixture->fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fixture->fd >= 0);
}

void fixture_done(Fixture *fixture)
{
        if (!fixture->path)
                return;
        fixture->fd = close_fd(fixture->fd);
        (void) root_remove_tree(AT_FDCWD, fixture->path);
        free(TAKE_PTR(fixture->path));
}

static void make_parents(const Fixture *fixture, const char *path)
{
        _cleanup_free_ char *parent = strdup(root_relative(path));
        char *slash;

        assert_non_null(parent);
        slash = strrchr(parent, '/');
        if (!slash)
                return;
        *slash = '\0';
        assert_int_equal(mkdir_parents(fixture->fd, parent, 0755), 0);
}

void fixture_write_bytes(const Fixture *fixture, const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = -EBADF;

        make_parents(fixture, path);
        fd = openat(fixture->fd, root_relative(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0644);
        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, data, size), 0);
}

void fixture_write(const Fixture *fixture, const char *path, const char *text)
{
        fixture_write_bytes(fixture, path, text, strlen(text));
}

void fixture_mode(const Fixture *fixture, const char *path, unsigned mode)
{
        assert_int_equal(fchmodat(fixture->fd, root_relative(path), mode, 0), 0);
}

void fixture_folder(const Fixture *fixture, const char *path)
{
        assert_int_equal(mkdir_parents(fixture->fd, root_relative(path), 0755), 0);
}

void fixture_link(const Fixture *fixture, const char *path, const char *to)
{
        make_parents(fixture, path);
        assert_int_equal(symlinkat(to, fixture->fd, root_relative(path)), 0);
}
