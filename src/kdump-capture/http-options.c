/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the options of a libcurl handle. */
#include "http-options.h"

/* Two connects are tried in this time: one to each family of addresses. */
#define CONNECT_TIMEOUT_SEC 20L
#define KEEPALIVE_IDLE_SEC 20L
#define KEEPALIVE_INTERVAL_SEC 10L
#define UPLOAD_BUFFER_BYTES (256L << 10)

/* For functions with an 'easy' and a 'code', which stays that of the first option that failed. */
#define SET(option, value)                                                                         \
        (void) (code = code != CURLE_OK ? code : curl_easy_setopt(easy, option, value))

/* Nothing of the environment has a say: no proxy, no .netrc, no other protocol. */
static CURLcode set_connection(CURL *easy, const HttpServer *server)
{
        CURLcode code = CURLE_OK;

        SET(CURLOPT_NOSIGNAL, 1L);
        SET(CURLOPT_PROXY, "");
        SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
        SET(CURLOPT_PROTOCOLS_STR, server->url.scheme);
        SET(CURLOPT_FOLLOWLOCATION, 0L);
        SET(CURLOPT_PATH_AS_IS, 1L);
        SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
        SET(CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_SEC);
        SET(CURLOPT_TCP_KEEPALIVE, 1L);
        SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC);
        SET(CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SEC);
        SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
        SET(CURLOPT_USERAGENT, "kdumpd/" KDUMPD_VERSION);
        if (server->resolve)
                SET(CURLOPT_RESOLVE, server->resolve);
        return code;
}

static CURLcode set_tls(CURL *easy, const HttpServer *server)
{
        const Target *target = server->target;
        CURLcode code = CURLE_OK;

        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 2L);
        SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        if (target->ca_file) {
                SET(CURLOPT_CAINFO, target->ca_file);
                /* Else the system's certificates would be trusted as well. */
                SET(CURLOPT_CAPATH, (char *) NULL);
        }
        if (target->client_cert) {
                SET(CURLOPT_SSLCERT, target->client_cert);
                SET(CURLOPT_SSLKEY, target->client_key ?: target->client_cert);
                SET(CURLOPT_KEYPASSWD, ""); /* else OpenSSL asks for it on the terminal */
        }
        /* Who names certificates for plain ftp wants TLS on it (RFC 4217). */
        if (streq(server->url.scheme, "ftp") && (target->ca_file || target->client_cert))
                SET(CURLOPT_USE_SSL, (long) CURLUSESSL_ALL);
        return code;
}

static CURLcode set_credentials(CURL *easy, const HttpServer *server)
{
        const Credentials *credentials = &server->credentials;
        CURLcode code = CURLE_OK;

        if (server->aws_sigv4) {
                SET(CURLOPT_AWS_SIGV4, server->aws_sigv4);
                SET(CURLOPT_USERNAME, credentials->access_key_id);
                SET(CURLOPT_PASSWORD, credentials->secret_access_key);
        } else if (credentials->user) {
                SET(CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
                SET(CURLOPT_USERNAME, credentials->user);
                SET(CURLOPT_PASSWORD, credentials->password);
        } else if (credentials->bearer_token) {
                SET(CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
                SET(CURLOPT_XOAUTH2_BEARER, credentials->bearer_token);
        }
        return code;
}

static CURLcode set_ftp_request(CURL *easy, const HttpRequest *request)
{
        CURLcode code = CURLE_OK;

        SET(CURLOPT_FTP_CREATE_MISSING_DIRS, (long) CURLFTP_CREATE_DIR_RETRY);
        if (!request->has_body)
                SET(CURLOPT_NOBODY, 1L);
        if (request->quote) {
                SET(CURLOPT_QUOTE, request->quote);
                /* They are sent before anything else: a connection that was used before is in
                 * another folder. */
                SET(CURLOPT_FRESH_CONNECT, 1L);
        }
        return code;
}

static CURLcode set_http_request(CURL *easy, const HttpRequest *request)
{
        CURLcode code = CURLE_OK;

        SET(CURLOPT_HTTPHEADER, request->headers);
        if (streq(request->method, "HEAD"))
                SET(CURLOPT_NOBODY, 1L);
        else
                SET(CURLOPT_CUSTOMREQUEST, request->method);
        return code;
}

/* Also the body of a POST is an upload: for a real one libcurl would add a Content-Type that it
 * does not sign. */
static CURLcode set_body(CURL *easy, const HttpRequest *request)
{
        CURLcode code = CURLE_OK;

        if (!request->has_body)
                return code;
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, request->more ? (curl_off_t) -1 : (curl_off_t) request->size);
        return code;
}

CURLcode http_options_set(CURL *easy, const HttpServer *server, const HttpRequest *request)
{
        CURLcode code;

        code = set_connection(easy, server);
        if (code == CURLE_OK)
                code = set_tls(easy, server);
        if (code == CURLE_OK)
                code = set_credentials(easy, server);
        if (code == CURLE_OK)
                code = set_body(easy, request);
        if (code == CURLE_OK)
                code = http_server_is_ftp(server) ? set_ftp_request(easy, request)
                                                  : set_http_request(easy, request);
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_URL, request->url);
        return code;
}
