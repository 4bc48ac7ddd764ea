/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way from one resolv.conf to another. */
#include "net-dns.h"

#include "address.h"
#include "io.h"
#include "rootdir.h"
#include "strv.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLVED_CONF "/run/systemd/resolve/resolv.conf"
#define RESOLV_CONF_BYTES_MAX 65536
#define SERVERS_MAX 3      /* MAXNS of <resolv.h> */
#define SEARCH_WORDS_MAX 6 /* as glibc before 2.26 */

void net_dns_done(NetDns *dns)
{
        strv_free(dns->servers);
        free(dns->search);
        *dns = (NetDns){ 0 };
}

static int add_server(NetDns *dns, const char *text)
{
        char plain[ADDRESS_TEXT_BYTES];
        Address address;

        if (address_parse(text, &address) < 0 || address_is_loopback(&address) ||
            address_is_link_local(&address) || strv_length(dns->servers) >= SERVERS_MAX)
                return 0;
        return strv_extend(&dns->servers, address_format(&address, plain));
}

static int set_search(NetDns *dns, char *const *words)
{
        _cleanup_strv_ char **first = NULL;
        _cleanup_free_ char *search = NULL;
        int r;

        for (size_t i = 0; words[i] && i < SEARCH_WORDS_MAX; i++) {
                r = strv_extend(&first, words[i]);
                if (r < 0)
                        return r;
        }
        r = strv_join(first, &search);
        if (r < 0)
                return r;
        free(dns->search);
        dns->search = TAKE_PTR(search);
        return 0;
}

/* "nameserver ADDRESS", "search DOMAIN…" or "domain DOMAIN"; of the last two, the last one counts
 * (resolv.conf(5)). */
static int read_line(NetDns *dns, const char *line)
{
        _cleanup_strv_ char **words = NULL;
        int r;

        r = strv_split(line, &words);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (strv_length(words) < 2)
                return 0;
        if (streq(words[0], "nameserver"))
                return add_server(dns, words[1]);
        if (streq(words[0], "search") || streq(words[0], "domain"))
                return set_search(dns, words + 1);
        return 0;
}

static int read_file(int root_fd, const char *path, NetDns *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        char *line, *rest;
        int r;

        r = root_read(root_fd, path, RESOLV_CONF_BYTES_MAX, &text, &size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                r = read_line(ret, line);
                if (r < 0)
                        return r;
        }
        return 0;
}

int net_dns_read(int root_fd, NetDns *ret)
{
        _cleanup_(net_dns_done) NetDns dns = { 0 };
        int r;

        r = read_file(root_fd, RESOLV_CONF, &dns);
        if (r < 0)
                return r;
        if (!dns.servers) {
                r = read_file(root_fd, RESOLVED_CONF, &dns);
                if (r < 0)
                        return r;
        }
        *ret = dns;
        dns = (NetDns){ 0 };
        return 0;
}

int net_dns_format(const NetDns *dns, char *const *servers, char **ret)
{
        _cleanup_free_ char *text = NULL;
        int r;

        text = strdup("");
        if (!text)
                return -ENOMEM;
        for (char *const *server = servers; server && *server; server++) {
                char *more;

                r = strprintf(&more, "%snameserver %s\n", text, *server);
                if (r < 0)
                        return r;
                free(text);
                text = more;
        }
        /* A server that does not answer must not take the time of the next one. */
        return strprintf(ret, "%s%s%s%soptions timeout:2 attempts:2\n", text,
                         dns->search ? "search " : "", dns->search ?: "", dns->search ? "\n" : "");
}
