/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the connection to an sftp server: requests, the writes that wait for their answers, and how
 * all goes on when the connection is lost. */
#include "sftp-internal.h"

/* What goes to the channel at once: it pays to encrypt and send much. */
#define BATCH_BYTES ((size_t) 256 << 10)

/* Of requests that are no writes: two paths, and what is around them. */
#define REQUEST_MAX_BYTES (2 * SFTP_PATH_MAX_BYTES + SFTP_HANDLE_MAX_BYTES + 128)

static SftpWrite *write_at(SftpClient *client, size_t i)
{
        return &client->writes[(client->first_write + i) % SFTP_WRITES_MAX];
}

/* @r is the last that is heard of this client. */
static int client_fail(SftpClient *client, int r)
{
        if (r < 0 && r != -ECONNRESET && client->error >= 0)
                client->error = r;
        return r;
}

static void client_moved(SftpClient *client)
{
        if (client->ops->moved && !client->restoring)
                client->ops->moved(client->channel);
}

static int channel_write(SftpClient *client, const void *data, size_t size)
{
        return client_fail(client, client->ops->write(client->channel, data, size));
}

/* Returns 1 if a whole message is at @consumed, and then what it is. */
static int message_decode(SftpClient *client, SftpReply *ret)
{
        const uint8_t *data = client->input + client->consumed;
        size_t n = client->received - client->consumed, size;
        int r;

        if (n < SFTP_LENGTH_BYTES)
                return 0;
        r = sftp_length_decode(data, &size);
        if (r < 0)
                return r;
        if (n - SFTP_LENGTH_BYTES < size)
                return 0;
        r = sftp_reply_decode(data + SFTP_LENGTH_BYTES, size, ret);
        if (r < 0)
                return r;
        client->consumed += SFTP_LENGTH_BYTES + size;
        return 1;
}

/* The next message, whatever it is. Returns 1; 0: there is none yet. */
static int client_receive(SftpClient *client, bool wait, SftpReply *ret)
{
        for (;;) {
                ssize_t n;
                int r;

                r = message_decode(client, ret);
                if (r != 0)
                        return client_fail(client, r);

                client->received -= client->consumed;
                memmove(client->input, client->input + client->consumed, client->received);
                client->consumed = 0;
                n = client->ops->read(client->channel, client->input + client->received,
                                      sizeof(client->input) - client->received, wait);
                if (n < 0)
                        return client_fail(client, (int) n);
                if (n == 0)
                        return wait ? -ECONNRESET : 0;
                client->received += (size_t) n;
        }
}

static void release_writes(SftpClient *client)
{
        while (client->n_writes > 0 && write_at(client, 0)->acknowledged) {
                size_t bytes = write_at(client, 0)->ring_bytes;

                client->ring_start = (client->ring_start + bytes) % sizeof(client->ring);
                client->ring_used -= bytes;
                client->first_write = (client->first_write + 1) % SFTP_WRITES_MAX;
                client->n_writes--;
                client->n_sent -= client->n_sent > 0;
        }
        if (client->n_writes == 0)
                client->ring_start = client->ring_used = 0;
}

static void write_end(SftpWrite *write, int error)
{
        SftpFile *file = write->file;

        write->acknowledged = true;
        if (!file)
                return;
        file->n_writes--;
        if (error < 0 && file->error >= 0)
                file->error = error;
        if (error < 0)
                return;
        file->unsafe_bytes += write->data_bytes;
        file->acknowledged_bytes =
                MAX(file->acknowledged_bytes, write->offset_bytes + write->data_bytes);
}

/* @reply is none to a request that is waited for: so it must be one to a write. */
static int client_acknowledge(SftpClient *client, const SftpReply *reply)
{
        for (size_t i = 0; i < client->n_sent; i++) {
                SftpWrite *write = write_at(client, i);

                if (write->id != reply->id || write->acknowledged)
                        continue;
                if (reply->type != SFTP_STATUS)
                        break;
                write_end(write, sftp_status_to_errno(reply->status));
                release_writes(client);
                client_moved(client);
                return 0;
        }
        return client_fail(client, -EBADMSG);
}

