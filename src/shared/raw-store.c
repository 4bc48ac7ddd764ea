/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the headers on the device, and the copying from it. What a header says may be anything: a
 * device can be moved, and written to by others. */
#include "raw-store.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <zlib.h>

#include "io.h"

#define COPY_BYTES ((size_t) 1 << 20)
#define FOLDER_TRIES 100

/* What no device that is only written to reaches: there is always a higher one. */
#define SEQUENCE_MAX (UINT64_MAX / 2)

#define DAMAGED_NAME_BYTES (RAW_NAME_BYTES + sizeof("-damaged"))

_Static_assert(sizeof(RawHeader) == RAW_BLOCK_BYTES, "a header fills its block");
_Static_assert(sizeof(RAW_MAGIC) == sizeof(((RawHeader *) 0)->magic), "it fills its field");

static uint32_t header_crc(const RawHeader *header)
{
        return (uint32_t) crc32(0, (const uint8_t *) header, offsetof(RawHeader, crc));
}

bool raw_name_is_valid(const char *name)
{
        size_t n = strnlen(name, RAW_NAME_BYTES);

        if (n == 0 || n >= RAW_NAME_BYTES || name[0] == '.')
                return false;
        for (size_t i = 0; i < n; i++)
                if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
                        return false;
        return true;
}

/* Of a file that ends on the device, and a block's start. */
static bool part_is_valid(const RawPart *part, uint64_t device_bytes)
{
        uint64_t end_bytes;

        return raw_name_is_valid(part->name) && part->offset_bytes >= RAW_DATA_OFFSET_BYTES &&
               part->offset_bytes % RAW_BLOCK_BYTES == 0 &&
               !__builtin_add_overflow(part->offset_bytes, part->size_bytes, &end_bytes) &&
               end_bytes <= device_bytes;
}

static bool parts_are_valid(const RawStore *store)
{
        for (size_t i = 0; i < store->n_parts; i++) {
                if (!part_is_valid(store->parts + i, store->device_bytes))
                        return false;
                for (size_t j = 0; j < i; j++)
                        if (streq(store->parts[i].name, store->parts[j].name))
                                return false;
        }
        return true;
}

/* -ENODATA: it is none. */
static int header_decode(const RawHeader *header, uint64_t device_bytes, RawStore *ret)
{
        if (memcmp(header->magic, RAW_MAGIC, sizeof(header->magic)) != 0 ||
            le32toh(header->crc) != header_crc(header))
                return -ENODATA;
        /* The sequence number is where it is in all versions. */
        *ret = (RawStore){
                .sequence = le64toh(header->sequence),
                .device_bytes = device_bytes,
                .n_parts = le32toh(header->n_parts),
        };
        if (le32toh(header->version) != RAW_VERSION)
                return -EOPNOTSUPP;
        if (ret->n_parts > RAW_PARTS_MAX || ret->sequence > SEQUENCE_MAX)
                return -EBADMSG;
        memcpy(ret->folder, header->folder, sizeof(ret->folder));
        for (size_t i = 0; i < ret->n_parts; i++) {
                RawPart *part = ret->parts + i;

                *part = header->parts[i];
                part->offset_bytes = le64toh(part->offset_bytes);
                part->size_bytes = le64toh(part->size_bytes);
                part->crc = le32toh(part->crc);
        }
        if (ret->folder[0] == '\0')
                return ret->n_parts == 0 ? 0 : -EBADMSG;
        return raw_name_is_valid(ret->folder) && parts_are_valid(ret) ? 1 : -EBADMSG;
}

/* Both for a device and for a file. */
static int device_size(int fd, uint64_t *ret_bytes)
{
        off_t end = lseek(fd, 0, SEEK_END);

        if (end < 0)
                return -errno;
        *ret_bytes = (uint64_t) end;
        return 0;
}

int raw_store_read(int fd, RawStore *ret)
{
        RawStore best = {}, one;
        uint64_t device_bytes = 0;
        int result = -ENODATA, r;

        r = device_size(fd, &device_bytes);
        if (r < 0)
                return r;
        best.device_bytes = device_bytes;
        for (size_t i = 0; i < RAW_N_HEADERS; i++) {
                /* Aligned for O_DIRECT. */
                _Alignas(RAW_BLOCK_BYTES) RawHeader header;

                r = pread_full(fd, &header, sizeof(header), i * RAW_BLOCK_BYTES);
                if (r == -ENODATA)
                        break;
                if (r < 0)
                        return r;
                one = (RawStore){};
                r = header_decode(&header, device_bytes, &one);
                if (r == -ENODATA || (result != -ENODATA && one.sequence <= best.sequence))
                        continue;
                result = r;
                best = one;
        }
        if (result >= 0 || result == -ENODATA)
                *ret = best;
        return result;
}

