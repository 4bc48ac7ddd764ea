/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fallback program has instead of parts of kdump-capture that need udev, a library that is
 * loaded, or a network. */
#include <fcntl.h>
#include <sys/stat.h>

#include "depot-load.h"
#include "device-scan.h"
#include "log.h"
#include "mount-nfs.h"
#include "target-find.h"

/* What a disk that works takes to tell what is on it; one that is spun up first tells it when it is
 * asked again. Many that hang are to leave some of the time for the one that does not. */
#define PATIENCE_USEC (2 * USEC_PER_SEC)

int target_find(const char *what, char **ret_device)
{
        _cleanup_close_ int root_fd = -EBADF;
        struct stat st;

        if (what[0] == '/') {
                if (stat(what, &st) < 0 || !S_ISBLK(st.st_mode))
                        return -ENODEV;
                *ret_device = strdup(what);
                return *ret_device ? 0 : -ENOMEM;
        }
        root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return root_fd < 0 ? -errno : device_scan(root_fd, what, PATIENCE_USEC, ret_device);
}

int depot_load(const char *path, const DepotHost *host, const Target *target, Depot **ret)
{
        return log_error_errno(-EOPNOTSUPP, "the fallback image has no '%s'", path);
}

int mount_nfs(const Target *target, const char *where)
{
        return log_error_errno(-EOPNOTSUPP, "the fallback image has no network for '%s'",
                               target->what);
}
