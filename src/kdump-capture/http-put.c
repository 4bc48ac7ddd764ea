/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the request that a file is stored with. */
#include "http-put.h"

#include "depot-log.h"
#include "http-retry.h"
#include "sink-blocks.h"

#define BLOCK_BYTES ((size_t) 1 << 20)

typedef struct HttpPut {
        const HttpServer *server;
        HttpSession *session;
        char *url;
        char *what; /* begins messages */
        struct curl_slist *rename;
} HttpPut;

static size_t put_size(void *userdata, uint64_t number)
{
        return BLOCK_BYTES;
}

/* Looks at what http_session_request() and http_session_more() have returned: while the body is
 * under way there should be no reply. */
static int check(HttpPut *put, int result, bool last)
{
        _cleanup_free_ char *why = NULL;
        int r = result;

        if (r == -ECANCELED || (r == 0 && !last))
                return r;
        if (r < 0)
                return depot_log_errno(put->server->host, LOG_ERR, r, "%s: %s.", put->what,
                                       http_session_why(put->session));
        r = http_retry_judge(http_session_reply(put->session), &why);
        if (r >= 0 && !last)
                return depot_log_errno(put->server->host, LOG_ERR, -EIO,
                                       "%s: the server says %ld before it has all.", put->what,
                                       http_session_reply(put->session)->status);
        return r >= 0 ? 0
                      : depot_log_errno(put->server->host, LOG_ERR, r, "%s: %s.", put->what,
                                        why ?: "?");
}

static int put_whole(HttpPut *put, const void *data, size_t size)
{
        const HttpRequest request = {
                .method = "PUT",
                .url = put->url,
                .has_body = true,
                .data = data,
                .size = size,
        };

        return http_retry_request(put->session, &request, http_retry_judge, put->what);
}

static int put_first(HttpPut *put, const void *data, size_t size)
{
        const HttpRequest request = {
                .method = "PUT",
                .url = put->url,
                .has_body = true,
                .data = data,
                .size = size,
                .more = true,
                .limit_usec = http_retry_limit_usec(put->server->target),
        };

        return check(put, http_session_request(put->session, &request), false);
}

/* Without a body it is only for the commands. */
static int put_rename(HttpPut *put)
{
        const HttpRequest request = {
                .method = "",
                .url = put->server->url.root,
                .quote = put->rename,
        };

        return http_retry_request(put->session, &request, http_retry_judge, put->what);
}

static int put_block(void *userdata, uint64_t number, const void *data, size_t size, bool last)
{
        HttpPut *put = userdata;
        int r;

        if (number == 0)
                r = last ? put_whole(put, data, size) : put_first(put, data, size);
        else
                r = check(put, http_session_more(put->session, data, size, last), last);
        if (r >= 0 && last && put->rename)
                r = put_rename(put);
        return r;
}

static void put_stop(void *userdata)
{
        http_session_stop(((HttpPut *) userdata)->session);
}

static void put_free(void *userdata)
{
        HttpPut *put = userdata;

        http_session_free(put->session);
        curl_slist_free_all(put->rename);
        free(put->url);
        free(put->what);
        free(put);
}

static const BlocksOps put_ops = {
        .name = "put",
        .size = put_size,
        .put = put_block,
        .stop = put_stop,
        .free = put_free,
};

int http_put_new(const HttpServer *server, const char *url, struct curl_slist *rename, Sink **ret)
{
        HttpPut *put = calloc(1, sizeof(*put));
        int r;

        if (!put) {
                curl_slist_free_all(rename);
                return -ENOMEM;
        }
        *put = (HttpPut){ .server = server, .url = strdup(url), .rename = rename };
        r = put->url ? strprintf(&put->what, "Failed to store '%s'", url) : -ENOMEM;
        if (r >= 0)
                r = http_session_new(server, &put->session);
        if (r < 0) {
                put_free(put);
                return r;
        }
        return sink_blocks_new(&put_ops, put, ret);
}
