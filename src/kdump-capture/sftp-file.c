/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the files and folders of an SftpClient, and what may be believed of them after a connection
 * was lost. */
#include "sftp-internal.h"

/* Less than this is full: there may be more for root only, or in blocks of another kind. */
#define FULL_BYTES (UINT64_C(1) << 20)

#define FILE_MODE 0600

static int client_room(SftpClient *client, const char *path, SftpRoom *ret)
{
        SftpRequest request = {
                .type = SFTP_EXTENDED,
                .extension = SFTP_EXTENSION_STATVFS,
                .path = path,
        };
        SftpReply reply;
        int r;

        if (!client->extensions[SFTP_EXTENSION_STATVFS])
                return -EOPNOTSUPP;
        r = sftp_client_request(client, &request, &reply);
        if (r < 0)
                return r;
        if (reply.type == SFTP_STATUS) {
                r = sftp_status_to_errno(reply.status);
                return r < 0 ? r : -EBADMSG;
        }
        return sftp_room_decode(&reply, ret);
}

int sftp_client_room(SftpClient *client, const char *path, uint64_t *ret_bytes)
{
        SftpRoom room;
        int r;

        r = client_room(client, path, &room);
        if (r < 0)
                return r;
        if (!room.known)
                return -EOPNOTSUPP;
        *ret_bytes = room.free_bytes;
        return 0;
}

int sftp_client_explain(SftpClient *client, const char *path, bool is_write)
{
        SftpRoom room;

        if (client_room(client, path, &room) < 0)
                return client->error < 0 ? client->error : -EIO;
        if (room.read_only)
                return -EROFS;
        if (!room.known)
                return -EIO;
        if (room.free_bytes < FULL_BYTES)
                return -ENOSPC;
        /* There is room, but not for us. */
        return is_write ? -EDQUOT : -EIO;
}

/* *ret_bytes: UINT64_MAX if it is not told. */
static int stat_decode(const SftpReply *reply, uint64_t *ret_bytes)
{
        int r;

        if (reply->type == SFTP_STATUS) {
                r = sftp_status_to_errno(reply->status);
                return r < 0 ? r : -EBADMSG;
        }
        if (reply->type != SFTP_ATTRS)
                return -EBADMSG;
        *ret_bytes = reply->has_size ? reply->size_bytes : UINT64_MAX;
        return 0;
}

int sftp_client_stat(SftpClient *client, const char *path, uint64_t *ret_bytes)
{
        SftpRequest request = { .type = SFTP_STAT, .path = path };
        SftpReply reply;
        int r;

        r = sftp_client_request(client, &request, &reply);
        return r < 0 ? r : stat_decode(&reply, ret_bytes);
}

int sftp_client_mkdir(SftpClient *client, const char *path, uint32_t mode)
{
        SftpRequest request = { .type = SFTP_MKDIR, .path = path, .mode = mode };
        unsigned n_losses = client->n_losses;
        uint64_t bytes;
        int r;

        r = sftp_client_status(client, &request);
        if (r != -EIO && r != -EEXIST)
                return r;

        /* OpenSSH has no code for "exists". If the connection was lost meanwhile, the first answer
         * may have been another. */
        if (sftp_client_stat(client, path, &bytes) >= 0)
                return client->n_losses != n_losses ? 0 : -EEXIST;
        return sftp_client_explain(client, path, false);
}

/* What is gone is removed, too: by a request whose answer was lost. */
static int client_remove(SftpClient *client, SftpType type, const char *path)
{
        SftpRequest request = { .type = type, .path = path };
        int r;

        r = sftp_client_status(client, &request);
        return r == -ENOENT ? 0 : r;
}

int sftp_client_remove(SftpClient *client, const char *path)
{
        return client_remove(client, SFTP_REMOVE, path);
}

int sftp_client_rmdir(SftpClient *client, const char *path)
{
        return client_remove(client, SFTP_RMDIR, path);
}

static int rename_once(SftpClient *client, const char *from, const char *to)
{
        SftpRequest request = {
                .type = SFTP_EXTENDED,
                .extension = SFTP_EXTENSION_POSIX_RENAME,
                .path = from,
                .new_path = to,
        };
        int r = -EOPNOTSUPP;

        if (client->extensions[SFTP_EXTENSION_POSIX_RENAME])
                r = sftp_client_status(client, &request);
        if (r != -EOPNOTSUPP)
                return r;

        /* The draft's own does not replace (section 6.5). */
        request.type = SFTP_RENAME;
        r = sftp_client_status(client, &request);
        if (r != -EIO && r != -EEXIST)
                return r;
        r = sftp_client_remove(client, to);
        return r < 0 ? r : sftp_client_status(client, &request);
}

