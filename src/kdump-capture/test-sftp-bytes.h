/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ServerRequest and ServerReply: the bytes of SFTP's messages, read and written by other code than
 * the one that is tested. A request that is cut off fails the test. */
#pragma once

#include "test-sftp-server.h"

/* What is left to read of it. */
typedef struct ServerRequest {
        const uint8_t *at, *end;
} ServerRequest;

uint64_t request_number(ServerRequest *request, size_t bytes);
const uint8_t *request_string(ServerRequest *request, size_t *ret_size);
void request_path(ServerRequest *request, char ret[128]);

void reply_put(ServerReply *reply, uint64_t value, size_t bytes);
void reply_put_text(ServerReply *reply, const char *text);

/* Sets the length in front of what was put; nothing is put after that. */
void reply_end(ServerReply *reply);
