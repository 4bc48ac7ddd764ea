/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the walk through /sys and the links below /dev/disk. */
#include "resolve-device.h"

#include <ctype.h>
#include <fcntl.h>
#include <libmount.h>

#include "io.h"
#include "rootdir.h"
#include "strv.h"

/* More layers than any sane stack has; ends a loop that should not be. */
#define DEPTH_MAX 16

static const struct {
        const char *tag, *folder;
} tags[] = {
        { "UUID", "/dev/disk/by-uuid" },
        { "LABEL", "/dev/disk/by-label" },
        { "PARTUUID", "/dev/disk/by-partuuid" },
        { "PARTLABEL", "/dev/disk/by-partlabel" },
};

static void cache_unrefp(struct libmnt_cache **cache)
{
        mnt_unref_cache(*cache);
}

/* "My Disk" is "My\x20Disk" in /dev/disk (encode_devnode_name() of systemd, blkid_encode_string()).
 */
static int encode_link_name(const char *value, char **ret)
{
        _cleanup_free_ char *name = malloc(strlen(value) * 4 + 1);
        char *p = name;

        if (!name)
                return -ENOMEM;
        for (; *value; value++) {
                unsigned char c = (unsigned char) *value;

                if (isalnum(c) || c >= 0x80 || strchr("#+-.:=@_", c))
                        *p++ = (char) c;
                else
                        p += snprintf(p, 5, "\\x%02x", c);
        }
        *p = '\0';
        *ret = TAKE_PTR(name);
        return 0;
}

/* Asks the devices themselves, for systems without udev. */
static int probe_tag(int root_fd, const char *tag, const char *value, char **ret)
{
        _cleanup_(cache_unrefp) struct libmnt_cache *cache = NULL;
        const char *path, *slash;

        if (!root_is_ours(root_fd))
                return -ENOENT;
        cache = mnt_new_cache();
        if (!cache)
                return -ENOMEM;
        path = mnt_resolve_tag(tag, value, cache);
        if (!path)
                return -ENOENT;
        slash = strrchr(path, '/');
        *ret = strdup(slash ? slash + 1 : path);
        return *ret ? 0 : -ENOMEM;
}

static int find_tag(int root_fd, const char *what, size_t i, char **ret)
{
        _cleanup_free_ char *name = NULL, *path = NULL;
        const char *value = what + strlen(tags[i].tag) + 1;
        int r;

        r = encode_link_name(value, &name);
        if (r < 0)
                return r;
        r = strprintf(&path, "%s/%s", tags[i].folder, name);
        if (r < 0)
                return r;
        r = root_link_name(root_fd, path, ret);
        if (r != -ENOENT)
                return r;
        return probe_tag(root_fd, tags[i].tag, value, ret);
}

/* The index in tags[] of "TAG=value", or -ENOENT. */
static int what_tag(const char *what)
{
        for (size_t i = 0; i < ELEMENTSOF(tags); i++) {
                const char *rest = startswith(what, tags[i].tag);

                if (rest && *rest == '=')
                        return (int) i;
        }
        return -ENOENT;
}

int device_find(int root_fd, const char *what, char **ret)
{
        _cleanup_free_ char *real = NULL;
        int r;

        r = what_tag(what);
        if (r >= 0)
                return find_tag(root_fd, what, (size_t) r, ret);
        if (!startswith(what, "/dev/"))
                return -ENOENT;
        r = root_chase(root_fd, what, &real);
        if (r < 0)
                return r;
        /* udev's links lead to the node that has the kernel's name. */
        *ret = strdup(strrchr(real, '/') + 1);
        return *ret ? 0 : -ENOMEM;
}

bool device_name_is_stable(const char *what)
{
        return what_tag(what) >= 0 || startswith(what, "/dev/disk/by-");
}

static int decode_link_name(const char *name, char **ret)
{
        _cleanup_free_ char *value = malloc(strlen(name) + 1);
        char *p = value;

        if (!value)
                return -ENOMEM;
        while (*name) {
                unsigned c;

                if (name[0] == '\\' && name[1] == 'x' && isxdigit((unsigned char) name[2]) &&
                    isxdigit((unsigned char) name[3]) && sscanf(name + 2, "%2x", &c) == 1) {
                        *p++ = (char) c;
                        name += 4;
                } else
                        *p++ = *name++;
        }
        *p = '\0';
        *ret = TAKE_PTR(value);
        return 0;
}

static int probe_uuid(int root_fd, const char *device, char **ret)
{
        _cleanup_(cache_unrefp) struct libmnt_cache *cache = NULL;
        _cleanup_free_ char *path = NULL;
        const char *value;
        int r;

        if (!root_is_ours(root_fd))
                return 0;
        r = strprintf(&path, "/dev/%s", device);
        if (r < 0)
                return r;
        cache = mnt_new_cache();
        if (!cache)
                return -ENOMEM;
        if (mnt_cache_read_tags(cache, path) < 0)
                return 0;
        value = mnt_cache_find_tag_value(cache, path, "UUID");
        if (!value)
                return 0;
        r = strprintf(ret, "UUID=%s", value);
        return r < 0 ? r : 1;
}

