/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an ssh server is, and the way to it. */
#pragma once

#include "depot-module.h"

#define SSH_DEFAULT_PORT 22

typedef struct SshServer {
        char *user, *host; /* @host: a name or an address, without brackets */
        unsigned port;
} SshServer;

void ssh_server_done(SshServer *server);

/* Takes "user@host" apart. Returns 0; -EINVAL; -ENOMEM. Does not log. */
int ssh_server_parse(const char *what, unsigned port, SshServer *ret);

/* Connects to one of @addresses, in this order, or, if none answers, to what the server's name
 * leads to now. Each gets some seconds. A connection over which nothing is acknowledged is given up
 * by the kernel after some more. Returns a socket that blocks; errors of connect(2), -EHOSTUNREACH:
 * there is no address. Logs what did not answer. */
int ssh_address_connect(const DepotHost *host, const SshServer *server, char *const *addresses);
