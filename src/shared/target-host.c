/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the cutting of hosts out of targets. URLs are taken apart strictly: what curl would make of
 * an odd one need not be what we think it is. */
#include "target-host.h"

#include <libmount.h>

#include "address.h"
#include "io.h"
#include "parse.h"

#define HOST_BYTES_MAX 253
#define PORT_MAX 65535
#define NFS_PORT 2049
#define RPCBIND_PORT 111
#define SSH_PORT 22

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const struct {
        const char *prefix;
        unsigned port;
} schemes[_URL_SCHEME_MAX] = {
        [URL_HTTP] = { "http://", 80 },  [URL_HTTPS] = { "https://", 443 },
        [URL_S3] = { "s3://", 0 },       [URL_FTP] = { "ftp://", 21 },
        [URL_FTPS] = { "ftps://", 990 },
};

void target_url_done(TargetUrl *url)
{
        free(url->host);
        free(url->path);
        *url = (TargetUrl){};
}

static UrlScheme find_scheme(const char *text, const char **ret_rest)
{
        for (UrlScheme scheme = 0; scheme < _URL_SCHEME_MAX; scheme++) {
                *ret_rest = startswith(text, schemes[scheme].prefix);
                if (*ret_rest)
                        return scheme;
        }
        return _URL_SCHEME_INVALID;
}

static bool name_is_valid(const char *name)
{
        size_t n = strlen(name);

        return n > 0 && n <= HOST_BYTES_MAX && *name != '-' &&
               strspn(name, LETTERS DIGITS ".-_") == n;
}

/* "fe80::1%eth0" has its interface behind it */
static bool ipv6_is_valid(const char *text)
{
        Address address;

        return strspn(text, LETTERS DIGITS ":.%_-") == strlen(text) &&
               address_parse(text, &address) == 0 && address.family == AF_INET6;
}

bool target_host_is_valid(const char *host)
{
        return name_is_valid(host) || ipv6_is_valid(host);
}

/* https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; other stores take
 * upper case, too. */
static bool bucket_is_valid(const char *bucket)
{
        size_t n = strlen(bucket);

        return n >= 3 && n <= 63 && strspn(bucket, LETTERS DIGITS ".-_") == n &&
               !strchr(".-", bucket[0]) && !strchr(".-", bucket[n - 1]) && !strstr(bucket, "..");
}

static bool path_is_valid(const char *path)
{
        for (const char *p = path; *p; p++)
                if ((unsigned char) *p <= ' ' || *p == 0x7f || strchr("\"'?#\\", *p))
                        return false;
        while (*path) {
                size_t n;

                path += strspn(path, "/");
                n = strcspn(path, "/");
                if ((n == 1 || n == 2) && strncmp(path, "..", n) == 0)
                        return false;
                path += n;
        }
        return true;
}

int target_host_split(const char *text, size_t size, char **ret_host, unsigned *ret_port)
{
        _cleanup_free_ char *copy = strndup(text, size), *host = NULL;
        bool bracketed = size > 0 && *text == '[';
        char *begin = copy, *end, *port = NULL;
        uint32_t number = 0;

        if (!copy)
                return -ENOMEM;
        end = bracketed ? strchr(copy, ']') : copy + strcspn(copy, ":");
        if (!end || (bracketed && end[1] && end[1] != ':'))
                return -EINVAL;
        if (bracketed) {
                begin++;
                *end++ = '\0';
        }
        if (*end == ':') {
                *end = '\0';
                port = end + 1;
        }
        if (bracketed ? !ipv6_is_valid(begin) : !name_is_valid(begin))
                return -EINVAL;
        if (port && (strspn(port, DIGITS) != strlen(port) || parse_u32(port, &number) < 0 ||
                     number < 1 || number > PORT_MAX))
                return -EINVAL;
        host = strdup(begin);
        if (!host)
                return -ENOMEM;
        *ret_host = TAKE_PTR(host);
        *ret_port = number;
        return 0;
}

static int split_bucket(const char *text, size_t size, TargetUrl *url)
{
        _cleanup_free_ char *bucket = strndup(text, size);

        if (!bucket)
                return -ENOMEM;
        if (!bucket_is_valid(bucket))
                return -EINVAL;
        url->host = TAKE_PTR(bucket);
        return 0;
}

static int split_path(const char *text, TargetUrl *url)
{
        size_t n = strlen(text);

        if (!path_is_valid(text))
                return -EINVAL;
        while (n > 0 && text[n - 1] == '/')
                n--;
        url->path = strndup(text, n);
        return url->path ? 0 : -ENOMEM;
}

