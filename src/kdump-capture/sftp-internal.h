/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sftp-client.c and sftp-file.c share: the writes that wait for their answers, and requests
 * one at a time. None of these log. */
#pragma once

#include "sftp-client.h"
#include "sftp-message.h"

/* A write, with its message in the ring. */
typedef struct SftpWrite {
        SftpFile *file; /* NULL: was given up, or is no write */
        uint64_t offset_bytes;
        uint32_t id;
        uint32_t header_bytes, data_bytes;
        size_t at;         /* of the message */
        size_t ring_bytes; /* what it takes, with what is left out before it */
        bool acknowledged;
} SftpWrite;

struct SftpFile {
        SftpClient *client;
        SftpFile *next;
        char *path;
        SftpHandle handle;
        uint64_t size_bytes;         /* as far as it was written or extended */
        uint64_t acknowledged_bytes; /* as far as the server's file must reach */
        uint64_t unsafe_bytes;       /* acknowledged since the last sync */
        size_t n_writes;             /* that wait */
        int error;                   /* of the first write that failed */
        bool explained;              /* @error is not just "failure" any more */
};

struct SftpClient {
        const SftpChannelOps *ops;
        void *channel;
        int error; /* final */
        uint32_t last_id;
        unsigned n_losses; /* of connections */
        bool restoring;    /* what is answered was there before: that is no progress */
        bool extensions[_SFTP_EXTENSION_MAX];
        SftpFile *files;

        SftpWrite writes[SFTP_WRITES_MAX]; /* from @first_write on, in the order of their issue */
        size_t first_write, n_writes, n_sent;
        size_t ring_start, ring_used;

        size_t received, consumed; /* of @input: so much is there, so much of it was decoded */
        uint8_t input[SFTP_LENGTH_BYTES + SFTP_MESSAGE_MAX_BYTES];
        uint8_t ring[SFTP_WRITE_BUFFER_BYTES];
};

/* One request on the connection that is there. What *ret points to lasts until the next call.
 * Returns 0, also for a status that is none of success; -ECONNRESET: it is lost. */
int sftp_client_roundtrip(SftpClient *client, SftpRequest *request, SftpReply *ret);

/* A new connection in the place of one that is lost, with its files, and what was not acknowledged
 * sent again. */
int sftp_client_recover(SftpClient *client);

/* The same, on a new connection if it must be. */
int sftp_client_request(SftpClient *client, SftpRequest *request, SftpReply *ret);

/* The same, for requests that are answered by a status, which is what it returns. */
int sftp_client_status(SftpClient *client, SftpRequest *request);

/* Appends a write to those that wait; there must be room. */
void sftp_client_append(SftpClient *client, SftpFile *file, uint64_t offset_bytes, const void *data,
                        size_t size);

/* The server is told that @handle is not needed any more before the next request. Nothing is sent
 * for this alone, which could take its time: the end of the connection says the same. */
void sftp_client_close(SftpClient *client, const SftpHandle *handle);

/* Is there room for a write of @size bytes of data? */
bool sftp_client_has_space(const SftpClient *client, size_t size);

/* Sends the writes that were appended. */
int sftp_client_flush(SftpClient *client);

/* Takes the next reply, to a write. Returns 1; 0: there is none yet and it is not to @wait. */
int sftp_client_take(SftpClient *client, bool wait);

/* What "failure" may mean, as the file system looks at @path. @is_write: nothing but room was
 * asked for. */
int sftp_client_explain(SftpClient *client, const char *path, bool is_write);

/* Opens @file, which is there, on a new connection, and looks whether it is what it was: @file's
 * error says so if not. Returns 0 or -ECONNRESET. */
int sftp_file_reopen(SftpFile *file);
