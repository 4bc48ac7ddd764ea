/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of one server, out of files in the form of known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE
 * FORMAT). None of these log. */
#pragma once

#include "macro.h"

/* What was found so far. Each key is "type base64", once. */
typedef struct KnownHosts {
        char **of_port; /* keys of "[host]:port"; of "host" if the port is 22 */
        char **of_host; /* keys of "host", if the port is another one */
        char **revoked;
} KnownHosts;

void known_hosts_done(KnownHosts *known);

/* Adds what @text, of @size bytes, has of @host (a name or an address, without brackets). Lines
 * that are not understood are left out, as ssh does; those of certificate authorities, too. */
int known_hosts_add(KnownHosts *known, const char *text, size_t size, const char *host,
                    unsigned port);

/* The file that has nothing but the keys that were found and not revoked, by @host and by each of
 * @addresses (strv). Returns 1 with *ret; 0 if there is no key. */
int known_hosts_format(const KnownHosts *known, const char *host, char *const *addresses,
                       unsigned port, char **ret);
