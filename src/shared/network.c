/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the JSON form of a Network, and what makes sense in it. */
#include "network.h"

#include <net/if.h>

#include "address.h"
#include "io.h"
#include "mac.h"
#include "network-route.h"
#include "strv.h"

#define LINKS_MAX 64
#define ADDRESSES_MAX 64

static const JsonField link_fields[] = {
        { "name", JSON_FIELD_STRING, offsetof(NetworkLink, name), .required = true },
        { "mac", JSON_FIELD_STRING, offsetof(NetworkLink, mac) },
        { "addresses", JSON_FIELD_STRINGS, offsetof(NetworkLink, addresses) },
        { "routes", JSON_FIELD_STRINGS, offsetof(NetworkLink, routes) },
        { "patience_usec", JSON_FIELD_U64, offsetof(NetworkLink, patience_usec) },
};

void network_link_done(NetworkLink *link)
{
        free(link->name);
        free(link->mac);
        strv_free(link->addresses);
        strv_free(link->routes);
        *link = (NetworkLink){ 0 };
}

static int copy_string(const char *from, char **ret)
{
        if (!from)
                return 0;
        *ret = strdup(from);
        return *ret ? 0 : -ENOMEM;
}

int network_link_copy(const NetworkLink *from, NetworkLink *ret)
{
        _cleanup_(network_link_done) NetworkLink link = { .patience_usec = from->patience_usec };
        int r;

        r = copy_string(from->name, &link.name);
        if (r >= 0)
                r = copy_string(from->mac, &link.mac);
        if (r >= 0)
                r = strv_copy(from->addresses, &link.addresses);
        if (r >= 0)
                r = strv_copy(from->routes, &link.routes);
        if (r < 0)
                return r;
        *ret = link;
        link = (NetworkLink){ 0 };
        return 0;
}

void network_done(Network *network)
{
        for (size_t i = 0; i < network->n_links; i++)
                network_link_done(&network->links[i]);
        free(network->links);
        *network = (Network){ 0 };
}

static int refuse(char **reterr_message, const char *where, const char *what, const char *value)
{
        char *message;

        if (strprintf(&message, "'%s%s' has '%s', which makes no sense", where, what, value) < 0)
                return -ENOMEM;
        *reterr_message = message;
        return -EBADMSG;
}

static int link_check(const NetworkLink *link, const char *where, char **reterr_message)
{
        uint8_t mac[MAC_BYTES];
        NetworkRoute route;
        Address address;

        if (strempty(link->name) || strlen(link->name) >= IF_NAMESIZE || strchr(link->name, '/'))
                return refuse(reterr_message, where, "name", link->name);
        if (link->mac && mac_parse(link->mac, mac) < 0)
                return refuse(reterr_message, where, "mac", link->mac);
        if (strv_length(link->addresses) > ADDRESSES_MAX ||
            strv_length(link->routes) > ADDRESSES_MAX)
                return refuse(reterr_message, where, "addresses", "too many");
        for (char **a = link->addresses; a && *a; a++)
                if (address_parse(*a, &address) < 0)
                        return refuse(reterr_message, where, "addresses", *a);
        for (char **a = link->routes; a && *a; a++)
                if (network_route_parse(*a, &route) < 0)
                        return refuse(reterr_message, where, "routes", *a);
        return 0;
}

int network_link_from_json(struct json_object *value, const char *where, NetworkLink *ret,
                           char **reterr_message)
{
        _cleanup_(network_link_done) NetworkLink link = { 0 };
        int r;

        if (!json_object_is_type(value, json_type_object))
                return refuse(reterr_message, where, "", "no object");
        r = json_fields_read(link_fields, ELEMENTSOF(link_fields), value, where, &link,
                             reterr_message);
        if (r < 0)
                return r;
        r = link_check(&link, where, reterr_message);
        if (r < 0)
                return r;
        *ret = link;
        link = (NetworkLink){ 0 };
        return 0;
}

int network_link_to_json(const NetworkLink *link, struct json_object **ret)
{
        return json_fields_write(link_fields, ELEMENTSOF(link_fields), link, ret);
}

int network_from_json(struct json_object *value, const char *where, Network *ret,
                      char **reterr_message)
{
        _cleanup_(network_done) Network network = { 0 };
        struct json_object *list;
        size_t n;
        int r;

        if (!json_object_is_type(value, json_type_object))
                return refuse(reterr_message, where, "", "no object");
        list = json_member(value, "links");
        if (!list || !json_object_is_type(list, json_type_array))
                return refuse(reterr_message, where, "links", "no list");
        n = json_object_array_length(list);
        if (n > LINKS_MAX)
                return refuse(reterr_message, where, "links", "too many");
        network.links = calloc(MAX(n, (size_t) 1), sizeof(*network.links));
        if (!network.links)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = NULL;

                r = strprintf(&name, "%slinks[%zu].", where, i);
                if (r < 0)
                        return r;
                r = network_link_from_json(json_object_array_get_idx(list, i), name,
                                           &network.links[i], reterr_message);
                if (r < 0)
                        return r;
                network.n_links++;
        }
        *ret = network;
        network = (Network){ 0 };
        return 0;
}

int network_to_json(const Network *network, struct json_object **ret)
{
        _cleanup_json_ struct json_object *object = json_object_new_object();
        struct json_object *list = json_object_new_array();
        int r;

        if (!object || !list) {
                (void) json_object_put(list);
                return -ENOMEM;
        }
        r = json_object_take(object, "links", list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < network->n_links; i++) {
                struct json_object *link;

                r = network_link_to_json(&network->links[i], &link);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, link) < 0) {
                        (void) json_object_put(link);
                        return -ENOMEM;
                }
        }
        *ret = TAKE_PTR(object);
        return 0;
}
