/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HttpUrl: the URL of a target, taken apart, and URLs of files below it. Pure; nothing here logs.
 */
#pragma once

#include "macro.h"

typedef struct HttpUrl {
        char *scheme; /* in lower case */
        char *host;   /* a name or an address, of IPv6 without brackets */
        char *port;   /* digits, also where the URL has none */
        char *root;   /* "scheme://host:port/" */
        char *base;   /* the whole URL, without a '/' at its end */
        bool host_is_address;
} HttpUrl;

/* @text: http, https, ftp or ftps. Returns 0; -EINVAL if it is malformed or has what does not
 * belong there: a user, a query, a fragment, blanks or control characters; -EPROTONOSUPPORT:
 * another scheme; -ENOMEM. */
int http_url_parse(const char *text, HttpUrl *ret);
void http_url_done(HttpUrl *url);

/* @text as a part of a path or as a value of a query: all but letters, digits and "-._~" becomes
 * %XX, as the signatures of S3 want it. '/' stays if @is_path. Returns 0 or -ENOMEM. */
int http_url_escape(const char *text, bool is_path, char **ret);

/* "@base/@folder/@file" with the last two escaped; @file may be "" or NULL. */
int http_url_join(const char *base, const char *folder, const char *file, char **ret);

/* What CURLOPT_RESOLVE wants: "host:port:address,address", those of IPv6 in brackets. *ret is NULL
 * if there are none, or if the host is an address. */
int http_url_resolve(const HttpUrl *url, char *const *addresses, char **ret);
