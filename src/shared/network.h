/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network: the links that carry addresses in the crash kernel, as a part of the Plan. networkd sets
 * them up from its units in the overlay; this is what kdump-capture expects of them, and does
 * itself where that does not come about. */
#pragma once

#include "json-fields.h"

typedef struct NetworkLink {
        char *name; /* as it was when it was armed; of bonds, bridges and VLANs also in the crash
                       kernel */
        char *mac;  /* "52:54:00:12:34:56": a NIC, by its permanent address. NULL: by its name */
        char **addresses; /* "192.0.2.7/24": one of each family is expected. If none has come in
                             time, these are set: those that are written down, or of the last lease
                           */
        char **routes;    /* "192.0.2.0/24" or "0.0.0.0/0 via 192.0.2.1", to be set with them */
        uint64_t patience_usec; /* how long after its carrier came networkd is waited for */
} NetworkLink;

typedef struct Network {
        NetworkLink *links;
        size_t n_links;
} Network;

void network_link_done(NetworkLink *link);
int network_link_copy(const NetworkLink *from, NetworkLink *ret);
void network_done(Network *network); /* of a zeroed one, too */

/* @value: the member "network" of a Plan. Every address and every route is checked. Returns 0;
 * -EBADMSG with *reterr_message. @where ("network.") is put before names in messages. Does not log.
 */
int network_from_json(struct json_object *value, const char *where, Network *ret,
                      char **reterr_message);
int network_to_json(const Network *network, struct json_object **ret);

/* One link, for lists of one's own. */
int network_link_from_json(struct json_object *value, const char *where, NetworkLink *ret,
                           char **reterr_message);
int network_link_to_json(const NetworkLink *link, struct json_object **ret);
