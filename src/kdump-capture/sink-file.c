/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the file of a dump while it is written: its names, its safety, and how little page cache it
 * takes. */
#include "sink-file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "io.h"

/* At most two chunks of this size are dirty or under writeback at a time. Without that bound the
 * crash kernel fills its small memory with page cache and the OOM killer ends the dump. */
#define DATA_CHUNK_BYTES (UINT64_C(4) << 20)

/* The same for what is not page data, of which more depends on each byte. */
#define CHUNK_BYTES (UINT64_C(1) << 20)

#define ZEROS_BYTES ((size_t) 256 << 10)

/* What was written since the chunk began, and the span of offsets it lies in. */
typedef struct Chunk {
        uint64_t start_bytes, end_bytes;
        uint64_t dirty_bytes;
} Chunk;

/* The page cache that one kind of writes takes. Whoever fills a chunk waits for the one before,
 * under the lock: the others then wait too, or else they would fill the memory meanwhile. */
typedef struct Cache {
        pthread_mutex_t lock;
        uint64_t chunk_bytes;
        Chunk current, behind; /* behind: under writeback */
} Cache;

typedef struct SinkFile {
        Sink sink;
        int fd, dir_fd;
        int direct_fd;      /* the same file past the page cache; -EBADF: cannot */
        atomic_bool direct; /* it has not failed so far */
        char *incomplete_name, *final_name;
        Cache cache, data_cache;
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
        /* Whole blocks: posix_fadvise() keeps the page of which a range covers only a part. */
        uint64_t start_bytes = chunk->start_bytes - chunk->start_bytes % SINK_DATA_ALIGN;
        uint64_t end_bytes = ALIGN_UP(chunk->end_bytes, (uint64_t) SINK_DATA_ALIGN);
        int r;

        r = sync_range(fd, chunk,
                       SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                               SYNC_FILE_RANGE_WAIT_AFTER);
        if (r < 0)
                return r;
        if (end_bytes > start_bytes)
                (void) posix_fadvise(fd, (off_t) start_bytes, (off_t) (end_bytes - start_bytes),
                                     POSIX_FADV_DONTNEED);
        *chunk = (Chunk){};
        return 0;
}

/* Starts the writeback of the current chunk, and waits for that of the one before. */
static int cache_turn(Cache *cache, int fd)
{
        int r;

        r = sync_range(fd, &cache->current, SYNC_FILE_RANGE_WRITE);
        if (r < 0)
                return r;
        r = chunk_retire(fd, &cache->behind);
        if (r < 0)
                return r;

        cache->behind = cache->current;
        cache->current = (Chunk){};
        return 0;
}

static int cache_drop(Cache *cache, int fd)
{
        int r;

        r = cache_turn(cache, fd);
        return r < 0 ? r : chunk_retire(fd, &cache->behind);
}

static int cache_add(Cache *cache, int fd, uint64_t offset_bytes, size_t size)
{
        Chunk *chunk = &cache->current;
        int r = 0;

        (void) pthread_mutex_lock(&cache->lock);
        chunk->start_bytes =
                chunk->dirty_bytes == 0 ? offset_bytes : MIN(chunk->start_bytes, offset_bytes);
        chunk->end_bytes = MAX(chunk->end_bytes, offset_bytes + size);
        chunk->dirty_bytes += size;
        if (chunk->dirty_bytes >= cache->chunk_bytes)
                r = cache_turn(cache, fd);
        (void) pthread_mutex_unlock(&cache->lock);
        return r;
}

static int write_through(SinkFile *file, Cache *cache, uint64_t offset_bytes, const void *data,
                         size_t size)
{
        int r;

        if (size == 0)
                return 0;
        r = pwrite_full(file->fd, data, size, offset_bytes);
        return r < 0 ? r : cache_add(cache, file->fd, offset_bytes, size);
}

static int file_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkFile *file = (SinkFile *) sink;

        return write_through(file, &file->cache, offset_bytes, data, size);
}

static int file_write_data(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkFile *file = (SinkFile *) sink;
        int r = -EINVAL;

        if (atomic_load_explicit(&file->direct, memory_order_relaxed))
                r = pwrite_full(file->direct_fd, data, size, offset_bytes);
        if (r != -EINVAL)
                return r;

        /* There are file systems that let O_DIRECT be asked for, and want larger blocks then, or
         * do not have it after all. */
        atomic_store_explicit(&file->direct, false, memory_order_relaxed);
        return write_through(file, &file->data_cache, offset_bytes, data, size);
}

