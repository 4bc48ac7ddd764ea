/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the bytes of SFTP version 3 (draft-ietf-secsh-filexfer-02): all numbers are big endian, a
 * string is its length and its bytes. */
#include "sftp-message.h"

#include <endian.h>

/* Draft, section 5 */
#define ATTR_SIZE UINT32_C(0x1)
#define ATTR_UID_GID UINT32_C(0x2)
#define ATTR_PERMISSIONS UINT32_C(0x4)
#define ATTR_TIMES UINT32_C(0x8)

/* More pairs in one message than this are not looked at. */
#define PAIRS_MAX 256

#define STATVFS_WORDS 11
#define STATVFS_READ_ONLY UINT64_C(0x1)

/* PROTOCOL of OpenSSH, section 4: a name counts with its version only. */
static const struct {
        const char *name, *version;
} extensions[_SFTP_EXTENSION_MAX] = {
        [SFTP_EXTENSION_STATVFS] = { "statvfs@openssh.com", "2" },
        [SFTP_EXTENSION_FSYNC] = { "fsync@openssh.com", "1" },
        [SFTP_EXTENSION_POSIX_RENAME] = { "posix-rename@openssh.com", "1" },
};

/* What is written to, or read from. After an error nothing more is. */
typedef struct Output {
        uint8_t *data;
        size_t size, capacity;
        int error;
} Output;

typedef struct Input {
        const uint8_t *data;
        size_t size;
        int error;
} Input;

static void put(Output *out, const void *data, size_t size)
{
        if (out->error < 0)
                return;
        if (size > out->capacity - out->size) {
                out->error = -ENOBUFS;
                return;
        }
        if (size > 0)
                memcpy(out->data + out->size, data, size);
        out->size += size;
}

static void put_u8(Output *out, uint8_t value)
{
        put(out, &value, sizeof(value));
}

static void put_u32(Output *out, uint32_t value)
{
        value = htobe32(value);
        put(out, &value, sizeof(value));
}

static void put_u64(Output *out, uint64_t value)
{
        value = htobe64(value);
        put(out, &value, sizeof(value));
}

static void put_bytes(Output *out, const void *data, size_t size)
{
        put_u32(out, (uint32_t) size);
        put(out, data, size);
}

static void put_path(Output *out, const char *path)
{
        size_t size = strlen(path);

        if (size > SFTP_PATH_MAX_BYTES && out->error >= 0)
                out->error = -ENAMETOOLONG;
        put_bytes(out, path, size);
}

static void put_handle(Output *out, const SftpHandle *handle)
{
        put_bytes(out, handle->bytes, handle->size);
}

static void put_mode(Output *out, uint32_t mode)
{
        put_u32(out, ATTR_PERMISSIONS);
        put_u32(out, mode);
}

static void put_extended(Output *out, const SftpRequest *request)
{
        const char *name = extensions[request->extension].name;

        put_bytes(out, name, strlen(name));
        switch (request->extension) {
        case SFTP_EXTENSION_STATVFS:
                put_path(out, request->path);
                break;
        case SFTP_EXTENSION_FSYNC:
                put_handle(out, request->handle);
                break;
        case SFTP_EXTENSION_POSIX_RENAME:
                put_path(out, request->path);
                put_path(out, request->new_path);
                break;
        case _SFTP_EXTENSION_MAX:
                break;
        }
}

