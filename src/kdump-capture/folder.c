/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the name of a dump's folder, and finding its place on the target. */
#include "folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "io.h"
#include "rootdir.h"

int folder_name(const char *host, uint64_t realtime_usec, unsigned try, char **ret)
{
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        char date[sizeof("YYYY-MM-DD-HH:MM:SS") + 16];
        struct tm tm;

        if (!localtime_r(&seconds, &tm) ||
            strftime(date, sizeof(date), "%Y-%m-%d-%H:%M:%S", &tm) == 0)
                return -ERANGE;
        if (try == 0)
                return strprintf(ret, "%s-%s", host, date);
        return strprintf(ret, "%s-%s.%u", host, date, try);
}

/* Symlinks below @root_fd mean what they mean on the machine whose file system it is, not in this
 * initramfs. */
static int open_inside(int root_fd, const char *path)
{
        return root_open_strict(root_fd, path, O_RDONLY | O_DIRECTORY);
}

/* Opens the folder @path below @root_fd; what is missing of it is made. */
static int open_parents(int root_fd, const char *path)
{
        _cleanup_free_ char *prefix = strdup(path + strspn(path, "/"));
        _cleanup_close_ int parent_fd = open_inside(root_fd, ".");
        char *end, *name = prefix;

        if (!prefix)
                return -ENOMEM;
        for (; parent_fd >= 0 && name && *name; name = end) {
                char saved;
                int fd;

                end = name + strcspn(name, "/");
                saved = *end;
                *end = '\0';
                fd = open_inside(root_fd, prefix);
                if (fd == -ENOENT) {
                        if (mkdirat(parent_fd, name, 0700) < 0)
                                return -errno;
                        (void) fsync(parent_fd);
                        fd = open_inside(root_fd, prefix);
                }
                close_fd(parent_fd);
                parent_fd = fd;
                *end = saved;
                end += strspn(end, "/");
        }
        return TAKE_FD(parent_fd);
}

int folder_make(int root_fd, const char *path, const char *name, char **ret_where, int *ret_fd)
{
        _cleanup_close_ int parent_fd = open_parents(root_fd, path), fd = -EBADF;
        int r;

        if (parent_fd < 0)
                return parent_fd;
        if (mkdirat(parent_fd, name, 0700) < 0)
                return -errno;
        fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void) fsync(parent_fd);
        r = strprintf(ret_where, "%s/%s", streq(path, "/") ? "" : path, name);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static void closedirp(DIR **dir)
{
        if (*dir)
                (void) closedir(*dir);
}

int folder_remove(int root_fd, const char *path, const char *name)
{
        _cleanup_close_ int parent_fd = open_inside(root_fd, path);
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *item;
        int fd;

        if (parent_fd < 0)
                return parent_fd;
        fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                close_fd(fd);
                return -ENOMEM;
        }
        while ((item = readdir(dir)))
                (void) unlinkat(fd, item->d_name, 0);
        return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}
