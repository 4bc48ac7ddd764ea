/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns dlopen(3) and the check of what it finds. */
#include "depot-load.h"

#include <dlfcn.h>

#include "log.h"

static int load(const char *path, const DepotModule **ret)
{
        const DepotModule *module;
        void *handle;

        handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!handle)
                return log_error_errno(-EOPNOTSUPP, "cannot load '%s': %s", path, dlerror());
        module = dlsym(handle, DEPOT_MODULE_SYMBOL);
        if (!module)
                return log_error_errno(-EOPNOTSUPP, "'%s' is no module of kdump-capture", path);
        if (module->version != DEPOT_MODULE_VERSION)
                return log_error_errno(-EOPNOTSUPP,
                                       "'%s' is a module of version %u, but %d is needed", path,
                                       module->version, DEPOT_MODULE_VERSION);
        *ret = module;
        return 0;
}

int depot_load(const char *path, const DepotHost *host, const Target *target, Depot **ret)
{
        const DepotModule *module = NULL;
        int r;

        r = load(path, &module);
        return r < 0 ? r : module->open(host, target, ret);
}
