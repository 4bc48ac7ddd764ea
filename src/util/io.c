/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the loops around read(2) and write(2) and the order of fsync and rename. */
#include "io.h"

#include <fcntl.h>
#include <sys/stat.h>

int fd_read(int fd, size_t max_bytes, char **ret_data, size_t *ret_size)
{
        _cleanup_free_ char *data = NULL;
        size_t size = 0, allocated = 0;

        for (;;) {
                ssize_t n;

                if (allocated - size < 2) {
                        char *bigger;

                        allocated = MAX(allocated * 2, (size_t) 4096);
                        bigger = realloc(data, allocated);
                        if (!bigger)
                                return -ENOMEM;
                        data = bigger;
                }
                n = read(fd, data + size, allocated - size - 1);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
                if (size > max_bytes)
                        return -EFBIG;
        }

        data[size] = '\0';
        *ret_data = TAKE_PTR(data);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int file_read(int dir_fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_size)
{
        _cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        return fd < 0 ? -errno : fd_read(fd, max_bytes, ret_data, ret_size);
}

void cut_newlines(char *text)
{
        size_t n = strlen(text);

        while (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
}

int file_read_line(int dir_fd, const char *path, char **ret_line)
{
        _cleanup_free_ char *data = NULL;
        int r;

        r = file_read(dir_fd, path, 1024 * 1024, &data, NULL);
        if (r < 0)
                return r;

        cut_newlines(data);
        *ret_line = TAKE_PTR(data);
        return 0;
}

int read_full(int fd, void *buf, size_t size)
{
        uint8_t *p = buf;

        while (size > 0) {
                ssize_t n = read(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ENODATA;
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

int pread_full(int fd, void *buf, size_t size, uint64_t offset_bytes)
{
        uint8_t *p = buf;

        while (size > 0) {
                ssize_t n = pread(fd, p, size, (off_t) offset_bytes);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ENODATA;
                p += n;
                size -= (size_t) n;
                offset_bytes += (uint64_t) n;
        }
        return 0;
}

int write_full(int fd, const void *buf, size_t size)
{
        const uint8_t *p = buf;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

int pwrite_full(int fd, const void *buf, size_t size, uint64_t offset_bytes)
{
        const uint8_t *p = buf;

        while (size > 0) {
                ssize_t n = pwrite(fd, p, size, (off_t) offset_bytes);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                p += n;
                size -= (size_t) n;
                offset_bytes += (uint64_t) n;
        }
        return 0;
}

int fd_copy(int from_fd, int to_fd, uint64_t *ret_bytes)
{
        _cleanup_free_ uint8_t *buf = malloc(256 * 1024);
        uint64_t total = 0;
        int r;

        if (!buf)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(from_fd, buf, 256 * 1024);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                r = write_full(to_fd, buf, (size_t) n);
                if (r < 0)
                        return r;
                total += (uint64_t) n;
        }
        if (ret_bytes)
                *ret_bytes = total;
        return 0;
}

int fsync_path(int dir_fd, const char *path)
{
        _cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

static int fsync_parent(int dir_fd, const char *path)
{
        _cleanup_free_ char *parent = strdup(path);
        char *slash;

        if (!parent)
                return -ENOMEM;
        slash = strrchr(parent, '/');
        if (!slash)
                return fsync_path(dir_fd, ".");
        if (slash == parent)
                return fsync_path(dir_fd, "/");
        *slash = '\0';
        return fsync_path(dir_fd, parent);
}

static int file_write_new(int dir_fd, const char *path, const void *data, size_t size, mode_t mode)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        (void) unlinkat(dir_fd, path, 0);
        fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        /* The umask has taken bits away; where there are no modes, none can be given back. */
        (void) fchmod(fd, mode);
        r = write_full(fd, data, size);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

int file_write_atomic(int dir_fd, const char *path, const void *data, size_t size, mode_t mode)
{
        _cleanup_free_ char *temporary = NULL;
        int r;

        r = strprintf(&temporary, "%s.tmp", path);
        if (r < 0)
                return r;
        r = file_write_new(dir_fd, temporary, data, size, mode);
        if (r < 0)
                goto fail;
        if (renameat(dir_fd, temporary, dir_fd, path) < 0) {
                r = -errno;
                goto fail;
        }
        return fsync_parent(dir_fd, path);

fail:
        (void) unlinkat(dir_fd, temporary, 0);
        return r;
}

/* The umask has taken bits of @mode away; where there are no modes, none can be given back. */
static void folder_set_mode(int dir_fd, const char *path, mode_t mode)
{
        _cleanup_close_ int fd =
                openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;

        if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & mode) != mode)
                (void) fchmod(fd, (st.st_mode & 07777) | mode);
}

int mkdir_parents(int dir_fd, const char *path, mode_t mode)
{
        _cleanup_free_ char *copy = strdup(path);
        struct stat st;

        if (!copy)
                return -ENOMEM;
        for (char *p = copy + 1; *copy; p++) {
                char saved = *p;

                if (saved != '/' && saved != '\0')
                        continue;
                *p = '\0';
                if (mkdirat(dir_fd, copy, mode) == 0)
                        folder_set_mode(dir_fd, copy, mode);
                else if (errno != EEXIST)
                        return -errno;
                *p = saved;
                if (saved == '\0')
                        break;
        }
        if (fstatat(dir_fd, *path ? path : ".", &st, 0) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

uint64_t clock_nsec(clockid_t clock)
{
        struct timespec ts;

        if (clock_gettime(clock, &ts) < 0)
                return 0;
        return (uint64_t) ts.tv_sec * NSEC_PER_SEC + (uint64_t) ts.tv_nsec;
}

uint64_t now_boottime_usec(void)
{
        return clock_nsec(CLOCK_BOOTTIME) / NSEC_PER_USEC;
}

uint64_t now_realtime_usec(void)
{
        return clock_nsec(CLOCK_REALTIME) / NSEC_PER_USEC;
}

bool deadline_passed(uint64_t deadline_usec)
{
        return deadline_usec > 0 && deadline_usec != USEC_INFINITY &&
               now_boottime_usec() >= deadline_usec;
}
