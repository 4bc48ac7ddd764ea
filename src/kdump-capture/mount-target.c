/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns waiting for a block device and the libmount calls. */
#include "mount-target.h"

#include <fcntl.h>
#include <libmount.h>
#include <sys/stat.h>

#include "io.h"
#include "log.h"

#define POLL_INTERVAL_USEC (100 * USEC_PER_MSEC)

/* Other devices of the same file system, or of its journal, may appear a little later than the
 * first. */
#define MOUNT_TRIES_USEC (15 * USEC_PER_SEC)
#define MOUNT_INTERVAL_USEC USEC_PER_SEC

DEFINE_CLEANUP(struct libmnt_context *, mnt_free_context);
DEFINE_CLEANUP(struct libmnt_cache *, mnt_unref_cache);

/* The device that @what (UUID=, LABEL=, PARTUUID=, PARTLABEL=, a path) names now. The cache is made
 * anew each time, as it would remember that there was none. Returns -ENODEV as long as there is
 * none. */
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

static int device_wait(const char *what, uint64_t timeout_usec, char **ret_device)
{
        uint64_t start_usec = now_boottime_usec();
        bool told = false;
        int r;

        for (;;) {
                r = device_find(what, ret_device);
                if (r != -ENODEV)
                        return r;
                if (now_boottime_usec() - start_usec >= timeout_usec)
                        return -ENODEV;
                if (!told) {
                        log_info("waiting for '%s', at most %llu s", what,
                                 (unsigned long long) (timeout_usec / USEC_PER_SEC));
                        told = true;
                }
                (void) usleep(POLL_INTERVAL_USEC);
        }
}

/* *reterr_why (the caller frees it) says more than the errno; it may be NULL. */
static int device_mount(const Target *target, const char *device, const char *where,
                        char **reterr_why)
{
        _cleanup_(mnt_free_contextp) struct libmnt_context *context = mnt_new_context();
        char why[256] = "";
        int r;

        if (!context)
                return -ENOMEM;
        (void) mnt_context_disable_mtab(context, true);
        if (mnt_context_set_source(context, device) < 0 ||
            mnt_context_set_target(context, where) < 0 ||
            mnt_context_set_fstype(context, target->fstype) < 0 ||
            mnt_context_set_options(context, target->options) < 0)
                return -ENOMEM;

        r = mnt_context_mount(context);
        if (mnt_context_get_status(context) == 1 && r == 0)
                return 0;
        (void) mnt_context_get_excode(context, r, why, sizeof(why));
        *reterr_why = *why ? strdup(why) : NULL;
        if (mnt_context_syscall_called(context) && mnt_context_get_syscall_errno(context) > 0)
                return -mnt_context_get_syscall_errno(context);
        return -EIO;
}

static int device_mount_patiently(const Target *target, const char *device, const char *where)
{
        uint64_t start_usec = now_boottime_usec();

        for (;;) {
                _cleanup_free_ char *why = NULL;
                int r = device_mount(target, device, where, &why);

                if (r >= 0)
                        return 0;
                if (now_boottime_usec() - start_usec >=
                    MIN(target->timeout_usec / 2, MOUNT_TRIES_USEC))
                        return log_error_errno(
                                r, "cannot mount '%s' (%s, options '%s') on '%s': %s", device,
                                target->fstype ?: "any type", target->options ?: "defaults", where,
                                why ?: strerror(-r));
                (void) usleep(MOUNT_INTERVAL_USEC);
        }
}

int mount_target(const Target *target, const char *where, ProgressPipe *pipe, int *ret_dir_fd)
{
        _cleanup_free_ char *device = NULL;
        int fd, r;

        r = device_wait(target->what, target->timeout_usec, &device);
        if (r < 0)
                return log_error_errno(r, "the device '%s' did not appear within %llu s: %m",
                                       target->what,
                                       (unsigned long long) (target->timeout_usec / USEC_PER_SEC));

        progress_report(pipe, PROGRESS_MOUNT, 0, 0, 0);
        r = mkdir_parents(AT_FDCWD, where, 0700);
        if (r < 0)
                return log_error_errno(r, "cannot make the mount point '%s': %m", where);
        r = device_mount_patiently(target, device, where);
        if (r < 0)
                return r;

        fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return log_error_errno(errno, "cannot open '%s': %m", where);
        log_info("mounted '%s' (%s)", target->what, device);
        *ret_dir_fd = fd;
        return 0;
}
