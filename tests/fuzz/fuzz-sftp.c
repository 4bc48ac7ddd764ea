/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the fuzz target of sftp-message and sftp-client: whatever a server answers, the client comes
 * back, and believes no length. The first byte says how much of the rest is there at a time and how
 * often there is a new connection, the rest is what the server sends. */
#include "fuzz.h"
#include "sftp-client.h"
#include "sftp-message.h"

typedef struct Server {
        const uint8_t *data;
        size_t size, piece;
        unsigned n_connections;
} Server;

static int server_write(void *channel, const void *data, size_t size)
{
        const uint8_t *bytes = data;
        volatile uint8_t last;

        FUZZ_CHECK(size > 0);
        last = bytes[size - 1];
        (void) last;
        return 0;
}

/* The end of the input is that of the connection. */
static ssize_t server_read(void *channel, void *buffer, size_t size, bool wait)
{
        Server *server = channel;
        size_t n = MIN(size, server->size);

        FUZZ_CHECK(size > 0);
        n = MIN(n, server->piece);
        if (n == 0)
                return -ECONNRESET;
        memcpy(buffer, server->data, n);
        server->data += n;
        server->size -= n;
        return (ssize_t) n;
}

/* A byte of the input is lost, so that the same bytes mean something else. */
static int server_reopen(void *channel)
{
        Server *server = channel;

        if (server->n_connections == 0 || server->size == 0)
                return -ETIMEDOUT;
        server->n_connections--;
        server->data++;
        server->size--;
        return 0;
}

static const SftpChannelOps server_ops = {
        .write = server_write,
        .read = server_read,
        .reopen = server_reopen,
};

static void use_file(SftpFile *file)
{
        static const uint8_t data[40000];

        for (uint64_t i = 0; i < 4; i++)
                if (sftp_file_write(file, i * sizeof(data), data, sizeof(data)) < 0)
                        break;
        (void) sftp_file_extend(file, 1 << 20);
        (void) sftp_file_sync(file);
        FUZZ_CHECK(sftp_file_bytes(file) <= 1 << 20);
        (void) sftp_file_free(file);
}

static void use_client(const uint8_t *data, size_t size, uint8_t how)
{
        Server server = { data, size, (size_t) 1 << (how & 15), how >> 4 };
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;
        uint64_t bytes = 0;

        if (sftp_client_new(&server_ops, &server, &client) < 0)
                return;
        (void) sftp_client_mkdir(client, "folder", 0700);
        (void) sftp_client_room(client, "folder", &bytes);
        if (sftp_file_create(client, "folder/file", &file) >= 0)
                use_file(file);
        (void) sftp_client_rename(client, "folder/file", "folder/other", 3);
        (void) sftp_client_sync_folder(client, "folder");
}

static void decode(const uint8_t *data, size_t size)
{
        const uint8_t *end = data + size;
        SftpReply reply;
        SftpRoom room;

        if (sftp_reply_decode(data, size, &reply) < 0)
                return;
        FUZZ_CHECK(reply.handle.size <= SFTP_HANDLE_MAX_BYTES);
        FUZZ_CHECK(!reply.text ||
                   ((const uint8_t *) reply.text >= data &&
                    reply.text_bytes <= (size_t) (end - (const uint8_t *) reply.text)));
        FUZZ_CHECK(!reply.payload ||
                   (reply.payload >= data && reply.payload + reply.payload_bytes == end));
        FUZZ_CHECK(sftp_status_to_errno(reply.status) <= 0);
        (void) sftp_room_decode(&reply, &room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        decode(data + 1, size - 1);
        use_client(data + 1, size - 1, data[0]);
        return 0;
}
