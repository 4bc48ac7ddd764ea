/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns finding and waiting for a block device. */
#include "target-device.h"

#include <libmount.h>
#include <sys/stat.h>

#include "io.h"
#include "log.h"

#define POLL_INTERVAL_USEC (100 * USEC_PER_MSEC)

DEFINE_CLEANUP(struct libmnt_cache *, mnt_unref_cache);

/* The device that @what names now. The cache is made anew each time, as it would remember that
 * there was none. Returns -ENODEV as long as there is none. */
static int device_find(const char *what, char **ret_device)
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

int target_device_wait(const char *what, uint64_t timeout_usec, char **ret_device)
{
        uint64_t start_usec = now_boottime_usec();
        unsigned long long timeout_sec = timeout_usec / USEC_PER_SEC;
        bool told = false;
        int r;

        for (;;) {
                r = device_find(what, ret_device);
                if (r >= 0)
                        return 0;
                if (r != -ENODEV || now_boottime_usec() - start_usec >= timeout_usec)
                        return log_error_errno(r,
                                               "the device '%s' did not appear within %llu s: %m",
                                               what, timeout_sec);
                if (!told) {
                        log_info("waiting for '%s', at most %llu s", what, timeout_sec);
                        told = true;
                }
                (void) usleep(POLL_INTERVAL_USEC);
        }
}