/* Behind the type and the number. Draft, section 6 */
static int put_fields(Output *out, const SftpRequest *request)
{
        switch (request->type) {
        case SFTP_INIT:
                break;
        case SFTP_OPEN:
                put_path(out, request->path);
                put_u32(out, request->open_flags);
                put_mode(out, request->mode);
                break;
        case SFTP_CLOSE:
                put_handle(out, request->handle);
                break;
        case SFTP_WRITE:
                put_handle(out, request->handle);
                put_u64(out, request->offset_bytes);
                put_u32(out, request->data_bytes);
                break;
        case SFTP_FSETSTAT:
                put_handle(out, request->handle);
                put_u32(out, ATTR_SIZE);
                put_u64(out, request->size_bytes);
                break;
        case SFTP_REMOVE:
        case SFTP_RMDIR:
        case SFTP_STAT:
                put_path(out, request->path);
                break;
        case SFTP_MKDIR:
                put_path(out, request->path);
                put_mode(out, request->mode);
                break;
        case SFTP_RENAME:
                put_path(out, request->path);
                put_path(out, request->new_path);
                break;
        case SFTP_EXTENDED:
                if ((unsigned) request->extension >= _SFTP_EXTENSION_MAX)
                        return -EINVAL;
                put_extended(out, request);
                break;
        default:
                return -EINVAL;
        }
        return 0;
}

int sftp_request_encode(const SftpRequest *request, void *buffer, size_t capacity,
                        size_t *ret_bytes)
{
        Output out = { .data = buffer, .capacity = capacity };
        size_t length;
        int r;

        if (request->type == SFTP_WRITE && request->data_bytes > SFTP_WRITE_DATA_MAX_BYTES)
                return -EINVAL;
        put_u32(&out, 0);
        put_u8(&out, (uint8_t) request->type);
        put_u32(&out, request->type == SFTP_INIT ? SFTP_VERSION : request->id);
        r = put_fields(&out, request);
        if (r < 0)
                return r;
        if (out.error < 0)
                return out.error;

        length = out.size - SFTP_LENGTH_BYTES;
        if (request->type == SFTP_WRITE)
                length += request->data_bytes;
        if (length > SFTP_MESSAGE_MAX_BYTES)
                return -ENOBUFS;
        *ret_bytes = out.size;
        out.size = 0;
        put_u32(&out, (uint32_t) length);
        return 0;
}

/* Returns @size bytes of the input; NULL: there are not so many. */
static const uint8_t *take(Input *in, size_t size)
{
        const uint8_t *data = in->data;

        if (in->error < 0 || size > in->size) {
                in->error = -EBADMSG;
                return NULL;
        }
        in->data += size;
        in->size -= size;
        return data;
}

static uint8_t take_u8(Input *in)
{
        const uint8_t *data = take(in, 1);

        return data ? *data : 0;
}

static uint32_t take_u32(Input *in)
{
        const uint8_t *data = take(in, sizeof(uint32_t));
        uint32_t value = 0;

        if (data)
                memcpy(&value, data, sizeof(value));
        return be32toh(value);
}

static uint64_t take_u64(Input *in)
{
        const uint8_t *data = take(in, sizeof(uint64_t));
        uint64_t value = 0;

        if (data)
                memcpy(&value, data, sizeof(value));
        return be64toh(value);
}

static const uint8_t *take_bytes(Input *in, size_t *ret_size)
{
        const uint8_t *data;
        size_t size = take_u32(in);

        data = take(in, size);
        *ret_size = data ? size : 0;
        return data;
}

static bool bytes_are(const uint8_t *data, size_t size, const char *text)
{
        return data && size == strlen(text) && memcmp(data, text, size) == 0;
}

/* Draft, section 4; OpenSSH has none but pairs of strings behind its version. */
static void take_version(Input *in, SftpReply *reply)
{
        reply->version = take_u32(in);
        for (unsigned n = 0; in->error >= 0 && in->size > 0 && n < PAIRS_MAX; n++) {
                size_t name_bytes, version_bytes;
                const uint8_t *name = take_bytes(in, &name_bytes);
                const uint8_t *version = take_bytes(in, &version_bytes);

                for (size_t i = 0; i < _SFTP_EXTENSION_MAX; i++)
                        if (bytes_are(name, name_bytes, extensions[i].name) &&
                            bytes_are(version, version_bytes, extensions[i].version))
                                reply->extensions[i] = true;
        }
}

/* Servers that came before the draft send the code alone. */
static void take_status(Input *in, SftpReply *reply)
{
        reply->status = take_u32(in);
        if (in->error >= 0 && in->size > 0)
                reply->text = (const char *) take_bytes(in, &reply->text_bytes);
}

