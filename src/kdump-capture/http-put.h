/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that is stored by one HTTP PUT, or by ftp's STOR. */
#pragma once

#include "http-session.h"
#include "sink.h"

/* The file @url: over HTTP it is there only when all of it is (RFC 9112 8: a request that breaks
 * off is incomplete, and chunks say so). @rename (taken over, also on failure; NULL for HTTP):
 * commands for ftp that give it its final name then. What fits into a block (1 MiB) is sent with
 * its length, and again if that fails; more is sent as it comes, and cannot be. Logs why it fails.
 * Returns 0, -ENOMEM or -EOPNOTSUPP. */
int http_put_new(const HttpServer *server, const char *url, struct curl_slist *rename, Sink **ret);
