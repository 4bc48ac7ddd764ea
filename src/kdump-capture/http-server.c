/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how a server is found, and the first words with it. */
#include "http-server.h"

#include <fcntl.h>
#include <time.h>

#include "depot-log.h"
#include "http-error.h"
#include "http-retry.h"
#include "s3-request.h"
#include "s3-xml.h"

void http_server_done(HttpServer *server)
{
        http_url_done(&server->url);
        credentials_done(&server->credentials);
        s3_bucket_done(&server->bucket);
        free(server->aws_sigv4);
        curl_slist_free_all(server->resolve);
        *server = (HttpServer){};
}

bool http_server_is_ftp(const HttpServer *server)
{
        return startswith(server->url.scheme, "ftp") != NULL;
}

static int read_url(HttpServer *server, const char *text)
{
        int r;

        r = http_url_parse(text, &server->url);
        switch (r) {
        case -EINVAL:
                return depot_log_errno(server->host, LOG_ERR, r,
                                       "The target's URL is malformed, or has a user, a query or a "
                                       "fragment in it: credentials belong into a file.");
        case -EPROTONOSUPPORT:
                return depot_log_errno(
                        server->host, LOG_ERR, -EOPNOTSUPP,
                        "The target's URL '%s' is none of http, https, ftp, ftps, s3. For "
                        "sftp there are targets of the kind 'ssh'.",
                        text);
        default:
                return r;
        }
}

static int read_credentials(HttpServer *server)
{
        const char *path = server->target->credentials;
        _cleanup_free_ char *why = NULL;
        int r;

        if (!path)
                return 0;
        r = credentials_read(AT_FDCWD, path, &server->credentials, &why);
        if (r < 0)
                return depot_log_errno(server->host, LOG_ERR, r == -EPERM ? -EACCES : r,
                                       "Credentials file '%s' cannot be used: %s.", path,
                                       why ?: "?");
        return 0;
}

/* Signed requests have no secret in them. */
static void warn_if_readable(const HttpServer *server)
{
        bool sends_secret = !http_server_is_store(server) &&
                            (server->credentials.user || server->credentials.bearer_token);
        bool is_plain = streq(server->url.scheme, "http") ||
                        (streq(server->url.scheme, "ftp") && !server->target->ca_file &&
                         !server->target->client_cert);

        if (sends_secret && is_plain)
                (void) depot_log_errno(
                        server->host, LOG_WARNING, 0,
                        "'%s' gets its credentials unencrypted: whoever is on the way can "
                        "read them.",
                        server->url.base);
}

static int prepare_addresses(HttpServer *server)
{
        _cleanup_free_ char *entry = NULL;
        int r;

        r = http_url_resolve(&server->url, server->target->addresses, &entry);
        if (r < 0 || !entry)
                return r;
        server->resolve = curl_slist_append(NULL, entry);
        return server->resolve ? 0 : -ENOMEM;
}

/* Any reply will do, but one that says that we are not let in, or that the server is not well: what
 * is at the URL need not be readable. */
static int judge_greeting(const HttpServer *server, const HttpReply *reply)
{
        const char *base = server->url.base;

        switch (reply->status) {
        case 400:
                return depot_log_errno(server->host, LOG_ERR, -EACCES,
                                       "'%s' refuses the request (400): does it want a client "
                                       "certificate? client_cert names one.",
                                       base);
        case 401:
                return depot_log_errno(server->host, LOG_ERR, -EACCES,
                                       "'%s' wants other credentials (401).", base);
        case 429:
        case 502:
        case 503:
        case 504:
                return depot_log_errno(server->host, LOG_ERR, -EHOSTUNREACH,
                                       "'%s' does not serve at the moment (%ld).", base,
                                       reply->status);
        default:
                return 0;
        }
}

static int greet_http(const HttpServer *server, HttpSession *session)
{
        bool is_ftp = http_server_is_ftp(server);
        const HttpRequest request = {
                .method = "HEAD",
                .url = is_ftp ? server->url.root : server->url.base,
                .limit_usec = http_retry_limit_usec(server->target),
        };
        int r;

        r = http_session_request(session, &request);
        if (r < 0)
                return r;
        return is_ftp ? 0 : judge_greeting(server, http_session_reply(session));
}

