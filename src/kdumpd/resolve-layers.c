/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what names and attributes in /sys say of the layers of a block device. */
#include "resolve-layers.h"

#include "io.h"
#include "resolve-device.h"
#include "rootdir.h"
#include "strv.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

void device_stack_done(DeviceStack *stack)
{
        strv_free(stack->drivers);
        strv_free(stack->volumes);
        *stack = (DeviceStack){ 0 };
}

const char *layer_refused(unsigned kinds)
{
        static const struct {
                unsigned kind;
                const char *text;
        } texts[] = {
                { DEVICE_CRYPT, "encrypted (LUKS, dm-crypt), and nobody can unlock it there" },
                { DEVICE_MULTIPATH, "a multipath device (dm-multipath)" },
                { DEVICE_ISCSI, "behind iSCSI" },
                { DEVICE_FCOE, "behind Fibre Channel over Ethernet" },
                { DEVICE_FABRICS, "behind NVMe over Fabrics" },
                { DEVICE_NETWORK, "a network block device" },
                { DEVICE_LOOP, "a loop device, a file on another file system" },
                { DEVICE_BCACHE, "a bcache device" },
                { DEVICE_ZRAM, "a piece of memory (zram)" },
                { DEVICE_MAPPER, "a device-mapper device that is not LVM's" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (kinds & texts[i].kind)
                        return texts[i].text;
        return NULL;
}

/* Reads @folder/@name. Returns 1; 0 if there is none. */
static int read_attribute(int root_fd, const char *folder, const char *name, char **ret)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "%s/%s", folder, name);
        if (r < 0)
                return r;
        r = root_read_line(root_fd, path, ret);
        if (r == -ENOENT)
                return 0;
        return r < 0 ? r : 1;
}

int layer_volume_name(const char *name, char **ret)
{
        _cleanup_free_ char *volume = malloc(strlen(name) + 1);
        char *to = volume;
        bool slash = false;

        if (!volume)
                return -ENOMEM;
        for (; *name; name++) {
                if (name[0] == '-' && name[1] == '-')
                        name++;
                else if (*name == '-' && !slash) {
                        slash = true;
                        *to++ = '/';
                        continue;
                }
                *to++ = *name;
        }
        *to = '\0';
        /* What LVM takes (lvm(8), VALID NAMES), and a quoted text can hold. */
        if (strspn(volume, LETTERS DIGITS "+_.-/") != strlen(volume))
                return 0;
        if (!slash || *volume == '/' || to[-1] == '/')
                return 0;
        *ret = TAKE_PTR(volume);
        return 1;
}

/* The parts of a logical volume have names and UUIDs that tell what it is made of (lib/metadata of
 * LVM2: reserved names; lib/activate/dev_manager.c: layers). */
