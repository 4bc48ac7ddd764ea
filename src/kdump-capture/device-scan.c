/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the look at all block devices. */
#include "device-scan.h"

#include <blkid/blkid.h>
#include <fcntl.h>

#include "parse.h"
#include "rootdir.h"
#include "strv.h"
#include "text.h"

DEFINE_CLEANUP(blkid_probe, blkid_free_probe);

typedef enum Tag {
        TAG_UUID,
        TAG_LABEL,
        TAG_PARTUUID,
        TAG_PARTLABEL,
        _TAG_MAX,
        _TAG_INVALID = -EINVAL,
} Tag;

static const char *const tag_names[_TAG_MAX] = {
        [TAG_UUID] = "UUID",
        [TAG_LABEL] = "LABEL",
        [TAG_PARTUUID] = "PARTUUID",
        [TAG_PARTLABEL] = "PARTLABEL",
};

typedef struct Scan {
        int root_fd;
        Tag tag;
        const char *value;
} Scan;

static Tag tag_from_string(const char *s)
{
        for (Tag tag = 0; tag < _TAG_MAX; tag++)
                if (streq(s, tag_names[tag]))
                        return tag;
        return _TAG_INVALID;
}

/* A floppy drive that is not there is waited for, and no dump was ever meant for one. */
static bool is_floppy(const char *name)
{
        return name[0] == 'f' && name[1] == 'd' && name[2] >= '0' && name[2] <= '9';
}

/* Loop devices of nothing, drives without a medium. */
static bool is_empty(const Scan *scan, const char *name)
{
        _cleanup_free_ char *path = NULL, *size = NULL;

        if (strprintf(&path, "/sys/class/block/%s/size", name) < 0 ||
            root_read_line(scan->root_fd, path, &size) < 0)
                return false;
        return streq(size, "0");
}

/* Where a device has a '/' in its name, its folder in /sys has a '!'. */
static int device_path(const char *name, char **ret)
{
        int r = strprintf(ret, "/dev/%s", name);

        if (r < 0)
                return r;
        for (char *p = *ret; *p; p++)
                if (*p == '!')
                        *p = '/';
        return 0;
}

/* Opens device @name for libblkid. @ret_fd must live as long as *ret. */
static int probe_open(const Scan *scan, const char *name, int *ret_fd, blkid_probe *ret)
{
        _cleanup_(blkid_free_probep) blkid_probe probe = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = device_path(name, &path);
        if (r < 0)
                return r;
        fd = root_open(scan->root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fd;
        probe = blkid_new_probe();
        if (!probe)
                return -ENOMEM;
        if (blkid_probe_set_device(probe, fd, 0, 0) < 0)
                return -EIO;
        *ret_fd = TAKE_FD(fd);
        *ret = TAKE_PTR(probe);
        return 0;
}

/* Whether what is on the device is named so. What could be two things is neither. */
static int match_content(const Scan *scan, const char *name)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_(blkid_free_probep) blkid_probe probe = NULL;
        const char *value;
        int r;

        r = probe_open(scan, name, &fd, &probe);
        if (r < 0)
                return r;
        (void) blkid_probe_enable_superblocks(probe, 1);
        (void) blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
                                                                BLKID_SUBLKS_LABEL);
        if (blkid_do_safeprobe(probe) != 0 ||
            blkid_probe_lookup_value(probe, tag_names[scan->tag], &value, NULL) < 0)
                return 0;
        return streq(value, scan->value);
}

/* The disk that @name is a partition of is the folder above its own. Returns 1 with the partition's
 * number; 0 if it is none. */
static int find_disk(const Scan *scan, const char *name, char **ret_disk, uint32_t *ret_number)
{
        _cleanup_free_ char *link = NULL, *path = NULL, *file = NULL, *text = NULL;
        char *slash;
        int r;

        r = strprintf(&link, "/sys/class/block/%s", name);
        if (r >= 0)
                r = strprintf(&file, "%s/partition", link);
        if (r < 0)
                return r;
        if (root_read_line(scan->root_fd, file, &text) < 0 || parse_u32(text, ret_number) < 0 ||
            *ret_number > INT32_MAX)
                return 0;
        r = root_chase(scan->root_fd, link, &path);
        if (r < 0)
                return r;
        slash = strrchr(path, '/');
        if (!slash || slash == path)
                return 0;
        *slash = '\0';
        *ret_disk = strdup(strrchr(path, '/') + 1);
        return *ret_disk ? 1 : -ENOMEM;
}

/* Whether the table of the disk that it is a part of names it so. */
static int match_partition(const Scan *scan, const char *name)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_(blkid_free_probep) blkid_probe probe = NULL;
        _cleanup_free_ char *disk = NULL;
        blkid_partlist list;
        blkid_partition partition;
        uint32_t number;
        int r;

        r = find_disk(scan, name, &disk, &number);
        if (r <= 0)
                return r;
        r = probe_open(scan, disk, &fd, &probe);
        if (r < 0)
                return r;
        (void) blkid_probe_enable_partitions(probe, 1);
        list = blkid_probe_get_partitions(probe);
        partition = list ? blkid_partlist_get_partition_by_partno(list, (int) number) : NULL;
        if (!partition)
                return 0;
        return streq_ptr(scan->tag == TAG_PARTUUID ? blkid_partition_get_uuid(partition)
                                                   : blkid_partition_get_name(partition),
                         scan->value);
}

static int scan_devices(const Scan *scan, char **ret_device)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(scan->root_fd, "/sys/class/block", &names);
        if (r < 0 && r != -ENOENT)
                return r;
        for (char **name = names; name && *name; name++) {
                if (is_floppy(*name) || is_empty(scan, *name))
                        continue;
                r = scan->tag < TAG_PARTUUID ? match_content(scan, *name)
                                             : match_partition(scan, *name);
                if (r == -ENOMEM)
                        return r;
                /* A disk that cannot be read is not the one, or will be asked again. */
                if (r > 0)
                        return device_path(*name, ret_device);
        }
        return -ENODEV;
}

int device_scan(int root_fd, const char *what, char **ret_device)
{
        _cleanup_free_ char *name = NULL, *value = NULL;
        Scan scan = { .root_fd = root_fd };

        if (blkid_parse_tag_string(what, &name, &value) != 0)
                return -EINVAL;
        scan.tag = tag_from_string(name);
        scan.value = value;
        return scan.tag < 0 ? -EINVAL : scan_devices(&scan, ret_device);
}
