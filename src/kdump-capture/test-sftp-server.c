/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-sftp-server.h"

#include "test-sftp-bytes.h"

static ServerReply *reply_new(Server *server)
{
        if (server->n_replies == server->replies_capacity) {
                server->replies_capacity = 2 * server->replies_capacity + 64;
                server->replies = realloc(server->replies,
                                          server->replies_capacity * sizeof(*server->replies));
                assert_non_null(server->replies);
        }
        server->replies[server->n_replies] = (ServerReply){ .size = 4 };
        return &server->replies[server->n_replies++];
}

static ServerReply *answer(Server *server, uint32_t id, uint32_t status)
{
        ServerReply *reply = reply_new(server);

        reply_put(reply, 101, 1);
        reply_put(reply, id, 4);
        reply_put(reply, status, 4);
        reply_put_text(reply, "why");
        reply_put_text(reply, "en");
        reply_end(reply);
        return reply;
}

ServerName *test_server_find(Server *server, const char *name)
{
        for (size_t i = 0; i < SERVER_NAMES_MAX; i++)
                if (streq(server->names[i].path, name))
                        return &server->names[i];
        return NULL;
}

static ServerName *name_new(Server *server, const char *name, bool folder, uint32_t mode)
{
        ServerName *new = test_server_find(server, "");

        if (!new)
                abort(); /* more names than any test needs */
        (void) snprintf(new->path, sizeof(new->path), "%s", name);
        new->folder = folder;
        new->mode = mode;
        new->data = calloc(1, SERVER_FILE_BYTES);
        new->answered = calloc(1, SERVER_FILE_BYTES);
        assert_true(new->data &&new->answered);
        return new;
}

static void name_remove(ServerName *name)
{
        free(name->data);
        free(name->answered);
        *name = (ServerName){};
}

/* Handles are of one connection only. */
static ServerName *handle(Server *server, ServerRequest *request, size_t *ret)
{
        size_t size;
        const uint8_t *data = request_string(request, &size);

        assert_true(size == 5 && data[0] == 'h');
        assert_int_equal(data[1], server->n_connections);
        assert_true(data[4] < SERVER_NAMES_MAX && server->handles[data[4]]);
        if (ret)
                *ret = data[4];
        return server->handles[data[4]];
}

static void serve_open(Server *server, uint32_t id, ServerRequest *request)
{
        ServerReply *reply;
        ServerName *name;
        uint64_t flags;
        uint32_t mode;
        char text[128];
        size_t i;

        request_path(request, text);
        flags = request_number(request, 4);
        assert_int_equal(request_number(request, 4), 4);
        mode = (uint32_t) request_number(request, 4);
        name = test_server_find(server, text);
        assert_false(flags & 0x14); /* append, truncate */
        if (!name && !(flags & 8)) {
                answer(server, id, SERVER_NO_FILE);
                return;
        }
        if (name && (flags & 0x20)) {
                answer(server, id, SERVER_FAILURE);
                return;
        }
        if (!name)
                name = name_new(server, text, false, mode);
        for (i = 0; server->handles[i]; i++)
                assert_true(i + 1 < SERVER_NAMES_MAX);
        server->handles[i] = name;
        server->n_open++;
        reply = reply_new(server);
        reply_put(reply, 102, 1);
        reply_put(reply, id, 4);
        reply_put(reply, 5, 4);
        reply_put(reply, 'h', 1);
        reply_put(reply, server->n_connections, 1);
        reply_put(reply, i, 3);
        reply_end(reply);
}

static void server_lose(Server *server)
{
        server->lost = true;
        server->n_lost++;
        server->input_size = 0;
        server->n_replies = server->first_reply = server->reply_at = 0;
        server->n_open = 0;
        memset(server->handles, 0, sizeof(server->handles));
        for (size_t i = 0; i < SERVER_NAMES_MAX && server->forgets; i++)
                server->names[i].size = server->names[i].synced_bytes;
}

static void serve_write(Server *server, uint32_t id, ServerRequest *request)
{
        ServerName *name = handle(server, request, NULL);
        uint64_t offset = request_number(request, 8);
        ServerReply *reply;
        size_t size;
        const uint8_t *data = request_string(request, &size);
        uint32_t status = SERVER_OK;

        assert_true(size > 0 && size <= 32768 && offset + size <= SERVER_FILE_BYTES);
        server->n_writes++;
        server->n_sent_twice += name->answered[offset];
        if (server->n_writes == server->fail_write)
                status = server->fail_status;
        else {
                memcpy(name->data + offset, data, size);
                name->size = MAX(name->size, offset + size);
        }
        reply = answer(server, id, status);
        reply->name = name;
        reply->offset = offset;
        if (server->hated_bytes > 0 && offset == server->hated_bytes)
                server_lose(server);
}

