/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the proof that a device may be overwritten, and a name for it that lasts. */
#include "resolve-raw.h"

#include <libmount.h>

#include "io.h"
#include "resolve-device.h"
#include "resolve-mount.h"
#include "resolve-stack.h"
#include "rootdir.h"
#include "strv.h"

#define UDEV_BYTES_MAX (256 * 1024)
#define SWAPS_BYTES_MAX (256 * 1024)

/* The names in folder @format of @device. *ret is NULL if there are none. */
static int list_folder(int root_fd, const char *device, const char *name, char ***ret)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "/sys/class/block/%s/%s", device, name);
        if (r < 0)
                return r;
        r = root_list(root_fd, path, ret);
        return r == -ENOENT ? 0 : r;
}

/* A volume, an array, an encrypted device that is made of it. */
static int check_holders(const ResolveContext *c, const char *device, const char *what)
{
        _cleanup_strv_ char **holders = NULL;
        int r;

        r = list_folder(c->root_fd, device, "holders", &holders);
        if (r < 0 || !holders)
                return r;
        return resolve_refuse(c, -EINVAL,
                              "'%s' is a part of /dev/%s, and a dump would overwrite it: name a "
                              "device that nothing uses",
                              what, holders[0]);
}

static int check_partitions(const ResolveContext *c, const char *device, const char *what)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = list_folder(c->root_fd, device, "", &names);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++)
                if (startswith(*name, device))
                        return resolve_refuse(c, -EINVAL,
                                              "'%s' has partitions, which a dump would overwrite: "
                                              "name one that is empty",
                                              what);
        return 0;
}

static int check_mounts(const ResolveContext *c, const char *device, const char *what)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        int r;

        r = mount_find_device(c->root_fd, device, &place);
        if (r <= 0)
                return r;
        return resolve_refuse(c, -EINVAL,
                              "'%s' is mounted on '%s', and a dump would overwrite it: name a "
                              "device that is empty, or save to the file system with a line such "
                              "as '%s %s'",
                              what, place.point, place.fstype, what);
}

/* proc(5), /proc/swaps: a line each, which begins with the device. */
static int check_swaps(const ResolveContext *c, const char *device, const char *what)
{
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        int r;

        r = root_read(c->root_fd, "/proc/swaps", SWAPS_BYTES_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                _cleanup_free_ char *name = NULL;

                line[strcspn(line, " \t")] = '\0';
                if (!startswith(line, "/dev/"))
                        continue;
                r = device_find(c->root_fd, line, &name);
                if (r == -ENOMEM)
                        return r;
                if (r >= 0 && streq(name, device))
                        return resolve_refuse(c, -EINVAL,
                                              "'%s' is used for swap, and what is there after a "
                                              "crash would be lost at the next start: name "
                                              "another device",
                                              what);
        }
        return 0;
}

/* The value of @key in udev's record of the device, "E:KEY=value". Returns 1; 0 if there is none.
 */
static int udev_property(int root_fd, const char *device, const char *key, char **ret)
{
        _cleanup_free_ char *path = NULL, *number = NULL, *record = NULL, *text = NULL;
        char *rest, *line;
        int r;

        r = strprintf(&path, "/sys/class/block/%s/dev", device);
        if (r < 0)
                return r;
        r = root_read_line(root_fd, path, &number);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (strspn(number, "0123456789:") != strlen(number))
                return 0;
        r = strprintf(&record, "/run/udev/data/b%s", number);
        if (r < 0)
                return r;
        r = root_read(root_fd, record, UDEV_BYTES_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                const char *value = startswith(line, "E:");

                value = value ? startswith(value, key) : NULL;
                if (!value || *value != '=')
                        continue;
                *ret = strdup(value + 1);
                return *ret ? 1 : -ENOMEM;
        }
        return 0;
}

/* What is on the device, as udev knows it or libblkid finds it. Returns as above. */
static int find_content(int root_fd, const char *device, char **ret)
{
        _cleanup_free_ char *path = NULL;
        char *fstype;
        int r;

        r = udev_property(root_fd, device, "ID_FS_TYPE", ret);
        if (r == 0)
                r = udev_property(root_fd, device, "ID_PART_TABLE_TYPE", ret);
        if (r != 0 || !root_is_ours(root_fd))
                return r;
        r = strprintf(&path, "/dev/%s", device);
        if (r < 0)
                return r;
        fstype = mnt_get_fstype(path, NULL, NULL);
        *ret = fstype;
        return fstype ? 1 : 0;
}

static int check_content(const ResolveContext *c, const char *device, const char *what)
{
        _cleanup_free_ char *content = NULL;
        int r;

        r = find_content(c->root_fd, device, &content);
        if (r <= 0)
                return r;
        return resolve_refuse(c, -EINVAL,
                              "'%s' holds something of the type '%s', and a dump would overwrite "
                              "it: name a device that is empty, or run 'wipefs --all' on it if "
                              "nothing on it is needed",
                              what, content);
}

/* The first link in @folder that leads to @device. Returns 1; 0 if there is none. */
static int find_link(int root_fd, const char *folder, const char *device, char **ret)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(root_fd, folder, &names);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL, *to = NULL;

                r = path_join(folder, *name, &path);
                if (r < 0)
                        return r;
                r = root_link_name(root_fd, path, &to);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !streq(to, device))
                        continue;
                *ret = TAKE_PTR(path);
                return 1;
        }
        return 0;
}

/* There is no UUID of what is not on it: the partition's, the disk's, the volume's. */
static int name_device(const ResolveContext *c, const char *device, Target *target)
{
        static const char *const folders[] = { "/dev/disk/by-partuuid", "/dev/disk/by-id",
                                               "/dev/mapper" };
        _cleanup_free_ char *name = NULL;
        int r = 0;

        if (device_name_is_stable(target->what))
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(folders) && r == 0; i++)
                r = find_link(c->root_fd, folders[i], device, &name);
        if (r < 0)
                return r;
        if (r == 0)
                return resolve_warn(c,
                                    "'%s' has no name that lasts: it is kept by this one, which "
                                    "may be another device's in the crash kernel",
                                    target->what);
        free(target->what);
        target->what = TAKE_PTR(name);
        return 0;
}

int resolve_raw(const ResolveContext *c, const Target *wanted, Target *ret)
{
        static int (*const checks[])(const ResolveContext *, const char *, const char *) = {
                check_mounts,     check_swaps,   check_holders,
                check_partitions, check_content, stack_add,
        };
        _cleanup_(target_done) Target target = { 0 };
        _cleanup_free_ char *device = NULL;
        int r;

        r = resolve_begin(wanted, TARGET_RAW, &target);
        if (r < 0)
                return r;
        r = device_find(c->root_fd, target.what, &device);
        if (r == -ENOENT)
                return resolve_refuse(c, -EINVAL,
                                      "there is no '%s' now, and nothing shows that it is not in "
                                      "use: connect it, or name another device",
                                      target.what);
        for (size_t i = 0; i < ELEMENTSOF(checks) && r >= 0; i++)
                r = checks[i](c, device, target.what);
        if (r >= 0)
                r = name_device(c, device, &target);
        if (r < 0)
                return r;
        *ret = target;
        target = (Target){ 0 };
        return 0;
}
