/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DepotModule: a kind of depot in a shared object of its own, which is in the image only if a
 * target needs it. It links none of kdump-capture; what it needs of that comes in DepotHost. */
#pragma once

#include "depot.h"
#include "target.h"

/* Raised with each change of the structs below, of Depot, Sink or Target. */
#define DEPOT_MODULE_VERSION 1
#define DEPOT_MODULE_SYMBOL "kdump_depot_module"

/* What a module may call at any time, from any thread. */
typedef struct DepotHost {
        unsigned version; /* DEPOT_MODULE_VERSION */

        /* @level: as of syslog(3). One line, without its end. */
        void (*log)(int level, const char *text);

        /* The server has taken something: the target is not given up for its time-out. To be called
         * for what was acknowledged, never for what was only sent. */
        void (*moved)(void *userdata);
        void *userdata;
} DepotHost;

typedef struct DepotModule {
        unsigned version; /* DEPOT_MODULE_VERSION */

        /* Connects, proves who the server is, logs in. @host and @target outlive *ret. Returns 0,
         * or a negative errno when why was logged: -EHOSTUNREACH, -ECONNREFUSED, -ETIMEDOUT: may go
         * better in a while; -EKEYREJECTED: the server is not the one that was pinned, or its
         * certificate is not valid; -EACCES: it does not let us in; -EOPNOTSUPP: it lacks what we
         * need. */
        int (*open)(const DepotHost *host, const Target *target, Depot **ret);
} DepotModule;
