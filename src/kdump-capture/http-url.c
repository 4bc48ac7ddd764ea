/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what a URL of a target may look like and how names become parts of one. */
#include "http-url.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include "depot-log.h"

void http_url_done(HttpUrl *url)
{
        free(url->scheme);
        free(url->host);
        free(url->port);
        free(url->root);
        free(url->base);
        *url = (HttpUrl){};
}

static void curl_url_cleanupp(CURLU **handle)
{
        curl_url_cleanup(*handle);
}

/* A part of the URL on our heap; *ret is NULL if it has none. */
static int part_copy(CURLU *handle, CURLUPart part, unsigned flags, char **ret)
{
        char *text = NULL;
        CURLUcode code = curl_url_get(handle, part, &text, flags);

        *ret = NULL;
        if (code == CURLUE_OUT_OF_MEMORY)
                return -ENOMEM;
        if (code != CURLUE_OK)
                return 0;
        *ret = strdup(text);
        curl_free(text);
        return *ret ? 0 : -ENOMEM;
}

static bool text_is_plain(const char *text)
{
        for (const char *p = text; *p; p++)
                if ((unsigned char) *p <= ' ' || *p == 0x7f)
                        return false;
        return true;
}

static int check_foreign_parts(CURLU *handle)
{
        static const CURLUPart foreign[] = {
                CURLUPART_USER,  CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                CURLUPART_QUERY, CURLUPART_FRAGMENT,
        };

        for (size_t i = 0; i < ELEMENTSOF(foreign); i++) {
                _cleanup_free_ char *text = NULL;
                int r;

                r = part_copy(handle, foreign[i], 0, &text);
                if (r < 0)
                        return r;
                if (text)
                        return -EINVAL;
        }
        return 0;
}

static int check_scheme(const char *scheme)
{
        static const char *const known[] = { "http", "https", "ftp", "ftps" };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(scheme, known[i]))
                        return 0;
        return -EPROTONOSUPPORT;
}

/* Brackets off; is it an address? */
static void normalize_host(HttpUrl *url)
{
        size_t length = strlen(url->host);
        uint8_t address[sizeof(struct in6_addr)];

        if (length > 2 && url->host[0] == '[' && url->host[length - 1] == ']') {
                memmove(url->host, url->host + 1, length - 2);
                url->host[length - 2] = '\0';
        }
        url->host_is_address =
                inet_pton(AF_INET, url->host, address) == 1 || strchr(url->host, ':');
}

static int fill(CURLU *handle, HttpUrl *url)
{
        int r;

        r = part_copy(handle, CURLUPART_SCHEME, 0, &url->scheme);
        if (r < 0)
                return r;
        r = check_scheme(url->scheme ?: "");
        if (r < 0)
                return r;
        r = part_copy(handle, CURLUPART_HOST, 0, &url->host);
        if (r < 0)
                return r;
        r = part_copy(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, &url->port);
        if (r < 0)
                return r;
        r = part_copy(handle, CURLUPART_URL, 0, &url->base);
        if (r < 0)
                return r;
        if (curl_url_set(handle, CURLUPART_PATH, "/", 0) != CURLUE_OK)
                return -ENOMEM;
        r = part_copy(handle, CURLUPART_URL, 0, &url->root);
        if (r < 0)
                return r;
        return url->host && url->port && url->base && url->root ? 0 : -EINVAL;
}

int http_url_parse(const char *text, HttpUrl *ret)
{
        _cleanup_(curl_url_cleanupp) CURLU *handle = curl_url();
        _cleanup_(http_url_done) HttpUrl url = {};
        CURLUcode code;
        int r;

        if (!handle)
                return -ENOMEM;
        if (!text_is_plain(text))
                return -EINVAL;
        code = curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
        if (code != CURLUE_OK)
                return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
        r = check_foreign_parts(handle);
        if (r < 0)
                return r;
        r = fill(handle, &url);
        if (r < 0)
                return r;
        normalize_host(&url);
        for (size_t n = strlen(url.base); n > 0 && url.base[n - 1] == '/'; n--)
                url.base[n - 1] = '\0';

        *ret = url;
        url = (HttpUrl){};
        return 0;
}

static bool is_unreserved(char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               (c && strchr("-._~", c));
}

int http_url_escape(const char *text, bool is_path, char **ret)
{
        char *escaped = malloc(strlen(text) * 3 + 1), *to = escaped;

        if (!escaped)
                return -ENOMEM;
        for (const char *p = text; *p; p++) {
                if (is_unreserved(*p) || (is_path && *p == '/'))
                        *to++ = *p;
                else
                        to += snprintf(to, 4, "%%%02X", (unsigned) (unsigned char) *p);
        }
        *to = '\0';
        *ret = escaped;
        return 0;
}

int http_url_join(const char *base, const char *folder, const char *file, char **ret)
{
        _cleanup_free_ char *escaped_folder = NULL, *escaped_file = NULL;
        int r;

        r = http_url_escape(folder, true, &escaped_folder);
        if (r < 0)
                return r;
        r = http_url_escape(file ?: "", true, &escaped_file);
        if (r < 0)
                return r;
        return strprintf(ret, "%s/%s/%s", base, escaped_folder, escaped_file);
}

static int append_address(char **list, const char *address)
{
        bool bracket = strchr(address, ':') && address[0] != '[';
        char *longer = NULL;
        int r;

        r = strprintf(&longer, "%s%s%s%s%s", *list ?: "", *list ? "," : "", bracket ? "[" : "",
                      address, bracket ? "]" : "");
        if (r < 0)
                return r;
        free(*list);
        *list = longer;
        return 0;
}

int http_url_resolve(const HttpUrl *url, char *const *addresses, char **ret)
{
        _cleanup_free_ char *list = NULL;
        int r;

        *ret = NULL;
        if (url->host_is_address || !addresses)
                return 0;
        for (char *const *address = addresses; *address; address++) {
                r = append_address(&list, *address);
                if (r < 0)
                        return r;
        }
        return list ? strprintf(ret, "%s:%s:%s", url->host, url->port, list) : 0;
}