int raw_store_write(int fd, RawStore *store)
{
        _Alignas(RAW_BLOCK_BYTES) RawHeader header = {
                .magic = RAW_MAGIC,
                .version = htole32(RAW_VERSION),
                .n_parts = htole32((uint32_t) store->n_parts),
                .sequence = htole64(store->sequence + 1),
        };
        int r;

        memcpy(header.folder, store->folder, sizeof(header.folder));
        for (size_t i = 0; i < store->n_parts; i++) {
                header.parts[i] = store->parts[i];
                header.parts[i].offset_bytes = htole64(store->parts[i].offset_bytes);
                header.parts[i].size_bytes = htole64(store->parts[i].size_bytes);
                header.parts[i].crc = htole32(store->parts[i].crc);
        }
        header.crc = htole32(header_crc(&header));
        store->sequence++;
        r = pwrite_full(fd, &header, sizeof(header),
                        store->sequence % RAW_N_HEADERS * RAW_BLOCK_BYTES);
        if (r < 0)
                return r;
        return fdatasync(fd) < 0 ? -errno : 0;
}

/* Headers that make no sense could be taken for newer than those that follow. */
static int headers_wipe(int fd)
{
        _Alignas(RAW_BLOCK_BYTES) const uint8_t zeros[RAW_BLOCK_BYTES] = {};
        int r;

        for (size_t i = 0; i < RAW_N_HEADERS; i++) {
                r = pwrite_full(fd, zeros, sizeof(zeros), i * RAW_BLOCK_BYTES);
                if (r < 0)
                        return r;
        }
        return 0;
}

int raw_store_begin(int fd, const char *folder, RawStore *ret)
{
        RawStore store = {};
        int r;

        if (!raw_name_is_valid(folder))
                return -EINVAL;
        r = raw_store_read(fd, &store);
        if (r == -EBADMSG || r == -EOPNOTSUPP)
                r = headers_wipe(fd);
        if (r < 0 && r != -ENODATA)
                return r;
        r = device_size(fd, &store.device_bytes);
        if (r < 0)
                return r;
        if (store.device_bytes <= RAW_DATA_OFFSET_BYTES)
                return -ENOSPC;
        store.n_parts = 0;
        memset(store.folder, 0, sizeof(store.folder));
        memset(store.parts, 0, sizeof(store.parts));
        memcpy(store.folder, folder, strlen(folder));
        r = raw_store_write(fd, &store);
        if (r < 0)
                return r;
        *ret = store;
        return 0;
}

int raw_store_add(RawStore *store, const char *name, uint64_t offset_bytes, uint64_t size_bytes,
                  uint32_t crc)
{
        size_t i = 0;

        if (!raw_name_is_valid(name))
                return -EINVAL;
        while (i < store->n_parts && !streq(store->parts[i].name, name))
                i++;
        if (i == RAW_PARTS_MAX)
                return -E2BIG;
        store->n_parts = MAX(store->n_parts, i + 1);
        store->parts[i] = (RawPart){
                .offset_bytes = offset_bytes,
                .size_bytes = size_bytes,
                .crc = crc,
        };
        memcpy(store->parts[i].name, name, strlen(name));
        return 0;
}

int raw_store_clear(int fd, RawStore *store)
{
        store->n_parts = 0;
        memset(store->folder, 0, sizeof(store->folder));
        memset(store->parts, 0, sizeof(store->parts));
        return raw_store_write(fd, store);
}

uint64_t raw_store_bytes(const RawStore *store)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < store->n_parts; i++)
                if (__builtin_add_overflow(bytes, store->parts[i].size_bytes, &bytes))
                        return UINT64_MAX;
        return bytes;
}

static int check_room(int dir_fd, uint64_t bytes)
{
        struct statvfs fs;
        uint64_t room_bytes;

        if (fstatvfs(dir_fd, &fs) < 0)
                return -errno;
        if (__builtin_mul_overflow((uint64_t) fs.f_bavail, (uint64_t) fs.f_frsize, &room_bytes))
                return 0;
        return room_bytes < bytes ? -ENOSPC : 0;
}

/* What the device cannot read any more is zero, a block at a time. */
static int read_bytes(int fd, uint8_t *buffer, size_t size, uint64_t offset_bytes)
{
        int r;

        r = pread_full(fd, buffer, size, offset_bytes);
        if (r != -EIO)
                return r;
        for (size_t done = 0; done < size; done += RAW_BLOCK_BYTES) {
                size_t n = MIN(size - done, (size_t) RAW_BLOCK_BYTES);

                r = pread_full(fd, buffer + done, n, offset_bytes + done);
                if (r == -EIO)
                        memset(buffer + done, 0, n);
                else if (r < 0)
                        return r;
        }
        return 0;
}

