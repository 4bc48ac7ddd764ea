/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for test-depot-load: its depot's name is that of the target, what it says goes through
 * the host. */
#include "depot-module.h"

#ifndef TEST_VERSION
#define TEST_VERSION DEPOT_MODULE_VERSION
#endif

static void module_free(Depot *depot)
{
        free(depot);
}

static const DepotOps module_ops = { .name = "module", .in_order = true, .free = module_free };

static int module_open(const DepotHost *host, const Target *target, Depot **ret)
{
        Depot *depot;

        host->log(6, target->what);
        host->moved(host->userdata);
        if (!target->path)
                return -ECONNREFUSED;
        depot = calloc(1, sizeof(*depot));
        if (!depot)
                return -ENOMEM;
        depot->ops = &module_ops;
        *ret = depot;
        return 0;
}

extern const DepotModule kdump_depot_module;
const DepotModule kdump_depot_module = { .version = TEST_VERSION, .open = module_open };
