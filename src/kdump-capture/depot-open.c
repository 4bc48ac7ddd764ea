/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns which kind of depot a target is. */
#include "depot-open.h"

#include "depot-folder.h"
#include "depot-load.h"
#include "depot-raw.h"
#include "io.h"
#include "log.h"
#include "mount-target.h"
#include "net-wait.h"
#include "paths.h"
#include "target-device.h"

static int open_mounted(const Target *target, size_t index, ProgressPipe *pipe, Depot **ret)
{
        _cleanup_free_ char *mount_point = NULL;
        int root_fd, r;

        r = strprintf(&mount_point, PATH_CAPTURE_MOUNT_DIR "/" CAPTURE_MOUNT_PREFIX "%zu", index);
        if (r < 0)
                return log_oom();
        r = mount_target(target, mount_point, pipe, &root_fd);
        if (r < 0)
                return r;
        r = depot_folder_new(root_fd, target->path, ret);
        return r < 0 ? log_oom() : 0;
}

static int open_raw(const Target *target, ProgressPipe *pipe, Depot **ret)
{
        _cleanup_free_ char *device = NULL, *holds = NULL;
        int r;

        r = target_device_wait(target->what, target->timeout_usec, &device);
        if (r < 0)
                return r;
        progress_report(pipe, PROGRESS_MOUNT, 0, 0, 0);
        r = depot_raw_open(device, ret, &holds);
        if (r == -EEXIST)
                return log_error_errno(r, "'%s' (%s) holds %s, which is not overwritten",
                                       target->what, device, holds ?: "something");
        if (r < 0)
                return log_error_errno(r, "cannot use '%s' (%s): %m", target->what, device);
        log_info("opened '%s' (%s)", target->what, device);
        return 0;
}

/* Before there is a way to it, each try to reach a server only fails, or waits for an answer to
 * what was never sent. What has no addresses is for the resolver to find. */
static int wait_for_route(const Target *target)
{
        uint64_t limit_usec = target->connect_usec ?: target->timeout_usec, deadline_usec;
        int r;

        if (__builtin_add_overflow(now_boottime_usec(), limit_usec, &deadline_usec))
                deadline_usec = USEC_INFINITY;
        r = net_wait_route(target->addresses, deadline_usec);
        if (r == -ETIMEDOUT)
                return log_error_errno(r, "no network leads to '%s' after %llu s", target->what,
                                       (unsigned long long) (limit_usec / USEC_PER_SEC));
        if (r < 0 && r != -EINVAL)
                (void) log_warning_errno(r, "cannot see whether the network is up, ignoring: %m");
        return 0;
}

int depot_open(const Target *target, size_t index, const DepotHost *host, ProgressPipe *pipe,
               Depot **ret)
{
        int r = target_is_remote(target) ? wait_for_route(target) : 0;

        if (r < 0)
                return r;
        switch (target->type) {
        case TARGET_FS:
        case TARGET_NFS:
        case TARGET_VIRTIOFS:
                return open_mounted(target, index, pipe, ret);
        case TARGET_RAW:
                return open_raw(target, pipe, ret);
        case TARGET_SSH:
                return depot_load(PATH_HELPER_DIR "/depot-ssh.so", host, target, ret);
        case TARGET_URL:
                return depot_load(PATH_HELPER_DIR "/depot-curl.so", host, target, ret);
        default:
                return log_error_errno(-EOPNOTSUPP, "cannot dump to a target of type '%s'",
                                       target_type_to_string(target->type) ?: "unknown");
        }
}
