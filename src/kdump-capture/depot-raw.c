/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the bytes of files on a bare device, which are written in their order, past the page cache
 * where that can be done. */
#include "depot-raw.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include "io.h"
#include "raw-store.h"

#define BUFFER_BYTES ((size_t) 1 << 20)

/* What a file of unknown size leaves for those after it, the record and the log of the crash
 * kernel; less on a device that is small itself. */
#define SPARE_BYTES (UINT64_C(4) << 20)

typedef struct DepotRaw {
        Depot depot;
        int fd;
        char *path;
        RawStore store;
        bool begun, busy;    /* busy: there is a sink */
        uint64_t next_bytes; /* where the next file begins */
} DepotRaw;

typedef struct SinkRaw {
        Sink sink;
        DepotRaw *raw;
        char name[RAW_NAME_BYTES];
        uint64_t start_bytes, limit_bytes; /* on the device */
        uint64_t flushed_bytes;            /* of the file, in whole buffers */
        size_t used;
        uint32_t crc;
        int error; /* after it nobody knows what is on the device */
        uint8_t *buffer;
} SinkRaw;

/* Writes what is in the buffer, filled up with zeros to whole blocks. What comes later may begin in
 * the last of them, so it stays in the buffer. */
static int raw_flush(SinkRaw *file)
{
        size_t n = ALIGN_UP(file->used, (size_t) RAW_BLOCK_BYTES);
        int r;

        if (file->used == 0)
                return 0;
        memset(file->buffer + file->used, 0, n - file->used);
        r = pwrite_full(file->raw->fd, file->buffer, n, file->start_bytes + file->flushed_bytes);
        return r < 0 ? file->error = r : 0;
}

static int raw_reserve(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes)
{
        const SinkRaw *file = (const SinkRaw *) sink;
        uint64_t room_bytes = file->limit_bytes - file->start_bytes;

        return offset_bytes > room_bytes || size_bytes > room_bytes - offset_bytes ? -ENOSPC : 0;
}

/* What does not fit is not begun: something smaller may still come, as the end. */
static int raw_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkRaw *file = (SinkRaw *) sink;
        const uint8_t *bytes = data;
        int r;

        if (file->error < 0)
                return file->error;
        if (offset_bytes != file->flushed_bytes + file->used)
                return -ESPIPE;
        r = raw_reserve(sink, offset_bytes, size);
        if (r < 0)
                return r;
        while (size > 0) {
                size_t n = MIN(size, BUFFER_BYTES - file->used);

                memcpy(file->buffer + file->used, bytes, n);
                file->crc = (uint32_t) crc32(file->crc, bytes, (unsigned) n);
                file->used += n;
                bytes += n;
                size -= n;
                if (file->used < BUFFER_BYTES)
                        continue;
                r = raw_flush(file);
                if (r < 0)
                        return r;
                file->flushed_bytes += file->used;
                file->used = 0;
        }
        return 0;
}

static int raw_sync(Sink *sink)
{
        SinkRaw *file = (SinkRaw *) sink;
        int r;

        if (file->error < 0)
                return file->error;
        r = raw_flush(file);
        if (r < 0)
                return r;
        if (fdatasync(file->raw->fd) < 0)
                return file->error = -errno;
        return 0;
}

static int raw_commit(Sink *sink)
{
        SinkRaw *file = (SinkRaw *) sink;
        DepotRaw *raw = file->raw;
        uint64_t size_bytes = file->flushed_bytes + file->used;
        int r;

        r = raw_sync(sink);
        if (r >= 0)
                r = raw_store_add(&raw->store, file->name, file->start_bytes, size_bytes,
                                  file->crc);
        if (r >= 0)
                r = raw_store_write(raw->fd, &raw->store);
        if (r < 0)
                return r;
        raw->next_bytes = file->start_bytes + ALIGN_UP(size_bytes, (uint64_t) RAW_BLOCK_BYTES);
        return 0;
}

static void raw_sink_free(Sink *sink)
{
        SinkRaw *file = (SinkRaw *) sink;

        file->raw->busy = false;
        free(file->buffer);
        free(file);
}

static const SinkOps raw_sink_ops = {
        .name = "raw",
        .write_once = true,
        .in_order = true,
        .reserve = raw_reserve,
        .write = raw_write,
        .sync = raw_sync,
        .commit = raw_commit,
        .free = raw_sink_free,
};

static int raw_begin(Depot *depot, const char *name, char **ret_where)
{
        DepotRaw *raw = (DepotRaw *) depot;
        int r;

        if (raw->begun)
                return -EBUSY;
        r = strprintf(ret_where, "%s/%s", raw->path, name);
        if (r < 0)
                return r;
        r = raw_store_begin(raw->fd, name, &raw->store);
        if (r < 0) {
                free(*ret_where);
                *ret_where = NULL;
                return r;
        }
        raw->begun = true;
        raw->next_bytes = RAW_DATA_OFFSET_BYTES;
        return 0;
}

