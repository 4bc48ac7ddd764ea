/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the file of names and addresses, and getaddrinfo(3). */
#include "net-resolve.h"

#include <netdb.h>

#include "address.h"
#include "io.h"
#include "json-fields.h"
#include "log.h"
#include "paths.h"
#include "rootdir.h"
#include "strv.h"
#include "target-host.h"

#define PATH_WANTED PATH_RUN_DIR "/hosts"
#define WANTED_BYTES_MAX 65536
#define HOSTS_MAX 64
#define ADDRESSES_MAX 16

static int addresses_from_json(struct json_object *list, char ***ret)
{
        _cleanup_strv_ char **addresses = NULL;
        size_t n;
        int r;

        if (!json_object_is_type(list, json_type_array))
                return -EBADMSG;
        n = MIN((size_t) json_object_array_length(list), (size_t) ADDRESSES_MAX);
        for (size_t i = 0; i < n; i++) {
                const char *text = json_object_get_string(json_object_array_get_idx(list, i));
                Address address;

                if (!text || address_parse(text, &address) < 0)
                        return -EBADMSG;
                r = strv_extend(&addresses, text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(addresses);
        return 0;
}

/* A new object if there is none that can be read: then nothing is known. */
static int addresses_read(int root_fd, struct json_object **ret)
{
        _cleanup_free_ char *text = NULL, *message = NULL;
        size_t size;
        int r;

        r = root_read(root_fd, PATH_NET_ADDRESSES, JSON_BYTES_MAX, &text, &size);
        if (r >= 0)
                r = json_object_parse(text, size, ret, &message);
        if (r == 0 || r == -ENOMEM)
                return r;
        *ret = json_object_new_object();
        return *ret ? 0 : -ENOMEM;
}

int net_resolve_known(int root_fd, const char *host, char ***ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        struct json_object *list;
        Address address;
        int r;

        *ret = NULL;
        if (address_parse(host, &address) == 0) {
                r = strv_extend(ret, host);
                return r < 0 ? r : 1;
        }
        r = addresses_read(root_fd, &object);
        if (r < 0)
                return r;
        list = json_member(object, host);
        if (!list)
                return 0;
        r = addresses_from_json(list, ret);
        if (r == -ENOMEM)
                return r;
        return r >= 0 && *ret ? 1 : 0;
}

int net_resolve_want(int root_fd, char *const *hosts)
{
        _cleanup_free_ char *text = strdup("");
        unsigned n = 0;
        Address address;
        int r;

        if (!text)
                return -ENOMEM;
        for (char *const *host = hosts; host && *host && n < HOSTS_MAX; host++) {
                char *more;

                if (address_parse(*host, &address) == 0 || !target_host_is_valid(*host))
                        continue;
                r = strprintf(&more, "%s%s\n", text, *host);
                if (r < 0)
                        return r;
                free(text);
                text = more;
                n++;
        }
        r = mkdir_parents(root_fd, root_relative(PATH_RUN_DIR), 0755);
        if (r >= 0)
                r = file_write_atomic(root_fd, root_relative(PATH_WANTED), text, strlen(text),
                                      0600);
        return r < 0 ? r : n > 0;
}

static int wanted_read(int root_fd, char ***ret)
{
        _cleanup_strv_ char **hosts = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        char *rest, *host;
        int r;

        r = root_read(root_fd, PATH_WANTED, WANTED_BYTES_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        rest = text;
        while ((host = strsep(&rest, "\n"))) {
                if (!target_host_is_valid(host) || strv_length(hosts) >= HOSTS_MAX)
                        continue;
                r = strv_extend(&hosts, host);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(hosts);
        return 0;
}

/* @found in numeric form, each once, with the scope of a link-local one. */
static int addresses_format(const struct addrinfo *found, char ***ret)
{
        _cleanup_strv_ char **addresses = NULL;
        int r;

        for (const struct addrinfo *i = found; i && strv_length(addresses) < ADDRESSES_MAX;
             i = i->ai_next) {
                char text[NI_MAXHOST];

                if (i->ai_family != AF_INET && i->ai_family != AF_INET6)
                        continue;
                if (getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof(text), NULL, 0,
                                NI_NUMERICHOST) != 0 ||
                    strv_contains(addresses, text))
                        continue;
                r = strv_extend(&addresses, text);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(addresses);
        return 0;
}

static int ask(const char *host, char ***ret)
{
        const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;
        int r;

        r = getaddrinfo(host, NULL, &hints, &found);
        if (r != 0) {
                log_warning("The name '%s' leads to no address now (%s), what it led to before "
                            "stays in use.",
                            host, gai_strerror(r));
                return -EHOSTUNREACH;
        }
        r = addresses_format(found, ret);
        freeaddrinfo(found);
        if (r >= 0 && !*ret)
                return -EHOSTUNREACH;
        return r;
}

/* Puts @addresses under @host. Returns 1 if that is new: another order is not, as servers take
 * turns in it. */
static int set_addresses(struct json_object *object, const char *host, char *const *addresses)
{
        _cleanup_strv_ char **before = NULL, **sorted = NULL;
        _cleanup_json_ struct json_object *list = NULL;
        struct json_object *old = json_member(object, host);

        if (old && addresses_from_json(old, &before) == -ENOMEM)
                return -ENOMEM;
        if (strv_copy(addresses, &sorted) < 0)
                return -ENOMEM;
        strv_sort(before);
        strv_sort(sorted);
        if (before && strv_equal(before, sorted))
                return 0;
        list = json_object_new_array();
        if (!list)
                return -ENOMEM;
        for (char *const *address = addresses; *address; address++) {
                struct json_object *item = json_object_new_string(*address);

                if (!item || json_object_array_add(list, item) < 0) {
                        (void) json_object_put(item);
                        return -ENOMEM;
                }
        }
        return json_object_take(object, host, TAKE_PTR(list)) < 0 ? -ENOMEM : 1;
}

/* Drops the names that are not in @hosts. Returns 1 if there was any. */
static int forget_others(struct json_object *object, char *const *hosts)
{
        _cleanup_strv_ char **others = NULL;
        int r;

        json_object_object_foreach(object, name, value)
        {
                (void) value;
                if (strv_contains(hosts, name))
                        continue;
                r = strv_extend(&others, name);
                if (r < 0)
                        return r;
        }
        for (char **other = others; other && *other; other++)
                json_object_object_del(object, *other);
        return others != NULL;
}

static int addresses_write(int root_fd, struct json_object *object)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = json_object_format(object, &text);
        if (r >= 0)
                r = mkdir_parents(root_fd, root_relative(PATH_STATE_DIR), 0700);
        if (r >= 0)
                r = file_write_atomic(root_fd, root_relative(PATH_NET_ADDRESSES), text,
                                      strlen(text), 0600);
        if (r < 0)
                return log_error_errno(r, "Failed to write '%s': %m", PATH_NET_ADDRESSES);
        return 0;
}

int net_resolve_update(int root_fd, bool *ret_changed)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_strv_ char **hosts = NULL;
        bool changed;
        int r, failed = 0;

        r = wanted_read(root_fd, &hosts);
        if (r >= 0)
                r = addresses_read(root_fd, &object);
        if (r >= 0)
                r = forget_others(object, hosts);
        if (r < 0)
                return log_error_errno(r, "Failed to read which names are wanted: %m");
        changed = r > 0;
        for (char **host = hosts; host && *host; host++) {
                _cleanup_strv_ char **addresses = NULL;

                r = ask(*host, &addresses);
                if (r >= 0)
                        r = set_addresses(object, *host, addresses);
                if (r == -ENOMEM)
                        return log_oom();
                failed += r < 0;
                if (r <= 0)
                        continue;
                changed = true;
                r = addresses_write(root_fd, object);
                if (r < 0)
                        return r;
        }
        if (changed) {
                r = addresses_write(root_fd, object);
                if (r < 0)
                        return r;
        }
        *ret_changed = changed;
        return failed;
}
