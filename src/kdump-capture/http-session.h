/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HttpSession: one connection to a server, on which requests are made one after the other. */
#pragma once

#include <curl/curl.h>

#include "http-server.h"

/* What of a reply's body is kept. What follows is dropped, and a reply that never ends is an error.
 */
#define HTTP_REPLY_MAX_BYTES ((size_t) 65536)
#define HTTP_REPLY_LIMIT_BYTES (UINT64_C(16) << 20)
#define HTTP_ETAG_MAX_BYTES ((size_t) 256)

typedef struct HttpRequest {
        const char *method; /* "PUT", …; not for ftp, where a body is stored, or nothing is */
        const char *url;
        struct curl_slist *headers; /* must live until the request ends */
        struct curl_slist *quote;   /* ftp: commands that are sent at first */
        bool has_body;
        const void *data; /* must stay until it is gone */
        size_t size;
        bool more; /* with http_session_more(): how much there is in all is not known yet */

        /* The same was tried before: only what gets further than that is told to the host. */
        bool again;

        uint64_t limit_usec; /* -ETIMEDOUT if nothing has moved for so long; 0: never */
} HttpRequest;

typedef struct HttpReply {
        long status;
        char *body; /* NUL-terminated, "" if there is none */
        size_t size;
        char etag[HTTP_ETAG_MAX_BYTES]; /* with its quotes; "" if there is none, or it is odd */
        uint64_t length_bytes;          /* of the body that was announced; 0: none was */
        uint64_t retry_after_usec;      /* the server's wish; 0: none */
} HttpReply;

typedef struct HttpSession HttpSession;

/* @server must outlive *ret. Nothing is connected yet. Returns 0, -ENOMEM, or -EOPNOTSUPP if
 * libcurl lacks something. None of these log. */
int http_session_new(const HttpServer *server, HttpSession **ret);
HttpSession *http_session_free(HttpSession *session); /* NULL is fine; returns NULL */
DEFINE_CLEANUP(HttpSession *, http_session_free);

/* Makes a request and waits until its data is gone (0) or until there is a reply (1), whatever its
 * status. Fails with what http_curl_error() makes of it, with -ETIMEDOUT, or with -ECANCELED after
 * http_session_stop(). */
int http_session_request(HttpSession *session, const HttpRequest *request);

/* Goes on with one that has 'more'. @last: nothing comes behind this. Returns as that; -EPIPE if
 * there is no such request. */
int http_session_more(HttpSession *session, const void *data, size_t size, bool last);

/* The reply to the last request. Valid until the next. */
const HttpReply *http_session_reply(const HttpSession *session);

/* Why the last request had no reply, in words; never NULL. And whether it had none. */
bool http_session_failed(const HttpSession *session);
const char *http_session_why(const HttpSession *session);

/* How long ago the server took something, or the first try of the last request began. */
uint64_t http_session_idle_usec(const HttpSession *session);

const HttpServer *http_session_server(const HttpSession *session);

/* Ends a request from another thread; all later ones fail until it is allowed again. */
void http_session_stop(HttpSession *session);
void http_session_allow(HttpSession *session);

/* Waits, at most until http_session_stop(). Returns 0 or -ECANCELED. */
int http_session_sleep(HttpSession *session, uint64_t usec);
