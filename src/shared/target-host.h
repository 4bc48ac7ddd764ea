/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which machine a target is on, and the parts of a target's URL. None of these log. */
#pragma once

#include "target.h"

typedef enum UrlScheme {
        URL_HTTP,
        URL_HTTPS,
        URL_S3,
        URL_FTP,
        URL_FTPS,
        _URL_SCHEME_MAX,
        _URL_SCHEME_INVALID = -EINVAL,
} UrlScheme;

typedef struct TargetUrl {
        UrlScheme scheme;
        char *host;    /* without the brackets of an IPv6 address; of s3: the bucket */
        unsigned port; /* 0: the usual one */
        char *path;    /* "" or "/a/b", as written, without slashes at its end */
} TargetUrl;

void target_url_done(TargetUrl *url);

/* A name as of a DNS, or an IP address, which may have its interface behind it ("fe80::1%eth0"). */
bool target_host_is_valid(const char *host);

/* "host", "host:port", "[v6]:port": all of the @size bytes at @text. *ret_host is without brackets,
 * *ret_port 0 if there is none. Returns 0 or -EINVAL. */
int target_host_split(const char *text, size_t size, char **ret_host, unsigned *ret_port);

/* "https://host:port/path", "s3://bucket/prefix" … Returns 0; -EINVAL with *reterr_expected (a
 * constant) if it is none, or has a user, a password, a query, or a '..' in it. */
int target_url_parse(const char *text, TargetUrl *ret, const char **reterr_expected);

/* Whether @text is "http://host", "https://host:port" …, with nothing behind it but one slash. */
bool target_url_is_endpoint(const char *text);

/* The machine that @target is on, a name or an address without brackets, and the port that is
 * connected to: of an old NFS that of rpcbind, which knows where the rest is. Returns 1; 0 if it is
 * on this one; -EINVAL if its text makes no sense. */
int target_host(const Target *target, char **ret_host, unsigned *ret_port);
