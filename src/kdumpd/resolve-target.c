/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what a target line or a folder means in terms of devices, file systems and paths. */
#include "resolve-target.h"

#include "io.h"
#include "resolve-device.h"
#include "resolve-mount.h"
#include "resolve-raw.h"
#include "resolve-remote.h"
#include "resolve-stack.h"
#include "rootdir.h"
#include "strv.h"

/* Advice behind messages about file systems that nothing can be dumped to. */
#define NAME_ANOTHER                                                                               \
        "set 'path' to a folder on a local disk, or name a file system with a line such as "       \
        "'ext4 UUID=…'"

/* Names of file systems with a block device that are read-only or need a program of their own. */
static bool fstype_is_unusable(const char *fstype)
{
        static const char *const names[] = { "squashfs", "erofs", "iso9660", "udf", "cramfs" };

        if (startswith(fstype, "fuse"))
                return true;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(fstype, names[i]))
                        return true;
        return false;
}

static int add_fs_driver(const char *fstype, Needs *needs)
{
        /* ext4.ko does all three. */
        if (streq(fstype, "ext2") || streq(fstype, "ext3"))
                fstype = "ext4";
        return drivers_add(&needs->drivers, fstype);
}

/* The kernel's names of all devices of the file system on @device: btrfs may have several. */
static int fs_devices(int root_fd, const char *fstype, const char *device, const char *what,
                      char ***ret)
{
        _cleanup_free_ char *path = NULL;
        const char *uuid = startswith(what, "UUID=");
        int r;

        if (streq(fstype, "btrfs") && uuid) {
                r = strprintf(&path, "/sys/fs/btrfs/%s/devices", uuid);
                if (r < 0)
                        return r;
                r = root_list(root_fd, path, ret);
                if (r >= 0 && *ret)
                        return 0;
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return strv_extend(ret, device);
}

static int add_devices(const ResolveContext *c, const char *device, const Target *target)
{
        _cleanup_strv_ char **devices = NULL;
        int r;

        r = fs_devices(c->root_fd, target->fstype, device, target->what, &devices);
        if (r < 0)
                return r;
        for (char **p = devices; p && *p; p++) {
                r = stack_add(c, *p, target->what);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A name for @device that is still true after the panic: @written if it is one, else the UUID. */
static int stable_name(const ResolveContext *c, const char *device, const char *written, char **ret)
{
        int r;

        if (written && device_name_is_stable(written)) {
                *ret = strdup(written);
                return *ret ? 0 : -ENOMEM;
        }
        r = device_uuid(c->root_fd, device, ret);
        if (r != 0)
                return r;
        if (written)
                r = strprintf(ret, "%s", written);
        else
                r = strprintf(ret, "/dev/%s", device);
        if (r < 0)
                return r;
        return resolve_warn(c,
                            "'%s' has no UUID: it is kept by this name, which may be another "
                            "device's in the crash kernel",
                            *ret);
}

static int replace_string(char **s, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*s);
        *s = copy;
        return 0;
}

/* The file system as a whole: the subvolume that is mounted becomes a part of the path. */
static int set_btrfs_top(const MountPlace *place, Target *target)
{
        _cleanup_free_ char *path = NULL, *options = NULL;
        int r;

        r = path_join(place->fs_root, target->path, &path);
        if (r < 0)
                return r;
        r = strprintf(&options, "subvolid=5%s%s", place->options ? "," : "", place->options ?: "");
        if (r < 0)
                return r;
        free(target->path);
        target->path = TAKE_PTR(path);
        free(target->options);
        target->options = TAKE_PTR(options);
        return 0;
}

static int check_place(const ResolveContext *c, const char *path, const MountPlace *place)
{
        if (strstr(place->fs_root, "//deleted"))
                return resolve_refuse(c, -EINVAL, "the folder that is mounted on '%s' was deleted",
                                      place->point);
        if (place_is_remote(place) || (place->device && !fstype_is_unusable(place->fstype)))
                return 0;
        return resolve_refuse(c, -EINVAL,
                              "'%s' is on %s (mounted on '%s'), which a dump cannot go to: %s",
                              path, place->fstype, place->point, NAME_ANOTHER);
}

/* The folder @rest of the block device's file system that is mounted at @place. */
static int resolve_place(const ResolveContext *c, MountPlace *place, char *rest, Target *plan)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = stable_name(c, place->device, NULL, &plan->what);
        if (r < 0)
                return r;
        plan->fstype = TAKE_PTR(place->fstype);
        if (streq(plan->fstype, "btrfs")) {
                free(plan->path);
                plan->path = strdup(rest);
                r = plan->path ? set_btrfs_top(place, plan) : -ENOMEM;
        } else {
                plan->options = TAKE_PTR(place->options);
                r = path_join(place->fs_root, rest, &path);
                if (r >= 0) {
                        free(plan->path);
                        plan->path = TAKE_PTR(path);
                }
        }
        if (r >= 0)
                r = add_devices(c, place->device, plan);
        return r < 0 ? r : add_fs_driver(plan->fstype, c->needs);
}

/* The file system that holds the folder, wherever it is mounted now. */
static int resolve_path(const ResolveContext *c, const Target *target, Target *ret)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_(target_done) Target plan = { 0 };
        _cleanup_free_ char *rest = NULL;
        int r;

        r = mount_find_path(c->root_fd, target->path, &place, &rest, c->reterr_message);
        if (r < 0)
                return r == -ENOENT && *c->reterr_message ? -EINVAL : r;
        r = check_place(c, target->path, &place);
        if (r < 0)
                return r;
        if (place_is_remote(&place))
                return resolve_mounted(c, target, &place, rest, ret);
        r = resolve_begin(target, TARGET_FS, &plan);
        if (r < 0)
                return r;
        r = resolve_place(c, &place, rest, &plan);
        if (r < 0)
                return r;

        *ret = plan;
        plan = (Target){ 0 };
        return 0;
}

