/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a dump's folder on an sftp server: its files are written at any offset, by several threads
 * over one connection. */
#include <pthread.h>

#include "depot-files.h"
#include "depot-log.h"
#include "depot-sftp.h"
#include "sftp-client.h"

#define FOLDER_MODE 0700

typedef struct DepotSftp {
        Depot depot;
        SshLine line;
        SftpClient *client;
        pthread_mutex_t lock; /* over the connection and all that is on its way */
        char *folder;         /* NULL: not made yet */
        DepotFiles files;
} DepotSftp;

typedef struct SinkSftp {
        Sink sink;
        DepotSftp *depot;
        SftpFile *file;
        char *incomplete_path, *final_path;
} SinkSftp;

static int channel_write(void *channel, const void *data, size_t size)
{
        return ssh_connection_write(((SshLine *) channel)->connection, data, size);
}

static ssize_t channel_read(void *channel, void *buffer, size_t size, bool wait)
{
        return ssh_connection_read(((SshLine *) channel)->connection, buffer, size, wait);
}

static int channel_reopen(void *channel)
{
        return ssh_line_renew(channel, ssh_connection_sftp);
}

static void channel_moved(void *channel)
{
        ssh_line_moved(channel);
}

static const SftpChannelOps channel_ops = {
        .write = channel_write,
        .read = channel_read,
        .reopen = channel_reopen,
        .moved = channel_moved,
};

static void depot_lock(DepotSftp *depot)
{
        (void) pthread_mutex_lock(&depot->lock);
}

static void depot_unlock(DepotSftp *depot)
{
        (void) pthread_mutex_unlock(&depot->lock);
}

static int sftp_reserve(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes)
{
        SinkSftp *self = (SinkSftp *) sink;
        uint64_t end_bytes, room_bytes;
        int r;

        if (__builtin_add_overflow(offset_bytes, size_bytes, &end_bytes))
                return -EFBIG;
        depot_lock(self->depot);
        r = sftp_client_room(self->depot->client, self->incomplete_path, &room_bytes);
        if (r >= 0 && room_bytes < size_bytes)
                r = -ENOSPC;
        else
                r = sftp_file_extend(self->file, end_bytes);
        depot_unlock(self->depot);

        /* What a server cannot do would only have been better. */
        return r == -EOPNOTSUPP || r == -EACCES ? 0 : r;
}

static int sftp_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkSftp *self = (SinkSftp *) sink;
        int r;

        depot_lock(self->depot);
        r = sftp_file_write(self->file, offset_bytes, data, size);
        depot_unlock(self->depot);
        return r;
}

static int sftp_sync(Sink *sink)
{
        SinkSftp *self = (SinkSftp *) sink;
        int r;

        depot_lock(self->depot);
        r = sftp_file_sync(self->file);
        depot_unlock(self->depot);
        return r;
}

static int file_commit(SinkSftp *self)
{
        SftpClient *client = self->depot->client;
        int r;

        r = sftp_file_sync(self->file);
        if (r < 0)
                return r;
        r = sftp_client_rename(client, self->incomplete_path, self->final_path,
                               sftp_file_bytes(self->file));
        if (r < 0)
                return r;
        r = sftp_client_sync_folder(client, self->depot->folder);
        /* Some servers open no folders: their file systems will have to do it by themselves. */
        if (r < 0)
                depot_log(self->depot->line.host, LOG_DEBUG,
                          "The server does not sync the folder '%s': %s", self->depot->folder,
                          strerror(-r));
        return 0;
}

static int sftp_commit(Sink *sink)
{
        SinkSftp *self = (SinkSftp *) sink;
        int r;

        depot_lock(self->depot);
        r = file_commit(self);
        depot_unlock(self->depot);
        return r;
}

static void sink_sftp_free(Sink *sink)
{
        SinkSftp *self = (SinkSftp *) sink;

        depot_lock(self->depot);
        (void) sftp_file_free(self->file);
        depot_unlock(self->depot);
        free(self->incomplete_path);
        free(self->final_path);
        free(self);
}

static const SinkOps sink_sftp_ops = {
        .name = "sftp",
        .reserve = sftp_reserve,
        .write = sftp_write,
        .sync = sftp_sync,
        .commit = sftp_commit,
        .free = sink_sftp_free,
};

static int file_create(DepotSftp *self, SinkSftp *sink)
{
        int r;

        depot_lock(self);
        r = depot_files_add(&self->files, sink->incomplete_path);
        if (r >= 0)
                r = depot_files_add(&self->files, sink->final_path);
        if (r >= 0)
                r = sftp_file_create(self->client, sink->incomplete_path, &sink->file);
        depot_unlock(self);
        return r;
}

static int depot_open_file(Depot *depot, const char *incomplete_name, const char *final_name,
                           uint64_t size_hint_bytes, Sink **ret)
{
        DepotSftp *self = (DepotSftp *) depot;
        SinkSftp *sink = calloc(1, sizeof(*sink));
        int r;

        if (!sink)
                return -ENOMEM;
        sink->sink.ops = &sink_sftp_ops;
        sink->depot = self;
        r = strprintf(&sink->incomplete_path, "%s/%s", self->folder, incomplete_name);
        if (r >= 0)
                r = strprintf(&sink->final_path, "%s/%s", self->folder, final_name);
        if (r >= 0)
                r = file_create(self, sink);
        if (r < 0) {
                sink_sftp_free(&sink->sink);
                return r;
        }
        *ret = &sink->sink;
        return 0;
}