/* Sends what was appended, on the connection that is there. */
static int send_writes(SftpClient *client)
{
        while (client->n_sent < client->n_writes) {
                size_t start = write_at(client, client->n_sent)->at, end = start;
                int r;

                for (; client->n_sent < client->n_writes; client->n_sent++) {
                        const SftpWrite *write = write_at(client, client->n_sent);

                        if (write->at != end || end - start >= BATCH_BYTES)
                                break;
                        end += write->header_bytes + write->data_bytes;
                }
                r = channel_write(client, client->ring + start, end - start);
                if (r < 0)
                        return r;
        }
        return 0;
}

int sftp_client_roundtrip(SftpClient *client, SftpRequest *request, SftpReply *ret)
{
        uint8_t message[REQUEST_MAX_BYTES];
        size_t size;
        int r;

        if (client->error < 0)
                return client->error;
        r = send_writes(client);
        if (r < 0)
                return r;
        request->id = ++client->last_id;
        r = sftp_request_encode(request, message, sizeof(message), &size);
        if (r < 0)
                return r;
        r = channel_write(client, message, size);
        if (r < 0)
                return r;
        for (;;) {
                r = client_receive(client, true, ret);
                if (r < 0)
                        return r;
                if (ret->type == SFTP_VERSION_REPLY)
                        return client_fail(client, -EBADMSG);
                if (ret->id == request->id)
                        break;
                r = client_acknowledge(client, ret);
                if (r < 0)
                        return r;
        }
        client_moved(client);
        return 0;
}

/* Draft, section 4 */
static int client_hello(SftpClient *client)
{
        const SftpRequest request = { .type = SFTP_INIT };
        uint8_t message[16];
        SftpReply reply;
        size_t size;
        int r;

        client->received = client->consumed = 0;
        r = sftp_request_encode(&request, message, sizeof(message), &size);
        if (r < 0)
                return r;
        r = channel_write(client, message, size);
        if (r < 0)
                return r;
        r = client_receive(client, true, &reply);
        if (r < 0)
                return r;
        if (reply.type != SFTP_VERSION_REPLY)
                return client_fail(client, -EBADMSG);
        if (reply.version != SFTP_VERSION)
                return client_fail(client, -EPROTO);
        memcpy(client->extensions, reply.extensions, sizeof(client->extensions));
        return 0;
}

static int send_write_again(SftpClient *client, SftpWrite *write)
{
        const SftpRequest request = {
                .type = SFTP_WRITE,
                .id = ++client->last_id,
                .handle = &write->file->handle,
                .offset_bytes = write->offset_bytes,
                .data_bytes = write->data_bytes,
        };
        uint8_t header[SFTP_WRITE_HEADER_MAX_BYTES];
        size_t size;
        int r;

        write->id = request.id;
        r = sftp_request_encode(&request, header, sizeof(header), &size);
        if (r < 0)
                return r;
        r = channel_write(client, header, size);
        if (r < 0)
                return r;
        return channel_write(client, client->ring + write->at + write->header_bytes,
                             write->data_bytes);
}

static int client_restore(SftpClient *client)
{
        int r;

        client->n_sent = client->n_writes; /* no request sends them before their turn */
        r = client_hello(client);
        if (r < 0)
                return r;
        for (SftpFile *file = client->files; file; file = file->next) {
                r = sftp_file_reopen(file);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < client->n_writes; i++) {
                SftpWrite *write = write_at(client, i);

                if (write->acknowledged)
                        continue;
                if (!write->file || write->file->error < 0) {
                        write_end(write, -ESTALE);
                        continue;
                }
                r = send_write_again(client, write);
                if (r < 0)
                        return r;
        }
        release_writes(client);
        return 0;
}

/* Answers that came before the connection was lost still count. */
static void take_received(SftpClient *client)
{
        SftpReply reply;

        while (message_decode(client, &reply) > 0)
                if (client_acknowledge(client, &reply) < 0)
                        return;
}

int sftp_client_recover(SftpClient *client)
{
        int r;

        do {
                take_received(client);
                if (client->error < 0)
                        return client->error;
                client->n_losses++;
                r = client->ops->reopen ? client->ops->reopen(client->channel) : -ECONNRESET;
                if (r < 0) {
                        client->error = r;
                        return r;
                }
                client->restoring = true;
                r = client_restore(client);
                client->restoring = false;
        } while (r == -ECONNRESET);
        return r;
}

int sftp_client_request(SftpClient *client, SftpRequest *request, SftpReply *ret)
{
        int r;

        while ((r = sftp_client_roundtrip(client, request, ret)) == -ECONNRESET) {
                r = sftp_client_recover(client);
                if (r < 0)
                        return r;
        }
        return r;
}