/* For file systems without fallocate(2). */
static int reserve_by_zeros(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes)
{
        _cleanup_free_ void *zeros = calloc(1, ZEROS_BYTES);
        int r;

        if (!zeros)
                return -ENOMEM;
        for (uint64_t done = 0; done < size_bytes; done += ZEROS_BYTES) {
                size_t n = (size_t) MIN(size_bytes - done, (uint64_t) ZEROS_BYTES);

                r = file_write(sink, offset_bytes + done, zeros, n);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int file_reserve(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes)
{
        SinkFile *file = (SinkFile *) sink;
        int r;

        if (size_bytes == 0)
                return 0;
        do
                r = fallocate(file->fd, 0, (off_t) offset_bytes, (off_t) size_bytes) < 0 ? -errno
                                                                                         : 0;
        while (r == -EINTR);
        if (r == -EOPNOTSUPP || r == -ENOSYS)
                return reserve_by_zeros(sink, offset_bytes, size_bytes);
        return r;
}

static int file_sync(Sink *sink)
{
        SinkFile *file = (SinkFile *) sink;
        int r;

        r = cache_drop(&file->data_cache, file->fd);
        if (r < 0)
                return r;
        r = cache_drop(&file->cache, file->fd);
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

static int file_rename(const SinkFile *file, const char *from, const char *to)
{
        return renameat(file->dir_fd, from, file->dir_fd, to) < 0 ? -errno : 0;
}

/* Whoever is told that it failed says so in the file: its name is not to say the opposite. */
static int file_commit(Sink *sink)
{
        SinkFile *file = (SinkFile *) sink;
        int r;

        r = file_sync(sink);
        if (r >= 0)
                r = file_check_name(file);
        if (r >= 0)
                r = file_rename(file, file->incomplete_name, file->final_name);
        if (r < 0)
                return r;
        r = fsync_path(file->dir_fd, ".");
        if (r < 0)
                (void) file_rename(file, file->final_name, file->incomplete_name);
        return r;
}

static void file_free(Sink *sink)
{
        SinkFile *file = (SinkFile *) sink;

        close_fd(file->direct_fd);
        close_fd(file->fd);
        (void) pthread_mutex_destroy(&file->cache.lock);
        (void) pthread_mutex_destroy(&file->data_cache.lock);
        free(file->incomplete_name);
        free(file->final_name);
        free(file);
}

static const SinkOps sink_file_ops = {
        .name = "file",
        .reserve = file_reserve,
        .write = file_write,
        .write_data = file_write_data,
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

static bool file_is_remote(int fd)
{
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0)
                return false;
        switch ((uint32_t) fs.f_type) {
        case NFS_SUPER_MAGIC:
        case SMB_SUPER_MAGIC:
        case CIFS_SUPER_MAGIC:
        case SMB2_SUPER_MAGIC:
                return true;
        default:
                return false;
        }
}

/* The open file once more, past the page cache; by its number, as the name may be another's. */
static int file_open_direct(int fd)
{
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        int direct_fd;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        direct_fd = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC | O_NOCTTY);
        return direct_fd < 0 ? -EBADF : direct_fd;
}

/* Keeps repair away from a file that is being written, for as long as it is open. Not over a
 * network: there a lock can be lost with the connection, and then the kernel refuses all further
 * writes (NFS_LOCK_LOST in fs/nfs/nfs4state.c), or it binds our own second descriptor too (SMB);
 * and it keeps nobody away on the server itself.
 *
 * There is nothing past the page cache there either: each such write waits until the server has it
 * on disk (nfs_direct_write_schedule_work() in fs/nfs/direct.c), while nothing else is done. */
static void file_make_local(SinkFile *file)
{
        if (file_is_remote(file->fd))
                return;
        (void) flock(file->fd, LOCK_EX | LOCK_NB);
        file->direct_fd = file_open_direct(file->fd);
        file->direct = file->direct_fd >= 0;
}

static void cache_init(Cache *cache, uint64_t chunk_bytes)
{
        *cache = (Cache){ .chunk_bytes = chunk_bytes };
        (void) pthread_mutex_init(&cache->lock, NULL);
}

int sink_file_open(int dir_fd, const char *incomplete_name, const char *final_name, Sink **ret)
{
        SinkFile *file = calloc(1, sizeof(*file));
        _cleanup_(sink_freep) Sink *sink = (Sink *) file;

        if (!file)
                return -ENOMEM;
        sink->ops = &sink_file_ops;
        cache_init(&file->cache, CHUNK_BYTES);
        cache_init(&file->data_cache, DATA_CHUNK_BYTES);
        file->fd = -EBADF;
        file->direct_fd = -EBADF;
        file->dir_fd = dir_fd;
        file->incomplete_name = strdup(incomplete_name);
        file->final_name = strdup(final_name);
        if (!file->incomplete_name || !file->final_name)
                return -ENOMEM;
        file->fd = file_create(dir_fd, incomplete_name);
        if (file->fd < 0)
                return file->fd;
        file_make_local(file);

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