int sftp_client_rename(SftpClient *client, const char *from, const char *to, uint64_t size_bytes)
{
        unsigned n_losses = client->n_losses;
        uint64_t bytes;
        int r;

        r = rename_once(client, from, to);
        if (r == -ENOENT && client->n_losses != n_losses &&
            sftp_client_stat(client, to, &bytes) >= 0 && bytes == size_bytes)
                return 0;
        return r == -EIO ? sftp_client_explain(client, to, false) : r;
}

/* On one connection: the handle is worth nothing on another. */
static int sync_folder_once(SftpClient *client, const char *path)
{
        SftpRequest open = { .type = SFTP_OPEN, .path = path, .open_flags = SFTP_OPEN_READ };
        SftpRequest sync = { .type = SFTP_EXTENDED, .extension = SFTP_EXTENSION_FSYNC };
        SftpRequest close = { .type = SFTP_CLOSE };
        SftpReply reply;
        SftpHandle handle;
        int r, error;

        r = sftp_client_roundtrip(client, &open, &reply);
        if (r < 0)
                return r;
        if (reply.type == SFTP_STATUS)
                return sftp_status_to_errno(reply.status);
        if (reply.type != SFTP_HANDLE)
                return -EBADMSG;
        handle = reply.handle;
        sync.handle = close.handle = &handle;
        r = sftp_client_roundtrip(client, &sync, &reply);
        if (r < 0)
                return r;
        error = reply.type == SFTP_STATUS ? sftp_status_to_errno(reply.status) : -EBADMSG;
        r = sftp_client_roundtrip(client, &close, &reply);
        return r < 0 ? r : error;
}

int sftp_client_sync_folder(SftpClient *client, const char *path)
{
        int r;

        if (!client->extensions[SFTP_EXTENSION_FSYNC])
                return 0;
        while ((r = sync_folder_once(client, path)) == -ECONNRESET) {
                r = sftp_client_recover(client);
                if (r < 0)
                        return r;
        }
        return r;
}

/* Takes the handle out of a reply. */
static int file_opened(SftpFile *file, const SftpReply *reply)
{
        int r;

        if (reply->type == SFTP_STATUS) {
                r = sftp_status_to_errno(reply->status);
                return r < 0 ? r : -EBADMSG;
        }
        if (reply->type != SFTP_HANDLE)
                return -EBADMSG;
        file->handle = reply->handle;
        return 0;
}

int sftp_file_reopen(SftpFile *file)
{
        SftpRequest open = { .type = SFTP_OPEN,
                             .path = file->path,
                             .open_flags = SFTP_OPEN_WRITE,
                             .mode = FILE_MODE };
        SftpRequest stat = { .type = SFTP_STAT, .path = file->path };
        SftpReply reply;
        uint64_t bytes;
        int r;

        if (file->error < 0)
                return 0;
        r = sftp_client_roundtrip(file->client, &open, &reply);
        if (r < 0)
                return r;
        r = file_opened(file, &reply);
        if (r < 0) {
                file->error = r == -ENOENT ? -ESTALE : r;
                return 0;
        }
        r = sftp_client_roundtrip(file->client, &stat, &reply);
        if (r < 0)
                return r;

        /* A server that has crashed may have lost what was acknowledged but not synced. */
        if (stat_decode(&reply, &bytes) < 0 || bytes < file->acknowledged_bytes)
                file->error = -ESTALE;
        return 0;
}

static int file_open_new(SftpFile *file)
{
        SftpRequest request = { .type = SFTP_OPEN,
                                .path = file->path,
                                .open_flags =
                                        SFTP_OPEN_WRITE | SFTP_OPEN_CREATE | SFTP_OPEN_EXCLUSIVE,
                                .mode = FILE_MODE };
        SftpReply reply;
        int r;

        r = sftp_client_request(file->client, &request, &reply);
        return r < 0 ? r : file_opened(file, &reply);
}

int sftp_file_create(SftpClient *client, const char *path, SftpFile **ret)
{
        SftpFile *file = calloc(1, sizeof(*file));
        int r = -ENOMEM;

        if (!file)
                return -ENOMEM;
        file->client = client;
        file->path = strdup(path);
        if (file->path)
                r = file_open_new(file);
        if ((r == -EIO || r == -EEXIST) && sftp_client_remove(client, path) >= 0)
                r = file_open_new(file);
        if (r == -EIO)
                r = sftp_client_explain(client, path, false);
        if (r < 0) {
                free(file->path);
                free(file);
                return r;
        }
        file->next = client->files;
        client->files = file;
        *ret = file;
        return 0;
}