int device_uuid(int root_fd, const char *device, char **ret)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(root_fd, "/dev/disk/by-uuid", &names);
        if (r < 0 && r != -ENOENT)
                return r;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL, *target = NULL, *value = NULL;

                r = strprintf(&path, "/dev/disk/by-uuid/%s", *name);
                if (r < 0)
                        return r;
                r = root_link_name(root_fd, path, &target);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !streq(target, device))
                        continue;
                r = decode_link_name(*name, &value);
                if (r < 0)
                        return r;
                r = strprintf(ret, "UUID=%s", value);
                return r < 0 ? r : 1;
        }
        return probe_uuid(root_fd, device, ret);
}

int drivers_add(char ***drivers, const char *name)
{
        _cleanup_free_ char *copy = strdup(name);

        if (!copy)
                return -ENOMEM;
        for (char *p = copy; *p; p++)
                if (*p == '-')
                        *p = '_';
        return strv_contains(*drivers, copy) ? 0 : strv_extend(drivers, copy);
}

int drivers_add_all(char ***drivers, char *const *names)
{
        int r;

        for (; names && *names; names++) {
                r = drivers_add(drivers, *names);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The module that @folder/driver belongs to, if it is one. */
static int add_folder_driver(int root_fd, const char *folder, char ***drivers)
{
        _cleanup_free_ char *path = NULL, *module = NULL;
        int r;

        r = strprintf(&path, "%s/driver/module", folder);
        if (r < 0)
                return r;
        r = root_link_name(root_fd, path, &module);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return drivers_add(drivers, module);
}

/* Cuts the last component. False when the folder of all devices is reached. */
static bool path_go_up(char *path)
{
        char *slash = strrchr(path, '/');

        if (!slash || !startswith(path, "/sys/devices/"))
                return false;
        *slash = '\0';
        return true;
}

static int add_parents(int root_fd, const char *folder, DeviceStack *stack)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = root_chase(root_fd, folder, &path);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        do {
                r = add_folder_driver(root_fd, path, &stack->drivers);
                if (r >= 0)
                        r = layer_add(root_fd, path, stack);
                if (r < 0)
                        return r;
        } while (path_go_up(path));
        return 0;
}

/* With native multipath an NVMe disk hangs on its subsystem, which has links to the controllers. */
static int add_nvme_controllers(int root_fd, const char *folder, DeviceStack *stack)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        if (!strstr(folder, "/nvme-subsystem/"))
                return 0;
        r = root_list(root_fd, folder, &names);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;

                if (!startswith(*name, "nvme"))
                        continue;
                r = strprintf(&path, "%s/%s", folder, *name);
                if (r < 0)
                        return r;
                r = add_parents(root_fd, path, stack);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_block_device(int root_fd, const char *device, DeviceStack *stack, unsigned depth);

static int add_slaves(int root_fd, const char *folder, DeviceStack *stack, unsigned depth)
{
        _cleanup_strv_ char **slaves = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "%s/slaves", folder);
        if (r < 0)
                return r;
        r = root_list(root_fd, path, &slaves);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **slave = slaves; slave && *slave; slave++) {
                r = add_block_device(root_fd, *slave, stack, depth + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_block_device(int root_fd, const char *device, DeviceStack *stack, unsigned depth)
{
        _cleanup_free_ char *link = NULL, *path = NULL;
        int r;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        r = strprintf(&link, "/sys/class/block/%s", device);
        if (r < 0)
                return r;
        r = root_chase(root_fd, link, &path);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        do {
                r = add_folder_driver(root_fd, path, &stack->drivers);
                if (r >= 0)
                        r = layer_add(root_fd, path, stack);
                if (r >= 0)
                        r = add_nvme_controllers(root_fd, path, stack);
                if (r >= 0)
                        r = add_slaves(root_fd, path, stack, depth);
                if (r < 0)
                        return r;
        } while (path_go_up(path));
        return 0;
}

int device_folder_drivers(int root_fd, const char *folder, char ***drivers)
{
        _cleanup_(device_stack_done) DeviceStack stack = { 0 };
        int r;

        r = add_parents(root_fd, folder, &stack);
        return r < 0 ? r : drivers_add_all(drivers, stack.drivers);
}

int device_stack(int root_fd, const char *device, DeviceStack *stack)
{
        int r;

        r = add_block_device(root_fd, device, stack, 0);
        if (r < 0)
                return r;
        /* The transport may be built in today and a module in the next build of the same kernel. */
        if ((strv_contains(stack->drivers, "virtio_blk") ||
             strv_contains(stack->drivers, "virtio_scsi")) &&
            !strv_contains(stack->drivers, "virtio_mmio"))
                return drivers_add(&stack->drivers, "virtio_pci");
        return 0;
}

int watchdog_drivers(int root_fd, char ***drivers)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(root_fd, "/sys/class/watchdog", &names);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;

                r = strprintf(&path, "/sys/class/watchdog/%s/device", *name);
                if (r < 0)
                        return r;
                r = device_folder_drivers(root_fd, path, drivers);
                if (r < 0)
                        return r;
        }
        return 0;
}
