/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns finding a block device with the help of udev. */
#include "target-find.h"

#include <libmount.h>
#include <sys/stat.h>

DEFINE_CLEANUP(struct libmnt_cache *, mnt_unref_cache);

/* The cache is made anew each time, as it would remember that there was none. */
int target_find(const char *what, char **ret_device)
{
        _cleanup_(mnt_unref_cachep) struct libmnt_cache *cache = mnt_new_cache();
        const char *device;
        struct stat st;

        if (!cache)
                return -ENOMEM;
        device = mnt_resolve_spec(what, cache);
        if (!device || stat(device, &st) < 0 || !S_ISBLK(st.st_mode))
                return -ENODEV;
        *ret_device = strdup(device);
        return *ret_device ? 0 : -ENOMEM;
}
