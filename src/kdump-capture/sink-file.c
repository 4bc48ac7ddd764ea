/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the file of a dump while it is written: its names, its safety, and how little page cache it
 * takes. */
#include "sink-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"

/* At most two chunks of this size are dirty or under writeback at a time. Without that bound the
 * crash kernel fills its small memory with page cache and the OOM killer ends the dump. */
#define CHUNK_BYTES (UINT64_C(4) << 20)

/* What was written since the chunk began, and the span of offsets it lies in. */
typedef struct Chunk {
        uint64_t start_bytes, end_bytes;
        uint64_t dirty_bytes;
} Chunk;

typedef struct SinkFile {
        Sink sink;
        int fd, dir_fd;
        char *incomplete_name, *final_name;
        Chunk current, behind; /* behind: under writeback */
} SinkFile;

/* Where it cannot be done at all, the kernel's own limits have to do. Any other error counts,
 * whatever its name (a medium's is ENODATA on xfs): a failed write is told once, and fsync(2) would
 * not repeat it (file_check_and_advance_wb_err() in mm/filemap.c, v6.1). */
static int sync_range(int fd, const Chunk *chunk, unsigned flags)
{
        off_t start = (off_t) chunk->start_bytes;
        off_t size = (off_t) (chunk->end_bytes - chunk->start_bytes);

        if (size == 0 || sync_file_range(fd, start, size, flags) >= 0)
                return 0;
        return errno == EINVAL || errno == ESPIPE || errno == ENOSYS ? 0 : -errno;
}

/* Waits until @chunk is on disk and drops it from the page cache. */
static int chunk_retire(int fd, Chunk *chunk)
{
        int r;

        r = sync_range(fd, chunk,
                       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                               SYNC_FILE_RANGE_WAIT_AFTER);
        if (r < 0)
                return r;
        if (chunk->end_bytes > chunk->start_bytes)
                (void) posix_fadvise(fd, (off_t) chunk->start_bytes,
                                     (off_t) (chunk->end_bytes - chunk->start_bytes),
                                     POSIX_FADV_DONTNEED);
        *chunk = (Chunk){};
        return 0;
}

/* Starts the writeback of the current chunk, and waits for that of the one before. */
static int file_turn_chunk(SinkFile *file)
{
        int r;

        r = sync_range(file->fd, &file->current, SYNC_FILE_RANGE_WRITE);
        if (r < 0)
                return r;
        r = chunk_retire(file->fd, &file->behind);
        if (r < 0)
                return r;

        file->behind = file->current;
        file->current = (Chunk){};
        return 0;
}

static int file_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkFile *file = (SinkFile *) sink;
        Chunk *chunk = &file->current;
        int r;

        if (size == 0)
                return 0;
        r = pwrite_full(file->fd, data, size, offset_bytes);
        if (r < 0)
                return r;

        chunk->start_bytes =
                chunk->dirty_bytes == 0 ? offset_bytes : MIN(chunk->start_bytes, offset_bytes);
        chunk->end_bytes = MAX(chunk->end_bytes, offset_bytes + size);
        chunk->dirty_bytes += size;
        return chunk->dirty_bytes >= CHUNK_BYTES ? file_turn_chunk(file) : 0;
}

static int file_sync(Sink *sink)
{
        SinkFile *file = (SinkFile *) sink;
        int r;

        r = file_turn_chunk(file);
        if (r < 0)
                return r;
        r = chunk_retire(file->fd, &file->behind);
        if (r < 0)
                return r;
        return fsync(file->fd) < 0 ? -errno : 0;
}

/* An earlier try that was given up may wake and rename what bears the name now: only our own file
 * counts. */
static int file_check_name(const SinkFile *file)
{
        struct stat ours, named;

        if (fstat(file->fd, &ours) < 0 ||
            fstatat(file->dir_fd, file->incomplete_name, &named, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return ours.st_ino == named.st_ino && ours.st_dev == named.st_dev ? 0 : -ESTALE;
}

static int file_commit(Sink *sink)
{
        SinkFile *file = (SinkFile *) sink;
        int r;

        r = file_sync(sink);
        if (r < 0)
                return r;
        r = file_check_name(file);
        if (r < 0)
                return r;
        if (renameat(file->dir_fd, file->incomplete_name, file->dir_fd, file->final_name) < 0)
                return -errno;
        return fsync_path(file->dir_fd, ".");
}

static void file_free(Sink *sink)
{
        SinkFile *file = (SinkFile *) sink;

        close_fd(file->fd);
        free(file->incomplete_name);
        free(file->final_name);
        free(file);
}

static const SinkOps sink_file_ops = {
        .name = "file",
        .write = file_write,
        .sync = file_sync,
        .commit = file_commit,
        .free = file_free,
};

static int file_create(int dir_fd, const char *name)
{
        int fd, flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;

        fd = openat(dir_fd, name, flags, 0600);
        if (fd < 0 && errno == EEXIST && unlinkat(dir_fd, name, 0) >= 0)
                fd = openat(dir_fd, name, flags, 0600);
        return fd < 0 ? -errno : fd;
}

int sink_file_open(int dir_fd, const char *incomplete_name, const char *final_name, Sink **ret)
{
        SinkFile *file = calloc(1, sizeof(*file));
        _cleanup_(sink_freep) Sink *sink = (Sink *) file;

        if (!file)
                return -ENOMEM;
        sink->ops = &sink_file_ops;
        file->fd = -EBADF;
        file->dir_fd = dir_fd;
        file->incomplete_name = strdup(incomplete_name);
        file->final_name = strdup(final_name);
        if (!file->incomplete_name || !file->final_name)
                return -ENOMEM;
        file->fd = file_create(dir_fd, incomplete_name);
        if (file->fd < 0)
                return file->fd;

        *ret = TAKE_PTR(sink);
        return 0;
}

int sink_file_adopt(int dir_fd, const char *incomplete_name, const char *final_name,
                    uint64_t *ret_bytes)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        fd = openat(dir_fd, incomplete_name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADF;
        if (fchmod(fd, 0600) < 0 || fsync(fd) < 0)
                return -errno;
        if (renameat(dir_fd, incomplete_name, dir_fd, final_name) < 0)
                return -errno;
        *ret_bytes = (uint64_t) st.st_size;
        return fsync_path(dir_fd, ".");
}
