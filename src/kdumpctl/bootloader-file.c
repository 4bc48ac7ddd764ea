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

static int write_beside(int root_fd, const char *path, const char *temporary, const char *text,
                        size_t size)
{
        _cleanup_close_ int old_fd = -EBADF, fd = -EBADF;
        int r;

        old_fd = openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
        if (old_fd < 0 && errno != ENOENT)
                return -errno;
        (void) unlinkat(root_fd, temporary, 0);
        fd = openat(root_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = old_fd >= 0 ? copy_looks(old_fd, fd) : ignore_unsupported(fchmod(fd, 0644));
        if (r < 0)
                return r;
        r = write_full(fd, text, size);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

static int folder_of(const char *path, char **ret)
{
        const char *slash = strrchr(path, '/');

        *ret = slash ? strndup(path, (size_t) (slash - path)) : strdup(".");
        return *ret ? 0 : -ENOMEM;
}

int boot_file_write(int root_fd, const char *path, const char *text, size_t size)
{
        _cleanup_free_ char *temporary = NULL, *folder = NULL;
        const char *relative = root_relative(path);
        int r;

        r = folder_of(relative, &folder);
        if (r < 0)
                return r;
        r = mkdir_parents(root_fd, folder, 0755);
        if (r < 0)
                return r;
        r = strprintf(&temporary, "%s.kdumpctl-tmp", relative);
        if (r < 0)
                return r;
        r = write_beside(root_fd, relative, temporary, text, size);
        if (r >= 0 && renameat(root_fd, temporary, root_fd, relative) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(root_fd, temporary, 0);
                return r;
        }
        return fsync_path(root_fd, folder);
}

int boot_file_remove(int root_fd, const char *path)
{
        return unlinkat(root_fd, root_relative(path), 0) < 0 && errno != ENOENT ? -errno : 0;
}
