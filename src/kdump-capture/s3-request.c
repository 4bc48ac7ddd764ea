/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the headers of a request that is signed: libcurl does not hash what is uploaded, but signs
 * the hash that it finds in x-amz-content-sha256, and each header that it was given. */
#include "s3-request.h"

#include <openssl/evp.h>

#include "depot-log.h"
#include "s3-reply.h"

#define SHA256_BYTES 32
#define ONCE_LIMIT_USEC (10 * USEC_PER_SEC)

static int hash(const void *data, size_t size, char ret_hex[SHA256_BYTES * 2 + 1])
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned length = 0;

        if (EVP_Digest(size > 0 ? data : "", size, digest, &length, EVP_sha256(), NULL) != 1 ||
            length != SHA256_BYTES)
                return -EOPNOTSUPP;
        for (size_t i = 0; i < SHA256_BYTES; i++)
                (void) snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
        return 0;
}

static void slist_freep(struct curl_slist **list)
{
        curl_slist_free_all(*list);
}

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
        _cleanup_free_ char *header = NULL;
        struct curl_slist *longer;
        int r;

        r = strprintf(&header, "%s: %s", name, value);
        if (r < 0)
                return r;
        longer = curl_slist_append(*list, header);
        explicit_bzero(header, strlen(header));
        if (!longer)
                return -ENOMEM;
        *list = longer;
        return 0;
}

static int make_headers(const HttpServer *server, const S3Request *request, struct curl_slist **ret)
{
        _cleanup_(slist_freep) struct curl_slist *list = NULL;
        char hex[SHA256_BYTES * 2 + 1];
        int r;

        r = hash(request->data, request->size, hex);
        if (r < 0)
                return r;
        r = add_header(&list, "x-amz-content-sha256", hex);
        if (r >= 0 && server->credentials.session_token)
                r = add_header(&list, "x-amz-security-token", server->credentials.session_token);
        if (r >= 0)
                *ret = TAKE_PTR(list);
        return r;
}

static HttpRequest make_request(const S3Request *request, struct curl_slist *headers)
{
        return (HttpRequest){
                .method = request->method,
                .url = request->url,
                .headers = headers,
                .has_body = request->has_body,
                .data = request->data,
                .size = request->size,
        };
}

int s3_request(HttpSession *session, const S3Request *request, const char *what)
{
        const HttpServer *server = http_session_server(session);
        _cleanup_(slist_freep) struct curl_slist *headers = NULL;
        HttpRequest http;
        int r;

        r = make_headers(server, request, &headers);
        if (r < 0)
                return depot_log_errno(server->host, LOG_ERR, r,
                                       "%s: the request cannot be signed.", what);
        http = make_request(request, headers);
        return http_retry_request(session, &http, s3_reply_judge, what);
}

int s3_request_once(HttpSession *session, const S3Request *request, char **reterr_why)
{
        _cleanup_(slist_freep) struct curl_slist *headers = NULL;
        HttpRequest http;
        int r;

        r = make_headers(http_session_server(session), request, &headers);
        if (r < 0)
                return r;
        http = make_request(request, headers);
        http.limit_usec = ONCE_LIMIT_USEC;
        r = http_session_request(session, &http);
        return r < 0 ? r : s3_reply_judge(http_session_reply(session), reterr_why);
}
