/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how each kind of target is mounted, and how long that is tried. */
#include "mount-target.h"

#include <fcntl.h>

#include "io.h"
#include "log.h"
#include "mount-call.h"
#include "mount-nfs.h"
#include "target-device.h"

/* Other devices of the same file system, or of its journal, may appear a little later than the
 * first. */
#define MOUNT_TRIES_USEC (15 * USEC_PER_SEC)
#define MOUNT_INTERVAL_USEC USEC_PER_SEC

static int mount_patiently(const Target *target, const char *source, const char *fstype,
                           const char *where, uint64_t timeout_usec)
{
        uint64_t start_usec = now_boottime_usec();

        for (;;) {
                _cleanup_free_ char *why = NULL;
                int r = mount_call(source, where, fstype, target->options, &why);

                if (r >= 0)
                        return 0;
                if (now_boottime_usec() - start_usec >= timeout_usec)
                        return log_error_errno(
                                r, "cannot mount '%s' (%s, options '%s') on '%s': %s", source,
                                fstype ?: "any type", target->options ?: "defaults", where,
                                why ?: strerror(-r));
                (void) usleep(MOUNT_INTERVAL_USEC);
        }
}

static int mount_device(const Target *target, const char *where, ProgressPipe *pipe)
{
        _cleanup_free_ char *device = NULL;
        int r;

        r = target_device_wait(target->what, target->timeout_usec, &device);
        if (r < 0)
                return r;
        progress_report(pipe, PROGRESS_MOUNT, 0, 0, 0);
        r = mount_patiently(target, device, target->fstype, where,
                            MIN(target->timeout_usec / 2, MOUNT_TRIES_USEC));
        if (r >= 0)
                log_info("mounted '%s' (%s)", target->what, device);
        return r;
}

/* Before its device is there, the tag is not known (virtio_fs_get_tree() in fs/fuse/virtio_fs.c:
 * EINVAL). */
static int mount_virtiofs(const Target *target, const char *where, ProgressPipe *pipe)
{
        int r;

        progress_report(pipe, PROGRESS_MOUNT, 0, 0, 0);
        r = mount_patiently(target, target->what, "virtiofs", where, target->timeout_usec);
        if (r >= 0)
                log_info("mounted virtiofs '%s'", target->what);
        return r;
}

int mount_target(const Target *target, const char *where, ProgressPipe *pipe, int *ret_dir_fd)
{
        int fd, r;

        r = mkdir_parents(AT_FDCWD, where, 0700);
        if (r < 0)
                return log_error_errno(r, "cannot make the mount point '%s': %m", where);
        switch (target->type) {
        case TARGET_FS:
                r = mount_device(target, where, pipe);
                break;
        case TARGET_VIRTIOFS:
                r = mount_virtiofs(target, where, pipe);
                break;
        case TARGET_NFS:
                r = mount_nfs(target, where);
                break;
        default:
                r = log_error_errno(-EOPNOTSUPP, "cannot mount a target of type '%s'",
                                    target_type_to_string(target->type) ?: "unknown");
        }
        if (r < 0)
                return r;

        fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return log_error_errno(errno, "cannot open '%s': %m", where);
        *ret_dir_fd = fd;
        return 0;
}
