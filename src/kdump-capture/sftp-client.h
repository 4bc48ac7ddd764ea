/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SftpClient: files on a server, written by many requests at a time over one byte channel. When the
 * channel is lost it goes on with another: what was acknowledged is not sent again, all else is. */
#pragma once

#include "macro.h"

/* Writes that wait for their answer: so many, and so many bytes. A server's window is about 2 MiB
 * (CHAN_SES_WINDOW_DEFAULT in OpenSSH's channels.h). */
#define SFTP_WRITES_MAX 128
#define SFTP_WRITE_BUFFER_BYTES ((size_t) 64 * 33049)

/* What was acknowledged is made safe so often, so that the last time does not take for ever, and a
 * server that loses its memory does not lose it all. */
#define SFTP_SYNC_BYTES (UINT64_C(1) << 30)

typedef struct SftpClient SftpClient;
typedef struct SftpFile SftpFile;

/* The way to the server. All get the @channel of sftp_client_new(). */
typedef struct SftpChannelOps {
        /* Sends all of @data. -ECONNRESET: the connection is lost; other errors are final. */
        int (*write)(void *channel, const void *data, size_t size);

        /* Returns how many bytes it got; 0 if there is none yet and it is not to @wait.
         * -ECONNRESET: the connection is lost. */
        ssize_t (*read)(void *channel, void *buffer, size_t size, bool wait);

        /* Makes a new connection in the place of one that is lost, for as long as that takes. An
         * error is final. NULL: -ECONNRESET is. */
        int (*reopen)(void *channel);

        /* The server has taken something for the first time. */
        void (*moved)(void *channel);
} SftpChannelOps;

/* Says hello on a channel that is open. Returns 0; -EPROTO: the server speaks another version;
 * -EBADMSG: no SFTP, as from all below; errors of @ops. Nothing logs here. None of this is made for
 * several threads at a time. */
int sftp_client_new(const SftpChannelOps *ops, void *channel, SftpClient **ret);
SftpClient *sftp_client_free(SftpClient *client); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(SftpClient *, sftp_client_free);

/* Errors of these: -ENOENT, -EACCES, -EEXIST, -EINVAL, -EOPNOTSUPP as the server says so, -ENOSPC,
 * -EDQUOT and -EROFS as its file system looks, else -EIO. */

/* A folder that exists is not made: -EEXIST. */
int sftp_client_mkdir(SftpClient *client, const char *path, uint32_t mode);

/* A file, or a folder that is empty. What is gone already is no error. */
int sftp_client_remove(SftpClient *client, const char *path);
int sftp_client_rmdir(SftpClient *client, const char *path);

/* *ret_bytes: UINT64_MAX if it is not told. */
int sftp_client_stat(SftpClient *client, const char *path, uint64_t *ret_bytes);

/* @to is replaced. @size_bytes: of the file, to know it again when the answer was lost. */
int sftp_client_rename(SftpClient *client, const char *from, const char *to, uint64_t size_bytes);

/* Makes the names in a folder safe, where the server can do that. */
int sftp_client_sync_folder(SftpClient *client, const char *path);

/* What is free for this user where @path is; -EOPNOTSUPP: cannot tell. */
int sftp_client_room(SftpClient *client, const char *path, uint64_t *ret_bytes);

/* Makes a new file, mode 0600, in the place of one with this name. */
int sftp_file_create(SftpClient *client, const char *path, SftpFile **ret);

/* Takes @data, which is sent soon; returns before it is acknowledged. An error is that of any write
 * so far, and stays. */
int sftp_file_write(SftpFile *file, uint64_t offset_bytes, const void *data, size_t size);

/* Makes the file so long at least; what was not written reads as zero. */
int sftp_file_extend(SftpFile *file, uint64_t size_bytes);

/* Waits until all is acknowledged, and, where the server can do that, on its disk. */
int sftp_file_sync(SftpFile *file);

/* How far it was written or extended. */
uint64_t sftp_file_bytes(const SftpFile *file);

/* Frees it without waiting for the server, which closes it before the next request. What was not
 * acknowledged may be lost. Returns NULL; accepts NULL. */
SftpFile *sftp_file_free(SftpFile *file);
DEFINE_CLEANUP(SftpFile *, sftp_file_free);
