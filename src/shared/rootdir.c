/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the look-ups below a root directory fd. */
#include "rootdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "io.h"
#include "strv.h"

DEFINE_CLEANUP(DIR *, closedir);

#define OPEN_TRIES 1000

const char *root_relative(const char *path)
{
        while (*path == '/')
                path++;
        return *path ? path : ".";
}

int root_open_strict(int root_fd, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t) (flags | O_CLOEXEC),
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        int fd = -1;

        /* openat2(2): EAGAIN if anything was renamed meanwhile and there is a ".." on the way. */
        for (unsigned try = 0; fd < 0 && try < OPEN_TRIES && (try == 0 || errno == EAGAIN); try++)
                fd = (int) syscall(SYS_openat2, root_fd, root_relative(path), &how, sizeof(how));
        return fd < 0 ? -errno : fd;
}

int root_open(int root_fd, const char *path, int flags)
{
        int fd = root_open_strict(root_fd, path, flags);

        /* Kernels before 5.6, and sandboxes that do not know the call. With "/" it is all the same.
         */
        if (fd != -ENOSYS && fd != -EPERM)
                return fd;
        fd = openat(root_fd, root_relative(path), flags | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int fd_path(int fd, char **ret)
{
        char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        char target[PATH_MAX];
        char *copy;
        ssize_t n;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';
        copy = strdup(target);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int root_chase(int root_fd, const char *path, char **ret)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *root = NULL, *full = NULL;
        const char *rest;
        char *copy;
        int r;

        fd = root_open(root_fd, path, O_PATH);
        if (fd < 0)
                return fd;
        r = fd_path(root_fd, &root);
        if (r < 0)
                return r;
        r = fd_path(fd, &full);
        if (r < 0)
                return r;

        rest = streq(root, "/") ? full : startswith(full, root);
        if (!rest)
                return -EXDEV;
        copy = strdup(*rest ? rest : "/");
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int root_link_name(int root_fd, const char *path, char **ret)
{
        _cleanup_close_ int fd = -EBADF;
        char target[PATH_MAX];
        const char *slash;
        char *copy;
        ssize_t n;

        fd = root_open(root_fd, path, O_PATH | O_NOFOLLOW);
        if (fd < 0)
                return fd;
        n = readlinkat(fd, "", target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT ? -EINVAL : -errno;
        target[n] = '\0';
        slash = strrchr(target, '/');
        copy = strdup(slash ? slash + 1 : target);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int root_list(int root_fd, const char *path, char ***ret)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_(closedirp) DIR *dir = NULL;
        int fd, r;

        fd = root_open(root_fd, path, O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return fd;
        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                close_fd(fd);
                return r;
        }
        for (;;) {
                const struct dirent *entry;

                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        break;
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                r = strv_extend(&names, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return -errno;
        strv_sort(names);
        *ret = TAKE_PTR(names);
        return 0;
}

int root_read(int root_fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_size)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_RDONLY | O_NOCTTY);

        return fd < 0 ? fd : fd_read(fd, max_bytes, ret_data, ret_size);
}

int root_read_line(int root_fd, const char *path, char **ret_line)
{
        _cleanup_free_ char *data = NULL;
        int r;

        r = root_read(root_fd, path, 1024 * 1024, &data, NULL);
        if (r < 0)
                return r;
        cut_newlines(data);
        *ret_line = TAKE_PTR(data);
        return 0;
}

bool root_is_ours(int root_fd)
{
        struct stat a, b;

        return fstat(root_fd, &a) == 0 && stat("/", &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

static int remove_children(int fd)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(fd, ".", &names);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++) {
                r = root_remove_tree(fd, *name);
                if (r < 0)
                        return r;
        }
        return 0;
}

int root_remove_tree(int root_fd, const char *path)
{
        _cleanup_close_ int fd = -EBADF;
        const char *relative = root_fd == AT_FDCWD ? path : root_relative(path);
        int r;

        if (unlinkat(root_fd, relative, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        fd = openat(root_fd, relative, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = remove_children(fd);
        if (r < 0)
                return r;
        return unlinkat(root_fd, relative, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static bool program_exists(int root_fd, const char *path)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

int root_find_program(int root_fd, const char *name, char **ret)
{
        static const char *const folders[] = {
                "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
        };
        _cleanup_free_ char *path = NULL;
        int r;

        if (strchr(name, '/')) {
                if (name[0] != '/' || !program_exists(root_fd, name))
                        return -ENOENT;
                path = strdup(name);
                if (!path)
                        return -ENOMEM;
                *ret = TAKE_PTR(path);
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                free(TAKE_PTR(path));
                r = strprintf(&path, "%s/%s", folders[i], name);
                if (r < 0)
                        return r;
                if (program_exists(root_fd, path)) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
        }
        return -ENOENT;
}
