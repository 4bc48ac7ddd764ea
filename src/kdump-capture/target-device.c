/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns waiting for a block device. */
#include "target-device.h"

#include "io.h"
#include "log.h"
#include "target-find.h"

#define POLL_INTERVAL_USEC (100 * USEC_PER_MSEC)

int target_device_wait(const char *what, uint64_t timeout_usec, char **ret_device)
{
        uint64_t start_usec = now_boottime_usec();
        unsigned long long timeout_sec = timeout_usec / USEC_PER_SEC;
        bool told = false;
        int r;

        for (;;) {
                r = target_find(what, ret_device);
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
