/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server of SFTP in memory, that loses connections, mixes up its answers and lies as it is told.
 * What a client does against the protocol fails the test. */
#pragma once

#include "sftp-client.h"
#include "test.h"

#define SERVER_NAMES_MAX 8
#define SERVER_FILE_BYTES ((size_t) 8 << 20)

/* Codes of the draft's section 7 */
#define SERVER_OK 0
#define SERVER_NO_FILE 2
#define SERVER_FAILURE 4

typedef struct ServerName {
        char path[128]; /* "": none */
        bool folder;
        uint32_t mode;
        uint8_t *data;
        size_t size, synced_bytes;
        uint8_t *answered; /* by offset: a write was acknowledged, and the client has that */
} ServerName;

typedef struct ServerReply {
        uint8_t data[256];
        size_t size;
        ServerName *name; /* of a write */
        uint64_t offset;
} ServerReply;

typedef struct Server {
        /* How it is */
        bool without_extensions;
        bool frozen;            /* answers nothing: whoever waits fails the test */
        bool reversed;          /* answers what it has in the wrong order */
        size_t piece;           /* gives so many bytes at a time; 0: all */
        uint64_t lose_after[4]; /* requests, counted from the first; the connection is lost then */
        bool lose_answer;       /* of that request, which was obeyed */
        uint64_t lose_after_answers; /* that the client has got; 0: never */
        uint64_t fail_write;         /* the number of a write that fails; 0: none */
        uint32_t fail_status;
        uint64_t blocks, free_blocks; /* of 4096 bytes */
        bool read_only;
        uint32_t version;
        uint8_t lie[64]; /* sent instead of the answer to request number @lie_at */
        size_t lie_size;
        uint64_t lie_at;
        bool forgets;              /* loses what was not synced, with the connection */
        uint64_t hated_bytes;      /* a write at this offset ends each connection; 0: none */
        unsigned connections_left; /* then new ones fail */

        /* What it saw */
        uint64_t n_requests, n_writes, n_moved, n_answers;
        unsigned n_connections, n_sent_twice, n_syncs, n_open;
        size_t most_writes; /* that were there at once, without an answer */

        bool lost;
        size_t n_lost;
        ServerName names[SERVER_NAMES_MAX];
        ServerName *handles[SERVER_NAMES_MAX];
        uint8_t *input;
        size_t input_size, input_capacity;
        ServerReply *replies;
        size_t n_replies, first_reply, reply_at, replies_capacity;
} Server;

extern const SftpChannelOps test_server_ops;

/* With all the extensions, and much room. */
void test_server_init(Server *server);
void test_server_done(Server *server);
#define _cleanup_server_ _cleanup_(test_server_done)

/* NULL: there is no such name. */
ServerName *test_server_find(Server *server, const char *path);
