/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what a target line or a folder means in terms of devices, file systems and paths. */
#include "resolve-target.h"

#include "io.h"
#include "resolve-device.h"
#include "resolve-mount.h"
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

static int warn_about_kinds(const char *what, unsigned kinds, char ***warnings)
{
        static const struct {
                unsigned kind;
                const char *text;
        } texts[] = {
                { DEVICE_MAPPER, "the device mapper (LVM, encryption, multipath)" },
                { DEVICE_MD, "software RAID" },
                { DEVICE_LOOP, "a loop device" },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                if (!(kinds & texts[i].kind))
                        continue;
                r = strv_extendf(warnings,
                                 "'%s' needs %s, which this version's crash image does not set up: "
                                 "a dump may not find its target",
                                 what, texts[i].text);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_device(int root_fd, const char *fstype, const char *device, const char *what,
                      Needs *needs, char ***warnings)
{
        _cleanup_strv_ char **devices = NULL;
        unsigned kinds = 0;
        int r;

        r = fs_devices(root_fd, fstype, device, what, &devices);
        if (r < 0)
                return r;
        for (char **p = devices; p && *p; p++) {
                r = device_drivers(root_fd, *p, &needs->drivers, &kinds);
                if (r < 0)
                        return r;
        }
        return warn_about_kinds(what, kinds, warnings);
}

/* A name for @device that is still true after the panic: @written if it is one, else the UUID. */
static int stable_name(int root_fd, const char *device, const char *written, char **ret,
                       char ***warnings)
{
        int r;

        if (written && device_name_is_stable(written)) {
                *ret = strdup(written);
                return *ret ? 0 : -ENOMEM;
        }
        r = device_uuid(root_fd, device, ret);
        if (r != 0)
                return r;
        if (written)
                r = strprintf(ret, "%s", written);
        else
                r = strprintf(ret, "/dev/%s", device);
        if (r < 0)
                return r;
        return strv_extendf(warnings,
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

static int check_place(const char *path, const MountPlace *place, char **reterr_message)
{
        if (strstr(place->fs_root, "//deleted")) {
                (void) strprintf(reterr_message, "the folder that is mounted on '%s' was deleted",
                                 place->point);
                return -EINVAL;
        }
        if (place->device && !fstype_is_unusable(place->fstype))
                return 0;
        (void) strprintf(reterr_message,
                         "'%s' is on %s (mounted on '%s'), which a dump cannot go to: %s", path,
                         place->fstype, place->point, NAME_ANOTHER);
        return -EINVAL;
}

/* The file system that holds the folder, wherever it is mounted now. */
static int resolve_path(int root_fd, const Target *target, Target *ret, Needs *needs,
                        char ***warnings, char **reterr_message)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_(target_done) Target plan = {
                .type = TARGET_FS,
                .timeout_usec = target->timeout_usec,
                .deadline_usec = target->deadline_usec,
        };
        _cleanup_free_ char *rest = NULL;
        int r;

        r = mount_find_path(root_fd, target->path, &place, &rest, reterr_message);
        if (r < 0)
                return r == -ENOENT && *reterr_message ? -EINVAL : r;
        r = check_place(target->path, &place, reterr_message);
        if (r < 0)
                return r;
        r = stable_name(root_fd, place.device, NULL, &plan.what, warnings);
        if (r < 0)
                return r;
        plan.fstype = TAKE_PTR(place.fstype);
        plan.path = TAKE_PTR(rest);
        if (streq(plan.fstype, "btrfs"))
                r = set_btrfs_top(&place, &plan);
        else {
                plan.options = TAKE_PTR(place.options);
                r = path_join(place.fs_root, plan.path, &rest);
                if (r >= 0) {
                        free(plan.path);
                        plan.path = TAKE_PTR(rest);
                }
        }
        if (r < 0)
                return r;
        r = add_device(root_fd, plan.fstype, place.device, plan.what, needs, warnings);
        if (r < 0)
                return r;
        r = add_fs_driver(plan.fstype, needs);
        if (r < 0)
                return r;

        *ret = plan;
        plan = (Target){ 0 };
        return 0;
}

/* A named file system that is there: it is looked at as it is mounted now, or would be by fstab. */
static int resolve_present_fs(int root_fd, const char *device, Target *plan, Needs *needs,
                              char ***warnings)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_free_ char *name = NULL;
        int mounted, r;

        r = stable_name(root_fd, device, plan->what, &name, warnings);
        if (r < 0)
                return r;
        mounted = mount_find_device(root_fd, device, &place);
        if (mounted < 0)
                return mounted;
        if (mounted == 0) {
                r = mount_find_fstab(root_fd, plan->what, &place);
                if (r == 0)
                        r = mount_find_fstab(root_fd, name, &place);
                if (r < 0)
                        return r;
        }
        free(plan->what);
        plan->what = TAKE_PTR(name);

        if (mounted > 0 && !streq(place.fstype, plan->fstype)) {
                r = strv_extendf(warnings, "'%s' is not %s but %s", plan->what, plan->fstype,
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
        if (r < 0)
                return r;
        return add_device(root_fd, plan->fstype, device, plan->what, needs, warnings);
}

static int resolve_fs(int root_fd, const Target *target, Target *ret, Needs *needs,
                      char ***warnings, char **reterr_message)
{
        _cleanup_(target_done) Target plan = { 0 };
        _cleanup_free_ char *device = NULL;
        int r;

        if (strempty(target->what) || strempty(target->fstype)) {
                (void) strprintf(reterr_message, "a file system target without a device");
                return -EINVAL;
        }
        r = target_copy(target, &plan);
        if (r < 0)
                return r;
        r = device_find(root_fd, plan.what, &device);
        if (r >= 0)
                r = resolve_present_fs(root_fd, device, &plan, needs, warnings);
        else if (r == -ENOENT)
                r = strv_extendf(warnings,
                                 "there is no '%s' now: it is kept as it is written, and the "
                                 "modules that it may need are not known",
                                 plan.what);
        if (r < 0)
                return r;
        r = add_fs_driver(plan.fstype, needs);
        if (r < 0)
                return r;

        *ret = plan;
        plan = (Target){ 0 };
        return 0;
}

int resolve_target(int root_fd, const Target *target, Target *ret, Needs *needs, char ***warnings,
                   char **reterr_message)
{
        _cleanup_free_ char *text = NULL;

        switch (target->type) {
        case TARGET_PATH:
                return resolve_path(root_fd, target, ret, needs, warnings, reterr_message);
        case TARGET_FS:
                return resolve_fs(root_fd, target, ret, needs, warnings, reterr_message);
        default:
                (void) target_describe(target, &text);
                (void) strprintf(reterr_message,
                                 "this version cannot dump to %s: the target is left out",
                                 text ?: "it");
                return -EOPNOTSUPP;
        }
}