int sftp_client_status(SftpClient *client, SftpRequest *request)
{
        SftpReply reply;
        int r;

        r = sftp_client_request(client, request, &reply);
        if (r < 0)
                return r;
        if (reply.type != SFTP_STATUS)
                return client_fail(client, -EBADMSG);
        return sftp_status_to_errno(reply.status);
}

int sftp_client_flush(SftpClient *client)
{
        int r;

        if (client->error < 0)
                return client->error;
        r = send_writes(client);
        return r == -ECONNRESET ? sftp_client_recover(client) : r;
}

int sftp_client_take(SftpClient *client, bool wait)
{
        SftpReply reply;
        int r;

        if (client->error < 0)
                return client->error;
        r = client_receive(client, wait, &reply);
        if (r == -ECONNRESET)
                return sftp_client_recover(client);
        if (r <= 0)
                return r;
        r = client_acknowledge(client, &reply);
        return r < 0 ? r : 1;
}

/* Where a message of @size bytes would begin: they are in one piece. */
static size_t ring_place(const SftpClient *client, size_t size, size_t *ret_bytes)
{
        size_t at = (client->ring_start + client->ring_used) % sizeof(client->ring);
        size_t rest = sizeof(client->ring) - at;

        *ret_bytes = size <= rest ? size : rest + size;
        return size <= rest ? at : 0;
}

bool sftp_client_has_space(const SftpClient *client, size_t size)
{
        size_t bytes;

        (void) ring_place(client, SFTP_WRITE_HEADER_MAX_BYTES + size, &bytes);
        return client->n_writes < SFTP_WRITES_MAX &&
               bytes <= sizeof(client->ring) - client->ring_used;
}

/* Puts a message into the ring, and all but it into *write. */
static void client_put(SftpClient *client, const void *header, size_t header_bytes,
                       const void *data, size_t size, SftpWrite *write)
{
        write->at = ring_place(client, header_bytes + size, &write->ring_bytes);
        write->header_bytes = (uint32_t) header_bytes;
        write->data_bytes = (uint32_t) size;
        memcpy(client->ring + write->at, header, header_bytes);
        if (size > 0)
                memcpy(client->ring + write->at + header_bytes, data, size);
        *write_at(client, client->n_writes) = *write;
        client->ring_used += write->ring_bytes;
        client->n_writes++;
}

void sftp_client_append(SftpClient *client, SftpFile *file, uint64_t offset_bytes, const void *data,
                        size_t size)
{
        const SftpRequest request = {
                .type = SFTP_WRITE,
                .id = ++client->last_id,
                .handle = &file->handle,
                .offset_bytes = offset_bytes,
                .data_bytes = (uint32_t) size,
        };
        SftpWrite write = { .file = file, .offset_bytes = offset_bytes, .id = request.id };
        uint8_t header[SFTP_WRITE_HEADER_MAX_BYTES];
        size_t header_bytes = 0;

        /* A handle that the decoder took and a size within bounds always fit. */
        (void) sftp_request_encode(&request, header, sizeof(header), &header_bytes);
        client_put(client, header, header_bytes, data, size, &write);
        file->n_writes++;
}

void sftp_client_close(SftpClient *client, const SftpHandle *handle)
{
        const SftpRequest request = { .type = SFTP_CLOSE,
                                      .id = ++client->last_id,
                                      .handle = handle };
        SftpWrite write = { .id = request.id };
        uint8_t message[SFTP_WRITE_HEADER_MAX_BYTES];
        size_t size = 0;

        if (!sftp_client_has_space(client, 0))
                return;
        (void) sftp_request_encode(&request, message, sizeof(message), &size);
        client_put(client, message, size, NULL, 0, &write);
}

int sftp_client_new(const SftpChannelOps *ops, void *channel, SftpClient **ret)
{
        _cleanup_(sftp_client_freep) SftpClient *client = malloc(sizeof(*client));
        int r;

        /* The rings are not touched before they are used. */
        if (!client)
                return -ENOMEM;
        memset(client, 0, offsetof(SftpClient, input));
        client->ops = ops;
        client->channel = channel;
        r = client_hello(client);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}

SftpClient *sftp_client_free(SftpClient *client)
{
        if (client)
                while (client->files)
                        (void) sftp_file_free(client->files);
        free(client);
        return NULL;
}