static void serve_extended(Server *server, uint32_t id, ServerRequest *request)
{
        const uint64_t words[] = { 4096, 4096, server->blocks,    9,  server->free_blocks, 1, 1,
                                   1,    1,    server->read_only, 255 };
        size_t size;
        const char *name = (const char *) request_string(request, &size);
        char from[128], to[128];

        assert_false(server->without_extensions);
        if (size == 17 && memcmp(name, "fsync@openssh.com", size) == 0) {
                ServerName *file = handle(server, request, NULL);

                file->synced_bytes = file->size;
                server->n_syncs++;
                answer(server, id, SERVER_OK);
        } else if (size == 19 && memcmp(name, "statvfs@openssh.com", size) == 0) {
                ServerReply *reply = reply_new(server);

                request_path(request, from);
                reply_put(reply, 201, 1);
                reply_put(reply, id, 4);
                for (size_t i = 0; i < ELEMENTSOF(words); i++)
                        reply_put(reply, words[i], 8);
                reply_end(reply);
        } else {
                ServerName *old, *new;

                assert_int_equal(size, 24);
                assert_memory_equal(name, "posix-rename@openssh.com", size);
                request_path(request, from);
                request_path(request, to);
                old = test_server_find(server, from);
                new = test_server_find(server, to);
                if (old && new)
                        name_remove(new);
                if (old)
                        (void) snprintf(old->path, sizeof(old->path), "%s", to);
                answer(server, id, old ? SERVER_OK : SERVER_NO_FILE);
        }
}

static void serve_stat(Server *server, uint32_t id, const ServerName *name)
{
        ServerReply *reply;

        if (!name) {
                answer(server, id, SERVER_NO_FILE);
                return;
        }
        reply = reply_new(server);
        reply_put(reply, 105, 1);
        reply_put(reply, id, 4);
        reply_put(reply, 1, 4);
        reply_put(reply, name->size, 8);
        reply_end(reply);
}

static void serve_names(Server *server, uint8_t type, uint32_t id, ServerRequest *request)
{
        char text[128], to[128];
        ServerName *name;
        uint32_t status;

        request_path(request, text);
        name = test_server_find(server, text);
        switch (type) {
        case 13:
        case 15:
                status = !name ? SERVER_NO_FILE : SERVER_OK;
                if (name && name->folder != (type == 15))
                        status = SERVER_FAILURE;
                if (status == SERVER_OK)
                        name_remove(name);
                answer(server, id, status);
                break;
        case 14:
                assert_int_equal(request_number(request, 4), 4);
                if (!name)
                        (void) name_new(server, text, true, (uint32_t) request_number(request, 4));
                answer(server, id, name ? SERVER_FAILURE : SERVER_OK);
                break;
        case 17:
                serve_stat(server, id, name);
                break;
        default:
                assert_int_equal(type, 18);
                request_path(request, to);
                if (name && !test_server_find(server, to)) {
                        (void) snprintf(name->path, sizeof(name->path), "%s", to);
                        answer(server, id, SERVER_OK);
                } else
                        answer(server, id, name ? SERVER_FAILURE : SERVER_NO_FILE);
        }
}

static void serve_hello(Server *server, ServerRequest *request)
{
        static const char *const extensions[][2] = { { "posix-rename@openssh.com", "1" },
                                                     { "statvfs@openssh.com", "2" },
                                                     { "fsync@openssh.com", "1" } };
        ServerReply *reply;

        assert_int_equal(request_number(request, 4), 3);
        reply = reply_new(server);
        reply_put(reply, 2, 1);
        reply_put(reply, server->version, 4);
        for (size_t i = 0; i < ELEMENTSOF(extensions) && !server->without_extensions; i++) {
                reply_put_text(reply, extensions[i][0]);
                reply_put_text(reply, extensions[i][1]);
        }
        reply_end(reply);
}

static void serve(Server *server, ServerRequest *request)
{
        uint8_t type = (uint8_t) request_number(request, 1);
        ServerName *name;
        uint32_t id;
        size_t i;

        if (type == 1) {
                serve_hello(server, request);
                return;
        }
        id = (uint32_t) request_number(request, 4);
        switch (type) {
        case 3:
                serve_open(server, id, request);
                break;
        case 4:
                (void) handle(server, request, &i);
                server->handles[i] = NULL;
                server->n_open--;
                answer(server, id, SERVER_OK);
                break;
        case 6:
                serve_write(server, id, request);
                break;
        case 10:
                name = handle(server, request, NULL);
                assert_int_equal(request_number(request, 4), 1);
                name->size = request_number(request, 8);
                answer(server, id, SERVER_OK);
                break;
        case 200:
                serve_extended(server, id, request);
                break;
        default:
                serve_names(server, type, id, request);
        }
}

