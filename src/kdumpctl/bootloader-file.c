/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the replacement of a file that looks like the one before it. */
#include "bootloader-file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "io.h"
#include "rootdir.h"

#define TEXT_BYTES_MAX ((size_t) 1 << 20)
#define LABEL "security.selinux"
#define LABEL_BYTES_MAX 1024

int boot_file_read(int root_fd, const char *path, char **ret_path, char **ret_text,
                   size_t *ret_size)
{
        _cleanup_free_ char *chased = NULL, *text = NULL;
        size_t size;
        int r;

        r = root_chase(root_fd, path, &chased);
        if (r < 0)
                return r;
        r = root_read(root_fd, chased, TEXT_BYTES_MAX, &text, &size);
        if (r < 0)
                return r;
        if (memchr(text, '\0', size))
                return -EBADMSG;
        *ret_path = TAKE_PTR(chased);
        *ret_text = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

/* A boot partition is often a FAT, which knows none of these. */
static int ignore_unsupported(int r)
{
        return r < 0 && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS ? -errno : 0;
}

static int copy_looks(int old_fd, int fd)
{
        char label[LABEL_BYTES_MAX];
        struct stat st;
        ssize_t n;
        int r;

        if (fstat(old_fd, &st) < 0)
                return -errno;
        r = ignore_unsupported(fchown(fd, st.st_uid, st.st_gid));
        if (r < 0)
                return r;
        r = ignore_unsupported(fchmod(fd, st.st_mode & 07777));
        if (r < 0)
                return r;
        n = fgetxattr(old_fd, LABEL, label, sizeof(label));
        return n > 0 ? ignore_unsupported(fsetxattr(fd, LABEL, label, (size_t) n, 0)) : 0;
}

/* Opens folder @path, with those above it, and makes what is missing. */
static int folder_open(int root_fd, const char *path, mode_t mode)
{
        _cleanup_close_ int fd = root_open(root_fd, "/", O_RDONLY | O_DIRECTORY);
        _cleanup_free_ char *prefix = strdup(path);

        if (!prefix)
                return -ENOMEM;
        for (char *p = prefix; fd >= 0 && *p;) {
                char *name = p + strspn(p, "/"), saved;
                int next;

                p = name + strcspn(name, "/");
                if (p == name)
                        break;
                saved = *p;
                *p = '\0';
                next = root_open(root_fd, prefix, O_RDONLY | O_DIRECTORY);
                if (next == -ENOENT) {
                        if (mkdirat(fd, name, mode) < 0 && errno != EEXIST)
                                return -errno;
                        next = root_open(root_fd, prefix, O_RDONLY | O_DIRECTORY);
                }
                *p = saved;
                close_fd(fd);
                fd = next;
        }
        return TAKE_FD(fd);
}

/* *ret_name is in @path. */
static int folder_of(int root_fd, const char *path, mode_t mode, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *folder = NULL;

        if (!slash)
                return -EINVAL;
        folder = strndup(path, (size_t) (slash - path));
        if (!folder)
                return -ENOMEM;
        *ret_name = slash + 1;
        return folder_open(root_fd, folder, (mode & 0044) ? 0755 : 0700);
}

static int write_beside(int folder_fd, const char *name, const char *temporary, const char *text,
                        size_t size, mode_t mode)
{
        _cleanup_close_ int old_fd = -EBADF, fd = -EBADF;
        int r;

        old_fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
        if (old_fd < 0 && errno != ENOENT)
                return -errno;
        (void) unlinkat(folder_fd, temporary, 0);
        fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
        if (fd < 0)
                return -errno;
        r = old_fd >= 0 ? copy_looks(old_fd, fd) : ignore_unsupported(fchmod(fd, mode));
        if (r < 0)
                return r;
        r = write_full(fd, text, size);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

int boot_file_write(int root_fd, const char *path, const char *text, size_t size, mode_t mode)
{
        _cleanup_close_ int folder_fd = -EBADF;
        _cleanup_free_ char *temporary = NULL;
        const char *name;
        int r;

        folder_fd = folder_of(root_fd, path, mode, &name);
        if (folder_fd < 0)
                return folder_fd;
        r = strprintf(&temporary, "%s.kdumpctl-tmp", name);
        if (r < 0)
                return r;
        r = write_beside(folder_fd, name, temporary, text, size, mode);
        if (r >= 0 && renameat(folder_fd, temporary, folder_fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(folder_fd, temporary, 0);
                return r;
        }
        return fsync(folder_fd) < 0 ? -errno : 0;
}

int boot_file_remove(int root_fd, const char *path)
{
        _cleanup_close_ int folder_fd = -EBADF;
        const char *name;

        folder_fd = folder_of(root_fd, path, 0755, &name);
        if (folder_fd < 0)
                return folder_fd;
        return unlinkat(folder_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}