/* Returns 1 if the sum does not fit. */
static int copy_bytes(int fd, const RawPart *part, int to_fd)
{
        _cleanup_free_ uint8_t *buffer = aligned_alloc(RAW_BLOCK_BYTES, COPY_BYTES);
        uint64_t left_bytes = part->size_bytes, at_bytes = part->offset_bytes;
        uint32_t crc = 0;
        int r;

        if (!buffer)
                return -ENOMEM;
        while (left_bytes > 0) {
                size_t n = (size_t) MIN(left_bytes, (uint64_t) COPY_BYTES);

                r = read_bytes(fd, buffer, n, at_bytes);
                if (r >= 0)
                        r = write_full(to_fd, buffer, n);
                if (r < 0)
                        return r;
                crc = (uint32_t) crc32(crc, buffer, (unsigned) n);
                at_bytes += n;
                left_bytes -= n;
        }
        if (fsync(to_fd) < 0)
                return -errno;
        return crc != part->crc;
}

static void damaged_name(const RawPart *part, char ret[static DAMAGED_NAME_BYTES])
{
        (void) snprintf(ret, DAMAGED_NAME_BYTES, "%.*s-damaged", RAW_NAME_BYTES - 1, part->name);
}

/* Returns 1 if it is damaged. */
static int copy_part(int fd, const RawPart *part, int dir_fd)
{
        char damaged[DAMAGED_NAME_BYTES];
        _cleanup_close_ int to_fd = -EBADF;
        int r;

        to_fd = openat(dir_fd, part->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       0600);
        if (to_fd < 0)
                return -errno;
        r = copy_bytes(fd, part, to_fd);
        if (r <= 0)
                return r;
        damaged_name(part, damaged);
        return renameat(dir_fd, part->name, dir_fd, damaged) < 0 ? -errno : 1;
}

static int copy_parts(int fd, const RawStore *store, int dir_fd, size_t *ret_n_damaged)
{
        size_t n_damaged = 0;
        int r;

        for (size_t i = 0; i < store->n_parts; i++) {
                r = copy_part(fd, store->parts + i, dir_fd);
                if (r < 0)
                        return r;
                n_damaged += (size_t) r;
        }
        if (fsync(dir_fd) < 0)
                return -errno;
        *ret_n_damaged = n_damaged;
        return 0;
}

/* Gives the folder its name, which is free. */
static int folder_publish(int dir_fd, const char *from, const char *name, char **ret_name)
{
        for (unsigned try = 0; try < FOLDER_TRIES; try++) {
                _cleanup_free_ char *to = NULL;
                int r;

                r = try == 0 ? strprintf(&to, "%s", name) : strprintf(&to, "%s.%u", name, try);
                if (r < 0)
                        return r;
                if (renameat2(dir_fd, from, dir_fd, to, RENAME_NOREPLACE) >= 0) {
                        *ret_name = TAKE_PTR(to);
                        return fsync_path(dir_fd, ".");
                }
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

/* What an earlier try, or this one, has left. */
static void folder_discard(int dir_fd, const char *name, const RawStore *store)
{
        _cleanup_close_ int fd =
                openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        for (size_t i = 0; fd >= 0 && i < store->n_parts; i++) {
                char damaged[DAMAGED_NAME_BYTES];

                damaged_name(store->parts + i, damaged);
                (void) unlinkat(fd, store->parts[i].name, 0);
                (void) unlinkat(fd, damaged, 0);
        }
        (void) unlinkat(dir_fd, name, AT_REMOVEDIR);
}

int raw_store_copy(int fd, const RawStore *store, int dir_fd, char **ret_name,
                   size_t *ret_n_damaged)
{
        _cleanup_free_ char *hidden = NULL;
        _cleanup_close_ int to_fd = -EBADF;
        char *name = NULL;
        size_t n_damaged = 0;
        int r;

        r = check_room(dir_fd, raw_store_bytes(store));
        if (r < 0)
                return r;
        r = strprintf(&hidden, ".%s.moving", store->folder);
        if (r < 0)
                return r;
        folder_discard(dir_fd, hidden, store);
        if (mkdirat(dir_fd, hidden, 0700) < 0)
                return -errno;
        to_fd = openat(dir_fd, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = to_fd < 0 ? -errno : copy_parts(fd, store, to_fd, &n_damaged);
        if (r >= 0)
                r = folder_publish(dir_fd, hidden, store->folder, &name);
        if (r < 0) {
                free(name);
                folder_discard(dir_fd, hidden, store);
                return r;
        }
        *ret_name = name;
        *ret_n_damaged = n_damaged;
        return 0;
}