/* Is the connection to be lost with this request? */
static bool is_last(const Server *server)
{
        return server->n_lost < ELEMENTSOF(server->lose_after) &&
               server->lose_after[server->n_lost] == server->n_requests;
}

/* Obeys one request. Returns false when there is none, or the connection is gone. */
static bool server_step(Server *server)
{
        ServerRequest request = { server->input, server->input + server->input_size };
        size_t first_new = server->n_replies, length;
        bool last;

        if (server->lost || server->input_size < 4)
                return false;
        length = request_number(&request, 4);
        assert_true(length <= 34000);
        if (server->input_size - 4 < length)
                return false;
        request.end = request.at + length;
        server->n_requests++;
        last = is_last(server);
        if (!last || server->lose_answer)
                serve(server, &request);
        if (last)
                server_lose(server);
        if (server->lost)
                return false;
        if (server->lie_at == server->n_requests) {
                server->n_replies = first_new;
                memcpy(reply_new(server)->data, server->lie, server->lie_size);
                server->replies[first_new].size = server->lie_size;
        }
        server->input_size -= 4 + length;
        memmove(server->input, server->input + 4 + length, server->input_size);
        return true;
}

static void server_obey(Server *server)
{
        size_t n_writes = server->n_writes, first_new = server->n_replies;

        while (server_step(server))
                ;
        server->most_writes = MAX(server->most_writes, server->n_writes - n_writes);
        for (size_t a = first_new, b = server->n_replies; server->reversed && a + 1 < b; a++) {
                ServerReply reply = server->replies[a];

                server->replies[a] = server->replies[--b];
                server->replies[b] = reply;
        }
}

static int server_write(void *channel, const void *data, size_t size)
{
        Server *server = channel;

        if (server->lost)
                return -ECONNRESET;
        if (server->input_size + size > server->input_capacity) {
                server->input_capacity = 2 * (server->input_size + size);
                server->input = realloc(server->input, server->input_capacity);
                assert_non_null(server->input);
        }
        memcpy(server->input + server->input_size, data, size);
        server->input_size += size;
        return 0;
}

static ssize_t server_read(void *channel, void *buffer, size_t size, bool wait)
{
        Server *server = channel;
        size_t n = 0;

        /* It does not hurry: so many writes wait as the client lets. */
        if (server->first_reply == server->n_replies && wait && !server->frozen)
                server_obey(server);
        if (server->first_reply == server->n_replies && server->lost)
                return -ECONNRESET;
        if (server->first_reply == server->n_replies) {
                assert_false(wait); /* it would wait for ever */
                return 0;
        }
        do {
                ServerReply *reply = &server->replies[server->first_reply];
                size_t more = MIN(size - n, reply->size - server->reply_at);

                more = server->piece > 0 ? MIN(more, server->piece) : more;
                memcpy((uint8_t *) buffer + n, reply->data + server->reply_at, more);
                n += more;
                server->reply_at += more;
                if (server->reply_at < reply->size)
                        break;
                if (reply->name)
                        reply->name->answered[reply->offset] = 1;
                server->first_reply++;
                server->reply_at = 0;
                if (++server->n_answers == server->lose_after_answers)
                        server_lose(server);
        } while (server->piece == 0 && server->first_reply < server->n_replies);
        return (ssize_t) n;
}

static int server_reopen(void *channel)
{
        Server *server = channel;

        assert_true(server->lost);
        if (server->connections_left == 0)
                return -ETIMEDOUT;
        server->connections_left--;
        server->lost = false;
        server->n_connections++;
        return 0;
}

static void server_moved(void *channel)
{
        ((Server *) channel)->n_moved++;
}

const SftpChannelOps test_server_ops = {
        .write = server_write,
        .read = server_read,
        .reopen = server_reopen,
        .moved = server_moved,
};

void test_server_init(Server *server)
{
        *server = (Server){
                .blocks = 1 << 21, .free_blocks = 1 << 20, .version = 3, .connections_left = 99
        };
}

void test_server_done(Server *server)
{
        for (size_t i = 0; i < SERVER_NAMES_MAX; i++)
                name_remove(&server->names[i]);
        free(server->input);
        free(server->replies);
}
