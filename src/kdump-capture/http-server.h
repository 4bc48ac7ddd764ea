/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HttpServer: how a server is reached and who we are there: what all requests of a depot share, and
 * none changes. */
#pragma once

#include <curl/curl.h>

#include "credentials.h"
#include "depot-module.h"
#include "http-url.h"
#include "s3-bucket.h"

typedef struct HttpServer {
        const DepotHost *host;
        const Target *target;
        HttpUrl url; /* of the target, or of an object store's bucket */
        Credentials credentials;
        S3Bucket bucket;            /* no name: it is no object store */
        char *aws_sigv4;            /* as of CURLOPT_AWS_SIGV4; NULL: requests are not signed */
        struct curl_slist *resolve; /* addresses that the host's name had; NULL: it is looked up */
} HttpServer;

/* Reads what @target says and names, and asks the server whether it would have us. Returns 0, or as
 * DepotModule.open(), when why was logged. @host and @target must outlive *server. */
int http_server_open(HttpServer *server, const DepotHost *host, const Target *target);
void http_server_done(HttpServer *server);

bool http_server_is_ftp(const HttpServer *server);
static inline bool http_server_is_store(const HttpServer *server)
{
        return server->bucket.name != NULL;
}