/* mkdir -p. A part that is there is not made again: one may be let through a folder, but not write
 * to it. */
static int make_parents(SftpClient *client, const char *path)
{
        _cleanup_free_ char *prefix = strdup(path);
        uint64_t bytes;
        int r;

        if (!prefix)
                return -ENOMEM;
        if (sftp_client_stat(client, path, &bytes) >= 0)
                return 0;
        for (char *end = prefix;; end++) {
                bool last;

                end += strspn(end, "/");
                end += strcspn(end, "/");
                last = *end == '\0';
                *end = '\0';
                r = *prefix ? sftp_client_stat(client, prefix, &bytes) : 0;
                if (r == -ENOENT)
                        r = sftp_client_mkdir(client, prefix, FOLDER_MODE);
                if (r < 0 && r != -EEXIST && r != -EACCES)
                        return r;
                if (last)
                        return r == -EACCES ? r : 0;
                *end = '/';
        }
}

static int make_folder(DepotSftp *self, const char *path, const char *folder)
{
        int r;

        r = make_parents(self->client, path);
        if (r < 0)
                return r;
        r = sftp_client_mkdir(self->client, folder, FOLDER_MODE);
        if (r < 0)
                return r;
        (void) sftp_client_sync_folder(self->client, path);
        return 0;
}

static int depot_begin(Depot *depot, const char *name, char **ret_where)
{
        DepotSftp *self = (DepotSftp *) depot;
        const char *path = self->line.target->path ?: ".";
        _cleanup_free_ char *folder = NULL, *where = NULL;
        int r;

        r = strprintf(&folder, "%s/%s", streq(path, "/") ? "" : path, name);
        if (r < 0)
                return r;
        r = ssh_where("sftp", self->line.target, folder, &where);
        if (r < 0)
                return r;
        depot_lock(self);
        r = make_folder(self, path, folder);
        depot_unlock(self);
        if (r < 0)
                return r;
        self->folder = TAKE_PTR(folder);
        *ret_where = TAKE_PTR(where);
        return 0;
}

/* What is missing of @path will be made in what is there. */
static int room_of_nearest(SftpClient *client, const char *path, uint64_t *ret_bytes)
{
        _cleanup_free_ char *nearest = strdup(path);
        int r;

        if (!nearest)
                return -ENOMEM;
        while ((r = sftp_client_room(client, nearest, ret_bytes)) == -ENOENT) {
                char *slash = strrchr(nearest, '/');

                if (!slash || (slash == nearest && slash[1] == '\0'))
                        return sftp_client_room(client, ".", ret_bytes);
                slash[slash == nearest] = '\0';
        }
        return r;
}

static int depot_room(Depot *depot, uint64_t *ret_bytes)
{
        DepotSftp *self = (DepotSftp *) depot;
        const char *path = self->folder ?: self->line.target->path ?: ".";
        int r;

        depot_lock(self);
        r = room_of_nearest(self->client, path, ret_bytes);
        depot_unlock(self);
        return r;
}

/* What is in the folder is known: nobody else writes there, and SFTP's lists of files need not be
 * understood for this. */
static int depot_discard(Depot *depot)
{
        DepotSftp *self = (DepotSftp *) depot;
        int r = 0;

        if (!self->folder)
                return -EBADF;
        depot_lock(self);
        for (size_t i = 0; r >= 0 && i < self->files.n; i++)
                r = sftp_client_remove(self->client, self->files.names[i]);
        if (r >= 0)
                r = sftp_client_rmdir(self->client, self->folder);
        depot_unlock(self);
        return r;
}

static void depot_sftp_free(Depot *depot)
{
        DepotSftp *self = (DepotSftp *) depot;

        (void) sftp_client_free(self->client);
        (void) ssh_connection_free(self->line.connection);
        (void) pthread_mutex_destroy(&self->lock);
        depot_files_done(&self->files);
        free(self->folder);
        free(self);
}

static const DepotOps depot_sftp_ops = {
        .name = "sftp",
        .begin = depot_begin,
        .open = depot_open_file,
        .room = depot_room,
        .discard = depot_discard,
        .free = depot_sftp_free,
};

int depot_sftp_new(const DepotHost *host, const Target *target, SshConnection *connection,
                   Depot **ret)
{
        DepotSftp *self = calloc(1, sizeof(*self));
        int r;

        if (!self)
                return -ENOMEM;
        self->depot.ops = &depot_sftp_ops;
        self->line = ssh_line(host, target, connection);
        (void) pthread_mutex_init(&self->lock, NULL);
        r = sftp_client_new(&channel_ops, &self->line, &self->client);
        if (r < 0) {
                self->line.connection = NULL; /* the caller's still */
                depot_sftp_free(&self->depot);
                return r;
        }
        *ret = &self->depot;
        return 0;
}