/* Who may only write may not list: the store knows us, which is what was asked. */
static int judge_listing(const HttpServer *server, const HttpReply *reply, int error,
                         const char *why)
{
        _cleanup_free_ char *code = NULL;

        if (s3_xml_find(reply->body, reply->size, "Code", &code) == -ENOMEM)
                return -ENOMEM;
        if (streq_ptr(code, "AccessDenied"))
                return 0;
        return depot_log_errno(server->host, LOG_ERR, error == -ENOENT ? -EOPNOTSUPP : error,
                               "'%s' cannot be used: %s.", server->target->what, why ?: "?");
}

static int greet_store(const HttpServer *server, HttpSession *session)
{
        _cleanup_free_ char *prefix = NULL, *url = NULL, *why = NULL;
        S3Request request = { .method = "GET" };
        int r;

        r = http_url_escape(server->bucket.prefix, false, &prefix);
        if (r < 0)
                return r;
        r = strprintf(&url, "%s/?list-type=2&max-keys=1&prefix=%s", server->url.base, prefix);
        if (r < 0)
                return r;
        request.url = url;
        r = s3_request_once(session, &request, &why);
        if (r >= 0 || http_session_failed(session))
                return r;
        return judge_listing(server, http_session_reply(session), r, why);
}

/* A certificate may be good but for the time: the clock of a crash kernel can be wrong. */
static int complain(const HttpServer *server, int error, const char *why)
{
        char now[64] = "";
        time_t clock = time(NULL);
        struct tm tm;

        if (error == -EKEYREJECTED && gmtime_r(&clock, &tm))
                (void) strftime(now, sizeof(now), " (the clock says %F %T UTC)", &tm);
        return depot_log_errno(server->host, LOG_ERR, error, "Failed to reach '%s': %s%s.",
                               server->url.base, why, now);
}

/* At the addresses from the time when all was well; if nobody answers there, where the name leads
 * to now. */
static int reach(HttpServer *server)
{
        for (;;) {
                _cleanup_(http_session_freep) HttpSession *session = NULL;
                int r;

                r = http_session_new(server, &session);
                if (r < 0)
                        return r;
                r = http_server_is_store(server) ? greet_store(server, session)
                                                 : greet_http(server, session);
                if (r >= 0 || !http_session_failed(session))
                        return r;
                if (!server->resolve || !http_error_may_pass(r))
                        return complain(server, r, http_session_why(session));
                (void) depot_log_errno(
                        server->host, LOG_NOTICE, 0,
                        "'%s' is not reached at its old address (%s), asking for a new "
                        "one.",
                        server->url.base, http_session_why(session));
                curl_slist_free_all(server->resolve);
                server->resolve = NULL;
        }
}

/* An object store's URL becomes that of the bucket. */
static int read_bucket(HttpServer *server)
{
        const Target *target = server->target;
        const char *why;
        int r;

        r = s3_bucket_parse(target->what, target->s3_endpoint, target->s3_region, &server->bucket,
                            &why);
        if (r < 0)
                return depot_log_errno(server->host, LOG_ERR, r, "'%s' cannot be used: %s.",
                                       target->what, why);
        if (!server->credentials.access_key_id)
                return depot_log_errno(server->host, LOG_ERR, -EACCES,
                                       "'%s' needs a file of credentials with access_key_id and "
                                       "secret_access_key.",
                                       target->what);
        r = strprintf(&server->aws_sigv4, "aws:amz:%s:s3", server->bucket.region);
        return r < 0 ? r : read_url(server, server->bucket.base);
}

static int prepare(HttpServer *server)
{
        const char *what = server->target->what;
        int r;

        if (strempty(what))
                return depot_log_errno(server->host, LOG_ERR, -EINVAL, "The target has no URL.");
        r = read_credentials(server);
        if (r < 0)
                return r;
        r = startswith(what, "s3://") ? read_bucket(server) : read_url(server, what);
        if (r < 0)
                return r;
        warn_if_readable(server);
        return prepare_addresses(server);
}

int http_server_open(HttpServer *server, const DepotHost *host, const Target *target)
{
        int r;

        *server = (HttpServer){ .host = host, .target = target };
        r = prepare(server);
        if (r == -ENOMEM)
                (void) depot_log_errno(host, LOG_ERR, 0, "Out of memory.");
        return r < 0 ? r : reach(server);
}