/* What went wrong so far, in the best words there are. */
static int file_error(SftpFile *file)
{
        if (file->client->error < 0)
                return file->client->error;
        if (file->error == -EIO && !file->explained) {
                file->explained = true;
                file->error = sftp_client_explain(file->client, file->path, true);
        }
        return file->error;
}

/* @r: of something that was asked for just now */
static int file_result(SftpFile *file, int r)
{
        int error = file_error(file);

        return error < 0 ? error : r;
}

static int file_sync(SftpFile *file)
{
        SftpRequest request = { .type = SFTP_EXTENDED,
                                .extension = SFTP_EXTENSION_FSYNC,
                                .handle = &file->handle };
        int r;

        file->unsafe_bytes = 0;
        if (!file->client->extensions[SFTP_EXTENSION_FSYNC])
                return 0;
        r = sftp_client_status(file->client, &request);
        if (r == -EOPNOTSUPP)
                return 0;
        if (r < 0 && file->error >= 0)
                file->error = r;
        return file_result(file, r);
}

static int file_make_space(SftpFile *file, size_t size)
{
        SftpClient *client = file->client;
        int r = 0;

        while (r >= 0 && !sftp_client_has_space(client, size)) {
                r = sftp_client_flush(client);
                if (r >= 0 && !sftp_client_has_space(client, size))
                        r = sftp_client_take(client, true);
        }
        return r;
}

int sftp_file_write(SftpFile *file, uint64_t offset_bytes, const void *data, size_t size)
{
        const uint8_t *bytes = data;
        uint64_t end_bytes;
        int r;

        if (__builtin_add_overflow(offset_bytes, size, &end_bytes) || end_bytes > INT64_MAX)
                return -EFBIG;

        /* Without waiting, so that answers do not pile up. */
        do
                r = sftp_client_take(file->client, false);
        while (r > 0);
        while (size > 0 && r >= 0) {
                size_t n = MIN(size, SFTP_WRITE_DATA_MAX_BYTES);

                r = file_make_space(file, n);
                if (r < 0 || file->error < 0)
                        break;
                sftp_client_append(file->client, file, offset_bytes, bytes, n);
                offset_bytes += n;
                bytes += n;
                size -= n;
        }
        if (r < 0 || file->error < 0)
                return file_result(file, r);
        file->size_bytes = MAX(file->size_bytes, end_bytes);
        r = sftp_client_flush(file->client);
        if (r >= 0 && file->unsafe_bytes >= SFTP_SYNC_BYTES)
                r = file_sync(file);
        return file_result(file, r);
}

int sftp_file_extend(SftpFile *file, uint64_t size_bytes)
{
        SftpRequest request = { .type = SFTP_FSETSTAT,
                                .handle = &file->handle,
                                .size_bytes = size_bytes };
        int r;

        if (size_bytes <= file->size_bytes)
                return 0;
        r = sftp_client_status(file->client, &request);
        if (r < 0)
                return r == -EIO ? sftp_client_explain(file->client, file->path, true) : r;
        file->size_bytes = size_bytes;
        file->acknowledged_bytes = MAX(file->acknowledged_bytes, size_bytes);
        return 0;
}

int sftp_file_sync(SftpFile *file)
{
        int r;

        r = sftp_client_flush(file->client);
        while (r >= 0 && file->n_writes > 0)
                r = sftp_client_take(file->client, true);
        r = file_result(file, r);
        return r < 0 ? r : file_sync(file);
}

uint64_t sftp_file_bytes(const SftpFile *file)
{
        return file->size_bytes;
}

/* The writes that wait are not to speak of a file that is no more. */
static void file_forget_writes(SftpFile *file)
{
        SftpClient *client = file->client;

        for (size_t i = 0; i < client->n_writes; i++) {
                SftpWrite *write = &client->writes[(client->first_write + i) % SFTP_WRITES_MAX];

                if (write->file == file)
                        write->file = NULL;
        }
}

SftpFile *sftp_file_free(SftpFile *file)
{
        SftpFile **at;

        if (!file)
                return NULL;
        for (at = &file->client->files; *at != file; at = &(*at)->next)
                ;
        *at = file->next;
        file_forget_writes(file);
        if (file->error != -ESTALE)
                sftp_client_close(file->client, &file->handle);
        free(file->path);
        free(file);
        return NULL;
}