/* The end of the room that a file has. */
static uint64_t file_limit_bytes(const DepotRaw *raw, uint64_t size_hint_bytes)
{
        uint64_t end_bytes = raw->store.device_bytes / RAW_BLOCK_BYTES * RAW_BLOCK_BYTES;
        uint64_t spare_bytes = MIN(SPARE_BYTES, end_bytes / 16);

        if (size_hint_bytes > 0)
                return end_bytes;
        return MAX(end_bytes - spare_bytes, raw->next_bytes);
}

static int raw_open(Depot *depot, const char *incomplete_name, const char *final_name,
                    uint64_t size_hint_bytes, Sink **ret)
{
        DepotRaw *raw = (DepotRaw *) depot;
        SinkRaw *file;

        if (!raw->begun || raw->busy)
                return -EBUSY;
        if (!raw_name_is_valid(final_name))
                return -EINVAL;
        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;
        *file = (SinkRaw){
                .sink.ops = &raw_sink_ops,
                .raw = raw,
                .start_bytes = raw->next_bytes,
                .limit_bytes = file_limit_bytes(raw, size_hint_bytes),
                .buffer = aligned_alloc(RAW_BLOCK_BYTES, BUFFER_BYTES),
        };
        if (!file->buffer) {
                free(file);
                return -ENOMEM;
        }
        memcpy(file->name, final_name, strlen(final_name));
        raw->busy = true;
        *ret = &file->sink;
        return 0;
}

static int raw_room(Depot *depot, uint64_t *ret_bytes)
{
        const DepotRaw *raw = (const DepotRaw *) depot;
        off_t end = lseek(raw->fd, 0, SEEK_END);
        uint64_t used_bytes = raw->begun ? raw->next_bytes : RAW_DATA_OFFSET_BYTES;

        if (end < 0)
                return -errno;
        *ret_bytes = (uint64_t) end > used_bytes ? (uint64_t) end - used_bytes : 0;
        return 0;
}

static void raw_free(Depot *depot)
{
        DepotRaw *raw = (DepotRaw *) depot;

        close_fd(raw->fd);
        free(raw->path);
        free(raw);
}

static const DepotOps raw_ops = {
        .name = "raw",
        .in_order = true,
        .begin = raw_begin,
        .open = raw_open,
        .room = raw_room,
        .free = raw_free,
};

static int probe_kind(blkid_probe probe, char **reterr_holds)
{
        const char *kind = NULL;
        int r;

        (void) blkid_probe_enable_superblocks(probe, 1);
        (void) blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE);
        (void) blkid_probe_enable_partitions(probe, 1);
        r = blkid_do_safeprobe(probe);
        if (r == 1)
                return 0;
        if (r == -1)
                return -EIO;
        if (r == 0 && blkid_probe_lookup_value(probe, "TYPE", &kind, NULL) < 0)
                (void) blkid_probe_lookup_value(probe, "PTTYPE", &kind, NULL);
        *reterr_holds = strdup(kind ?: "several things");
        return -EEXIST;
}

/* Somebody may have put something there after the device was checked. What is in an old dump may
 * look like anything, so that is not looked at. */
static int check_free(const char *path, char **reterr_holds)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        blkid_probe probe;
        RawStore store;
        int r;

        if (fd < 0)
                return -errno;
        if (raw_store_read(fd, &store) != -ENODATA)
                return 0;
        probe = blkid_new_probe();
        if (!probe)
                return -ENOMEM;
        r = blkid_probe_set_device(probe, fd, 0, 0) == 0 ? probe_kind(probe, reterr_holds) : -EIO;
        blkid_free_probe(probe);
        return r;
}

/* O_EXCL, which without O_CREAT is for devices: nobody has it mounted or otherwise in use. */
static int device_open(const char *path)
{
        int flags = O_RDWR | O_EXCL | O_CLOEXEC | O_NOCTTY;
        int fd = open(path, flags | O_DIRECT);

        if (fd < 0 && errno == EINVAL)
                fd = open(path, flags);
        return fd < 0 ? -errno : fd;
}

int depot_raw_open(const char *path, Depot **ret, char **reterr_holds)
{
        _cleanup_close_ int fd = device_open(path);
        DepotRaw *raw;
        int r;

        if (fd < 0)
                return fd;
        r = check_free(path, reterr_holds);
        if (r < 0)
                return r;
        raw = calloc(1, sizeof(*raw));
        if (!raw)
                return -ENOMEM;
        *raw = (DepotRaw){ .depot.ops = &raw_ops, .fd = TAKE_FD(fd), .path = strdup(path) };
        if (!raw->path) {
                raw_free(&raw->depot);
                return -ENOMEM;
        }
        *ret = &raw->depot;
        return 0;
}