/* A named file system that is there: it is looked at as it is mounted now, or would be by fstab. */
static int resolve_present_fs(const ResolveContext *c, const char *device, Target *plan)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_free_ char *name = NULL;
        int mounted, r;

        r = stable_name(c, device, plan->what, &name);
        if (r < 0)
                return r;
        mounted = mount_find_device(c->root_fd, device, &place);
        if (mounted < 0)
                return mounted;
        if (mounted == 0) {
                r = mount_find_fstab(c->root_fd, plan->what, &place);
                if (r == 0)
                        r = mount_find_fstab(c->root_fd, name, &place);
                if (r < 0)
                        return r;
        }
        free(plan->what);
        plan->what = TAKE_PTR(name);

        if (mounted > 0 && !streq(place.fstype, plan->fstype)) {
                r = resolve_warn(c, "'%s' is not %s but %s", plan->what, plan->fstype,
                                 place.fstype);
                if (r < 0)
                        return r;
                r = replace_string(&plan->fstype, place.fstype);
                if (r < 0)
                        return r;
        }
        /* `path` is below what is mounted now, as the user sees it: for btrfs a subvolume. */
        if (mounted > 0 && streq(plan->fstype, "btrfs"))
                r = set_btrfs_top(&place, plan);
        else {
                plan->options = TAKE_PTR(place.options);
                r = 0;
        }
        return r < 0 ? r : add_devices(c, device, plan);
}

static int resolve_fs(const ResolveContext *c, const Target *target, Target *ret)
{
        _cleanup_(target_done) Target plan = { 0 };
        _cleanup_free_ char *device = NULL;
        int r;

        if (strempty(target->what) || strempty(target->fstype))
                return resolve_refuse(c, -EINVAL, "a file system target without a device");
        r = resolve_begin(target, TARGET_FS, &plan);
        if (r < 0)
                return r;
        r = device_find(c->root_fd, plan.what, &device);
        if (r >= 0)
                r = resolve_present_fs(c, device, &plan);
        else if (r == -ENOENT)
                r = resolve_warn(c,
                                 "there is no '%s' now: it is kept as it is written, and the "
                                 "modules that it may need are not known",
                                 plan.what);
        if (r < 0)
                return r;
        r = add_fs_driver(plan.fstype, c->needs);
        if (r < 0)
                return r;

        *ret = plan;
        plan = (Target){ 0 };
        return 0;
}

int resolve_target(int root_fd, const Target *target, Target *ret, Needs *needs, char ***warnings,
                   char **reterr_message)
{
        const ResolveContext c = { root_fd, needs, warnings, reterr_message };

        if (target->type != TARGET_PATH && strempty(target->what))
                return resolve_refuse(&c, -EINVAL, "a target that does not say what it is");
        switch (target->type) {
        case TARGET_PATH:
                return resolve_path(&c, target, ret);
        case TARGET_FS:
                return resolve_fs(&c, target, ret);
        case TARGET_RAW:
                return resolve_raw(&c, target, ret);
        case TARGET_NFS:
                return resolve_nfs(&c, target, ret);
        case TARGET_SSH:
                return resolve_ssh(&c, target, ret);
        case TARGET_VIRTIOFS:
                return resolve_virtiofs(&c, target, ret);
        case TARGET_URL:
                return resolve_url(&c, target, ret);
        default:
                return resolve_refuse(&c, -EOPNOTSUPP, "a target of a kind that is not known");
        }
}
