/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns which target is simple enough for the fallback image. */
#include "fallback-image.h"

#include "io.h"
#include "resolve-device.h"
#include "rootdir.h"
#include "strv.h"

void fallback_target_done(FallbackTarget *target)
{
        target_done(&target->target);
        target->drivers = strv_free(target->drivers);
}

/* What a file system needs another device for (see resolve-mount.c), which may have another name.
 */
static bool has_other_devices(const char *options)
{
        static const char *const names[] = { "logdev=", "rtdev=", "journal_dev=", "journal_path=",
                                             "device=" };

        while (options && *options) {
                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        if (startswith(options, names[i]))
                                return true;
                options += strcspn(options, ",");
                options += *options == ',';
        }
        return false;
}

/* btrfs finds the others by what udev tells it. */
static int has_many_disks(int root_fd, const Target *target, const char *device)
{
        _cleanup_free_ char *uuid = NULL, *path = NULL;
        _cleanup_strv_ char **names = NULL;
        int r;

        if (!streq_ptr(target->fstype, "btrfs"))
                return 0;
        r = device_uuid(root_fd, device, &uuid);
        if (r <= 0)
                return r;
        r = strprintf(&path, "/sys/fs/btrfs/%s/devices", uuid + strlen("UUID="));
        if (r < 0)
                return r;
        r = root_list(root_fd, path, &names);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return strv_length(names) > 1;
}

/* "PARTUUID=…" of @device. Returns 1 with *ret; 0 if it has none. */
static int find_partuuid(int root_fd, const char *device, char **ret)
{
        static const char folder[] = "/dev/disk/by-partuuid";
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(root_fd, folder, &names);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL, *to = NULL;

                r = strprintf(&path, "%s/%s", folder, *name);
                if (r < 0)
                        return r;
                r = root_link_name(root_fd, path, &to);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !streq(to, device))
                        continue;
                r = strprintf(ret, "PARTUUID=%s", *name);
                return r < 0 ? r : 1;
        }
        return 0;
}

/* A name of the device that libblkid finds. Where there is none, the kernel's own has to do, if it
 * does in the usual image. Returns 1 with *ret; 0 if there is neither. */
static int lasting_name(int root_fd, const Target *target, const char *device, char **ret)
{
        int r;

        if (target->what[0] != '/') {
                *ret = strdup(target->what);
                return *ret ? 1 : -ENOMEM;
        }
        r = target->type == TARGET_FS ? device_uuid(root_fd, device, ret)
                                      : find_partuuid(root_fd, device, ret);
        if (r != 0 || device_name_is_stable(target->what))
                return r;
        r = strprintf(ret, "/dev/%s", device);
        return r < 0 ? r : 1;
}

static const char *why_not_by_itself(const Target *target)
{
        if (target->type != TARGET_FS && target->type != TARGET_RAW)
                return "is on another machine";
        if (target->type == TARGET_FS && strempty(target->fstype))
                return "is a file system of an unknown type";
        if (has_other_devices(target->options))
                return "is on several devices";
        return NULL;
}

/* Returns 1 with *ret; 0 with *ret_why if it is not simple. */
static int look_at_target(int root_fd, const Target *target, FallbackTarget *ret,
                          const char **ret_why)
{
        _cleanup_(device_stack_done) DeviceStack stack = { 0 };
        _cleanup_(fallback_target_done) FallbackTarget found = { 0 };
        _cleanup_free_ char *device = NULL;
        int r;

        *ret_why = why_not_by_itself(target);
        if (*ret_why)
                return 0;
        r = device_find(root_fd, target->what, &device);
        if (r < 0) {
                *ret_why = "is not there now, and the modules that it needs are not known";
                return r == -ENOMEM ? r : 0;
        }
        r = has_many_disks(root_fd, target, device);
        if (r > 0)
                *ret_why = "is on several devices";
        if (r != 0)
                return r < 0 ? r : 0;
        r = device_stack(root_fd, device, &stack);
        if (r < 0)
                return r;
        *ret_why = "is on a volume, an array or the like, which other programs bring up";
        if (stack.kinds != 0)
                return 0;
        r = target_copy(target, &found.target);
        if (r < 0)
                return r;
        free(TAKE_PTR(found.target.what));
        *ret_why = "has a name that only udev knows";
        r = lasting_name(root_fd, target, device, &found.target.what);
        if (r <= 0)
                return r;
        found.drivers = TAKE_PTR(stack.drivers);
        *ret = found;
        found = (FallbackTarget){ 0 };
        return 1;
}

/* Adds why @target is not the one to *reasons. */
static int add_reason(char **reasons, const Target *target, const char *why)
{
        _cleanup_free_ char *text = NULL, *longer = NULL;

        if (target_describe(target, &text) < 0 ||
            strprintf(&longer, "%s%s%s %s", *reasons ?: "", *reasons ? "; " : "", text, why) < 0)
                return -ENOMEM;
        free(*reasons);
        *reasons = TAKE_PTR(longer);
        return 0;
}

int fallback_target_choose(int root_fd, const Plan *plan, const Target *local, FallbackTarget *ret,
                           char **reterr_message)
{
        _cleanup_free_ const Target **candidates = calloc(plan->n_targets + 2, sizeof(Target *));
        _cleanup_free_ char *reasons = NULL;
        size_t n = 0;
        int r;

        if (!candidates)
                return -ENOMEM;
        for (int raw = 1; raw >= 0; raw--)
                for (size_t i = 0; i < plan->n_targets; i++)
                        if ((plan->targets[i].type == TARGET_RAW) == raw)
                                candidates[n++] = plan->targets + i;
        if (plan->rootfs)
                candidates[n++] = plan->rootfs;
        if (local)
                candidates[n++] = local;
        for (size_t i = 0; i < n; i++) {
                const char *why;

                r = look_at_target(root_fd, candidates[i], ret, &why);
                if (r == 0)
                        r = add_reason(&reasons, candidates[i], why);
                else
                        return r < 0 ? r : 0;
                if (r < 0)
                        return r;
        }
        r = strprintf(reterr_message, "no target is simple enough for the fallback image: %s",
                      reasons ?: "there is none");
        return r < 0 ? r : -EOPNOTSUPP;
}