static int add_volume_drivers(const char *name, const char *uuid, DeviceStack *stack)
{
        static const struct {
                const char *part;
                const char *modules[4];
        } parts[] = {
                { "_rimage_", { "dm_raid", "raid1", "raid10", "raid456" } },
                { "_mimage_", { "dm_mirror", "dm_log" } },
                { "-tpool", { "dm_thin_pool" } },
                { "_tdata", { "dm_thin_pool" } },
                { "_cdata", { "dm_cache", "dm_cache_smq" } },
                { "_cvol", { "dm_cache", "dm_cache_smq", "dm_writecache" } },
                { "_wcorig", { "dm_writecache" } },
                { "_imeta", { "dm_integrity" } },
                { "-cow", { "dm_snapshot" } },
                { "-real", { "dm_snapshot" } },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                if (!strstr(name, parts[i].part) && !strstr(uuid, parts[i].part))
                        continue;
                for (size_t j = 0; j < ELEMENTSOF(parts[i].modules); j++) {
                        if (!parts[i].modules[j])
                                break;
                        r = drivers_add(&stack->drivers, parts[i].modules[j]);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* "LVM-" and the UUIDs of group and volume, 32 letters each; a layer within one has a suffix. */
#define LVM_UUID_LENGTH (strlen("LVM-") + 64)

static int add_volume(int root_fd, const char *folder, const char *uuid, DeviceStack *stack)
{
        _cleanup_free_ char *name = NULL, *volume = NULL;
        int r;

        stack->kinds |= DEVICE_LVM;
        r = read_attribute(root_fd, folder, "dm/name", &name);
        if (r <= 0)
                return r;
        r = add_volume_drivers(name, uuid, stack);
        if (r < 0 || strlen(uuid) != LVM_UUID_LENGTH)
                return r;
        r = layer_volume_name(name, &volume);
        if (r <= 0 || strv_contains(stack->volumes, volume))
                return r;
        return strv_extend(&stack->volumes, volume);
}

/* What a mapped device is, by the prefix that its maker gives to its UUID. */
static int add_mapper(int root_fd, const char *folder, DeviceStack *stack)
{
        _cleanup_free_ char *uuid = NULL;
        int r;

        r = drivers_add(&stack->drivers, "dm_mod");
        if (r < 0)
                return r;
        r = read_attribute(root_fd, folder, "dm/uuid", &uuid);
        if (r < 0)
                return r;
        if (r > 0 && startswith(uuid, "LVM-"))
                return add_volume(root_fd, folder, uuid, stack);
        if (r > 0 && startswith(uuid, "CRYPT-"))
                stack->kinds |= DEVICE_CRYPT;
        else if (r > 0 && strstr(uuid, "mpath-")) /* "part1-mpath-…" is a partition of one */
                stack->kinds |= DEVICE_MULTIPATH;
        else
                stack->kinds |= DEVICE_MAPPER;
        return 0;
}

static int add_md(int root_fd, const char *folder, DeviceStack *stack)
{
        _cleanup_free_ char *level = NULL, *version = NULL;
        int r;

        stack->kinds |= DEVICE_MD;
        r = read_attribute(root_fd, folder, "md/metadata_version", &version);
        if (r < 0)
                return r;
        if (r > 0 && startswith(version, "external:"))
                stack->kinds |= DEVICE_MD_EXTERNAL;
        r = read_attribute(root_fd, folder, "md/level", &level);
        if (r <= 0)
                return r;
        /* One module does the three with parity: drivers/md/raid5.c is raid456.ko. */
        if (streq(level, "raid4") || streq(level, "raid5") || streq(level, "raid6"))
                return drivers_add(&stack->drivers, "raid456");
        return drivers_add(&stack->drivers, level);
}

/* Is @name @prefix and a number? */
static bool is_numbered(const char *name, const char *prefix)
{
        const char *number = startswith(name, prefix);

        return number && *number && strspn(number, DIGITS) == strlen(number);
}

/* A name that @prefix and a digit begin: "nbd0", "nbd0p1" */
static bool begins_numbered(const char *name, const char *prefix)
{
        const char *number = startswith(name, prefix);

        return number && *number && strchr(DIGITS, *number);
}

int layer_add(int root_fd, const char *folder, DeviceStack *stack)
{
        static const struct {
                const char *prefix;
                unsigned kind;
        } disks[] = {
                { "loop", DEVICE_LOOP },    { "nbd", DEVICE_NETWORK },   { "rbd", DEVICE_NETWORK },
                { "drbd", DEVICE_NETWORK }, { "bcache", DEVICE_BCACHE }, { "zram", DEVICE_ZRAM },
        };
        const char *name = strrchr(folder, '/') + 1;

        if (begins_numbered(name, "dm-"))
                return add_mapper(root_fd, folder, stack);
        if (begins_numbered(name, "md") || startswith(name, "md_"))
                return add_md(root_fd, folder, stack);
        for (size_t i = 0; i < ELEMENTSOF(disks); i++)
                if (begins_numbered(name, disks[i].prefix))
                        stack->kinds |= disks[i].kind;
        /* drivers/scsi/scsi_transport_iscsi.c, drivers/scsi/fcoe/fcoe_sysfs.c,
         * drivers/nvme/host/fabrics.c name their devices so. */
        if (is_numbered(name, "session"))
                stack->kinds |= DEVICE_ISCSI;
        else if (is_numbered(name, "ctlr_"))
                stack->kinds |= DEVICE_FCOE;
        else if (streq(name, "nvme-fabrics"))
                stack->kinds |= DEVICE_FABRICS;
        return 0;
}