static void take_handle(Input *in, SftpReply *reply)
{
        size_t size;
        const uint8_t *data = take_bytes(in, &size);

        if (!data)
                return;
        if (size > SFTP_HANDLE_MAX_BYTES) {
                in->error = -EBADMSG;
                return;
        }
        memcpy(reply->handle.bytes, data, size);
        reply->handle.size = size;
}

/* Only the size is of use; what else the flags announce has to be there. */
static void take_attrs(Input *in, SftpReply *reply)
{
        uint32_t flags = take_u32(in);

        if (flags & ATTR_SIZE) {
                reply->has_size = true;
                reply->size_bytes = take_u64(in);
        }
        if (flags & ATTR_UID_GID)
                (void) take(in, 2 * sizeof(uint32_t));
        if (flags & ATTR_PERMISSIONS)
                (void) take(in, sizeof(uint32_t));
        if (flags & ATTR_TIMES)
                (void) take(in, 2 * sizeof(uint32_t));
}

int sftp_length_decode(const void *bytes, size_t *ret_bytes)
{
        Input in = { .data = bytes, .size = SFTP_LENGTH_BYTES };
        size_t length = take_u32(&in);

        /* A type and a number are in each reply. */
        if (length < 1 + sizeof(uint32_t) || length > SFTP_MESSAGE_MAX_BYTES)
                return -EBADMSG;
        *ret_bytes = length;
        return 0;
}

int sftp_reply_decode(const void *message, size_t size, SftpReply *ret)
{
        Input in = { .data = message, .size = size };
        SftpReply reply = { .type = (SftpType) take_u8(&in) };

        if (reply.type != SFTP_VERSION_REPLY)
                reply.id = take_u32(&in);
        switch (reply.type) {
        case SFTP_VERSION_REPLY:
                take_version(&in, &reply);
                break;
        case SFTP_STATUS:
                take_status(&in, &reply);
                break;
        case SFTP_HANDLE:
                take_handle(&in, &reply);
                break;
        case SFTP_ATTRS:
                take_attrs(&in, &reply);
                break;
        case SFTP_EXTENDED_REPLY:
                reply.payload = in.data;
                reply.payload_bytes = in.size;
                break;
        default:
                return -EBADMSG;
        }
        if (in.error < 0)
                return in.error;
        *ret = reply;
        return 0;
}

int sftp_room_decode(const SftpReply *reply, SftpRoom *ret)
{
        Input in = { .data = reply->payload, .size = reply->payload_bytes };
        uint64_t words[STATVFS_WORDS];
        SftpRoom room;

        if (reply->type != SFTP_EXTENDED_REPLY)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                words[i] = take_u64(&in);
        if (in.error < 0)
                return in.error;

        /* f_frsize and f_bavail; blocks that are reserved make the latter "negative" on some. */
        if ((int64_t) words[4] < 0)
                words[4] = 0;
        if (__builtin_mul_overflow(words[1], words[4], &room.free_bytes))
                return -EBADMSG;
        /* f_blocks: a file system of nothing is one that does not tell, as many that FUSE mounts.
         */
        room.known = words[2] > 0;
        room.read_only = words[9] & STATVFS_READ_ONLY;
        *ret = room;
        return 0;
}

int sftp_status_to_errno(uint32_t status)
{
        /* Draft, section 7; from 9 on those of later drafts, which some servers use all the same
         * (draft-ietf-secsh-filexfer-13, section 9.1). */
        static const int errors[] = {
                [0] = 0,           [1] = -ENODATA, [2] = -ENOENT,  [3] = -EACCES,
                [4] = -EIO,        [5] = -EINVAL,  [6] = -EIO,     [7] = -EIO,
                [8] = -EOPNOTSUPP, [9] = -EIO,     [10] = -ENOENT, [11] = -EEXIST,
                [12] = -EROFS,     [13] = -EIO,    [14] = -ENOSPC, [15] = -EDQUOT,
        };

        return status < ELEMENTSOF(errors) ? errors[status] : -EIO;
}
