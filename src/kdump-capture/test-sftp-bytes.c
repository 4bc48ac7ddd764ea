/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how the server of the tests reads and writes messages. */
#include "test-sftp-bytes.h"

#include <endian.h>

uint64_t request_number(ServerRequest *request, size_t bytes)
{
        uint64_t value = 0;

        assert_true((size_t) (request->end - request->at) >= bytes);
        for (; bytes > 0; bytes--)
                value = value << 8 | *request->at++;
        return value;
}

const uint8_t *request_string(ServerRequest *request, size_t *ret_size)
{
        const uint8_t *data;

        *ret_size = request_number(request, 4);
        assert_true((size_t) (request->end - request->at) >= *ret_size);
        data = request->at;
        request->at += *ret_size;
        return data;
}

void request_path(ServerRequest *request, char ret[128])
{
        size_t size;
        const uint8_t *data = request_string(request, &size);

        assert_true(size > 0 && size < 128);
        memcpy(ret, data, size);
        ret[size] = '\0';
}

void reply_put(ServerReply *reply, uint64_t value, size_t bytes)
{
        for (; bytes > 0; bytes--)
                reply->data[reply->size++] = (uint8_t) (value >> (8 * (bytes - 1)));
}

void reply_put_text(ServerReply *reply, const char *text)
{
        reply_put(reply, strlen(text), 4);
        for (; *text; text++)
                reply_put(reply, (uint8_t) *text, 1);
}

void reply_end(ServerReply *reply)
{
        uint32_t length = htobe32((uint32_t) (reply->size - 4));

        memcpy(reply->data, &length, sizeof(length));
}