int target_url_parse(const char *text, TargetUrl *ret, const char **reterr_expected)
{
        _cleanup_(target_url_done) TargetUrl url = {};
        const char *rest;
        size_t size;
        int r;

        *reterr_expected = "a URL such as https://host/folder, s3://bucket/prefix, "
                           "ftp://host/folder or sftp://user@host/folder";
        url.scheme = find_scheme(text, &rest);
        if (url.scheme < 0)
                return -EINVAL;
        if (strpbrk(rest, "@?")) {
                *reterr_expected = "a URL without a user, a password and a query: name a file that "
                                   "holds them with 'credentials'";
                return -EINVAL;
        }
        size = strcspn(rest, "/");
        r = url.scheme == URL_S3 ? split_bucket(rest, size, &url)
                                 : target_host_split(rest, size, &url.host, &url.port);
        if (r >= 0)
                r = split_path(rest + size, &url);
        if (r < 0)
                return r;

        *ret = url;
        url = (TargetUrl){};
        return 0;
}

bool target_url_is_endpoint(const char *text)
{
        _cleanup_(target_url_done) TargetUrl url = {};
        const char *expected;

        return target_url_parse(text, &url, &expected) == 0 &&
               (url.scheme == URL_HTTP || url.scheme == URL_HTTPS) && strempty(url.path);
}

/* "host:/export", "[v6]:/export" */
static int nfs_host(const char *what, char **ret)
{
        const char *host = *what == '[' ? what + 1 : what;
        const char *end = strstr(host, *what == '[' ? "]:/" : ":/");

        if (!end || end == host)
                return -EINVAL;
        *ret = strndup(host, (size_t) (end - host));
        return *ret ? 1 : -ENOMEM;
}

/* Of a number after '='. */
static bool option_number(const char *options, const char *name, uint32_t *ret)
{
        _cleanup_free_ char *text = NULL;
        char *value;
        size_t size;

        if (!options || mnt_optstr_get_option(options, name, &value, &size) != 0 || !value)
                return false;
        text = strndup(value, size);
        return text && parse_u32(text, ret) >= 0;
}

static unsigned nfs_port(const char *options)
{
        uint32_t port, version;

        if (option_number(options, "port", &port) && port > 0 && port <= UINT16_MAX)
                return port;
        /* Where the server of the old version is, only its rpcbind knows. */
        if ((option_number(options, "vers", &version) && version < 4) ||
            (option_number(options, "nfsvers", &version) && version < 4) ||
            (options && mnt_optstr_get_option(options, "v3", NULL, NULL) == 0))
                return RPCBIND_PORT;
        return NFS_PORT;
}

/* "user@host"; an IPv6 address may have brackets. */
static int ssh_host(const char *what, char **ret)
{
        const char *at = strrchr(what, '@'), *host = at ? at + 1 : what;
        size_t n = strlen(host);

        if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
                host++;
                n -= 2;
        }
        if (!at || n == 0)
                return -EINVAL;
        *ret = strndup(host, n);
        return *ret ? 1 : -ENOMEM;
}

static int url_host(const Target *target, char **ret_host, unsigned *ret_port)
{
        _cleanup_(target_url_done) TargetUrl url = {}, endpoint = {};
        const char *expected;
        TargetUrl *use = &url;
        int r;

        r = target_url_parse(target->what, &url, &expected);
        if (r < 0)
                return r;
        if (url.scheme == URL_S3 && target->s3_endpoint) {
                r = target_url_parse(target->s3_endpoint, &endpoint, &expected);
                if (r < 0)
                        return r;
                use = &endpoint;
        } else if (url.scheme == URL_S3) {
                *ret_port = schemes[URL_HTTPS].port;
                r = strprintf(ret_host, "s3.%s.amazonaws.com", target->s3_region ?: "us-east-1");
                return r < 0 ? r : 1;
        }
        if (use->scheme == URL_S3)
                return -EINVAL;
        *ret_port = use->port ?: schemes[use->scheme].port;
        *ret_host = TAKE_PTR(use->host);
        return 1;
}

int target_host(const Target *target, char **ret_host, unsigned *ret_port)
{
        if (!target->what)
                return 0;
        switch (target->type) {
        case TARGET_NFS:
                *ret_port = nfs_port(target->options);
                return nfs_host(target->what, ret_host);
        case TARGET_SSH:
                *ret_port = target->port ?: SSH_PORT;
                return ssh_host(target->what, ret_host);
        case TARGET_URL:
                return url_host(target, ret_host, ret_port);
        default:
                return 0;
        }
}
