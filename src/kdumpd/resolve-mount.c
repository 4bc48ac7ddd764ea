/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the look into the table of mounts. */
#include "resolve-mount.h"

#include <fcntl.h>
#include <libmount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "io.h"
#include "resolve-device.h"
#include "rootdir.h"

static void table_unrefp(struct libmnt_table **table)
{
        mnt_unref_table(*table);
}

static void iter_freep(struct libmnt_iter **iter)
{
        mnt_free_iter(*iter);
}

void mount_place_done(MountPlace *place)
{
        free(place->fstype);
        free(place->device);
        free(place->source);
        free(place->point);
        free(place->fs_root);
        free(place->options);
        *place = (MountPlace){ 0 };
}

/* The length of @path without slashes at its end. */
static int path_length(const char *path)
{
        size_t n = strlen(path);

        while (n > 0 && path[n - 1] == '/')
                n--;
        return (int) n;
}

int path_join(const char *first, const char *second, char **ret)
{
        while (*second == '/')
                second++;
        if (*second)
                return strprintf(ret, "%.*s/%.*s", path_length(first), first, path_length(second),
                                 second);
        if (path_length(first) == 0)
                return strprintf(ret, "/");
        return strprintf(ret, "%.*s", path_length(first), first);
}

static int read_table(int root_fd, const char *path, struct libmnt_table **ret)
{
        _cleanup_(table_unrefp) struct libmnt_table *table = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        int fd, r;

        fd = root_open(root_fd, path, O_RDONLY);
        if (fd < 0)
                return fd;
        f = fdopen(fd, "re");
        if (!f) {
                r = -errno;
                close_fd(fd);
                return r;
        }
        table = mnt_new_table();
        if (!table)
                return -ENOMEM;
        r = mnt_table_parse_stream(table, f, path);
        if (r != 0)
                return r < 0 ? r : -EBADMSG;
        *ret = TAKE_PTR(table);
        return 0;
}

/* PID 1's mounts, as people see them: a service may have mounts of its own, read-only or on top.
 * The kernel asks for no privilege here (mounts_open_common() in fs/proc_namespace.c), but a /proc
 * with hidepid= may not show PID 1. Our own table is then the next best. */
static int read_mounts(int root_fd, struct libmnt_table **ret)
{
        int r;

        r = read_table(root_fd, "/proc/1/mountinfo", ret);
        if (r >= 0 || r == -ENOMEM)
                return r;
        return read_table(root_fd, "/proc/self/mountinfo", ret);
}

/* Options without which the file system cannot be mounted, or not completely. All else (ro, noauto,
 * nofail, quotas, access times, security labels …) is for the running system: the fewer options,
 * the fewer reasons to fail. */
static const char *const needed_options[] = {
        "logdev",      "rtdev",        "nouuid", /* xfs */
        "journal_dev", "journal_path", "sb",     /* ext4 */
        "device",      "degraded",               /* btrfs */
};

/* How to speak to the server. How long to wait for it is for the crash kernel to say, and addresses
 * and ports of mountd are found anew. */
static const char *const needed_nfs_options[] = { "vers", "nfsvers", "minorversion", "port",
                                                  "sec",  "proto",   "mountvers" };

/* What holds anyway; a protocol of one family would leave out the server's other addresses. */
static const char *const usual_options[] = { "sec=sys", "proto=tcp", "proto=tcp6" };

static bool option_is_needed(const char *option, const char *const *needed, size_t n_needed)
{
        size_t n = strcspn(option, "=");

        for (size_t i = 0; i < ELEMENTSOF(usual_options); i++)
                if (streq(option, usual_options[i]))
                        return false;
        for (size_t i = 0; i < n_needed; i++)
                if (strlen(needed[i]) == n && memcmp(needed[i], option, n) == 0)
                        return true;
        return false;
}

static int filter_options(const char *fstype, const char *options, char **ret)
{
        bool nfs = fstype && startswith(fstype, "nfs");
        const char *const *needed = nfs ? needed_nfs_options : needed_options;
        size_t n_needed = nfs ? ELEMENTSOF(needed_nfs_options) : ELEMENTSOF(needed_options);
        _cleanup_free_ char *copy = options ? strdup(options) : NULL, *kept = NULL;
        char *rest = copy, *option;
        int r;

        if (options && !copy)
                return -ENOMEM;
        while ((option = strsep(&rest, ","))) {
                _cleanup_free_ char *longer = NULL;

                if (!option_is_needed(option, needed, n_needed))
                        continue;
                r = strprintf(&longer, "%s%s%s", kept ?: "", kept ? "," : "", option);
                if (r < 0)
                        return r;
                free(kept);
                kept = TAKE_PTR(longer);
        }
        *ret = TAKE_PTR(kept);
        return 0;
}

/* btrfs has a device number of its own making, and so have others: then the source tells. */
static int fs_device(int root_fd, struct libmnt_fs *fs, char **ret)
{
        const char *source = mnt_fs_get_source(fs);
        dev_t number = mnt_fs_get_devno(fs);
        char path[64];
        int r;

        if (major(number) != 0) {
                (void) snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(number),
                                minor(number));
                r = root_link_name(root_fd, path, ret);
                if (r >= 0)
                        return 0;
        }
        if (!source || !startswith(source, "/dev/"))
                return 0;
        r = device_find(root_fd, source, ret);
        return r == -ENOENT ? 0 : r;
}

static int copy_string(const char *from, char **ret)
{
        *ret = from ? strdup(from) : NULL;
        return from && !*ret ? -ENOMEM : 0;
}

static int place_from_fs(int root_fd, struct libmnt_fs *fs, MountPlace *ret)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        const char *fs_root = mnt_fs_get_root(fs);
        int r;

        if (copy_string(mnt_fs_get_fstype(fs), &place.fstype) < 0 ||
            copy_string(mnt_fs_get_source(fs), &place.source) < 0 ||
            copy_string(mnt_fs_get_target(fs), &place.point) < 0 ||
            copy_string(fs_root ?: "/", &place.fs_root) < 0)
                return -ENOMEM;
        r = filter_options(place.fstype, mnt_fs_get_fs_options(fs), &place.options);
        if (r < 0)
                return r;
        r = fs_device(root_fd, fs, &place.device);
        if (r < 0)
                return r;
        place.read_only = mnt_fs_match_options(fs, "ro") == 1;
        *ret = place;
        place = (MountPlace){ 0 };
        return 0;
}

/* Follows links in @path as far as it exists. *ret_missing points into @path. */
static int chase_existing(int root_fd, const char *path, char **ret, const char **ret_missing,
                          char **reterr_message)
{
        _cleanup_free_ char *head = strdup(path);
        struct stat st;

        if (!head)
                return -ENOMEM;
        for (;;) {
                char *slash;
                int r;

                r = root_chase(root_fd, head, ret);
                if (r >= 0) {
                        *ret_missing = path + strlen(head);
                        return 0;
                }
                if (r != -ENOENT)
                        return r;
                if (fstatat(root_fd, root_relative(head), &st, AT_SYMLINK_NOFOLLOW) == 0) {
                        (void) strprintf(reterr_message,
                                         "'%s' is a symbolic link that leads nowhere", head);
                        return r;
                }
                slash = strrchr(head, '/');
                if (!slash)
                        return -ENOENT;
                *slash = '\0';
                if (slash == head)
                        (void) snprintf(head, 2, "/");
        }
}

/* The rest of @path behind mount point @point, or NULL if it is not below it. */
static const char *path_below(const char *path, const char *point)
{
        const char *rest;

        if (streq(point, "/"))
                return path;
        rest = startswith(path, point);
        return rest && (*rest == '\0' || *rest == '/') ? rest : NULL;
}

/* The deepest mount point above @path, and of several on one point the last: that is the one on
 * top. */
static struct libmnt_fs *table_find_path(struct libmnt_table *table, const char *path)
{
        _cleanup_(iter_freep) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs, *found = NULL;
        size_t depth = 0;

        if (!iter)
                return NULL;
        while (mnt_table_next_fs(table, iter, &fs) == 0) {
                const char *point = mnt_fs_get_target(fs);

                if (!point || !path_below(path, point) || strlen(point) < depth)
                        continue;
                depth = strlen(point);
                found = fs;
        }
        return found;
}

int mount_find_name(int root_fd, const char *path, MountPlace *ret)
{
        _cleanup_(table_unrefp) struct libmnt_table *table = NULL;
        struct libmnt_fs *fs;
        int r;

        r = read_mounts(root_fd, &table);
        if (r < 0)
                return r;
        fs = table_find_path(table, path);
        if (!fs)
                return -ENODATA;
        r = place_from_fs(root_fd, fs, ret);
        return r < 0 ? r : mnt_fs_is_netfs(fs) > 0;
}

/* As mount_find_path(), with no more than the name where the mount is on the network. */
static int find_name(int root_fd, const char *path, MountPlace *ret, char **ret_rest)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        int r;

        r = mount_find_name(root_fd, path, &place);
        if (r <= 0)
                return r == -ENOMEM ? r : 0;
        r = path_join("/", path_below(path, place.point), ret_rest);
        if (r < 0)
                return r;
        *ret = place;
        place = (MountPlace){ 0 };
        return 1;
}

int mount_find_path(int root_fd, const char *path, MountPlace *ret, char **ret_rest,
                    char **reterr_message)
{
        _cleanup_(table_unrefp) struct libmnt_table *table = NULL;
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_free_ char *real = NULL, *rest = NULL;
        _cleanup_close_ int held_fd = -EBADF;
        const char *missing;
        struct libmnt_fs *fs;
        int r;

        r = find_name(root_fd, path, ret, ret_rest);
        if (r != 0)
                return MIN(r, 0);
        r = chase_existing(root_fd, path, &real, &missing, reterr_message);
        if (r < 0)
                return r;
        /* Has an automount point mounted, which O_PATH does not, and keeps it until we have read of
         * it. A failure shows in the table. */
        held_fd = root_open(root_fd, real, O_RDONLY | O_DIRECTORY);
        r = read_mounts(root_fd, &table);
        if (r < 0)
                return r;
        fs = table_find_path(table, real);
        if (!fs)
                return -ENODATA;
        r = place_from_fs(root_fd, fs, &place);
        if (r < 0)
                return r;
        r = path_join(path_below(real, place.point), missing, &rest);
        if (r < 0)
                return r;

        *ret = place;
        place = (MountPlace){ 0 };
        *ret_rest = TAKE_PTR(rest);
        return 0;
}

/* The first entry of @table for which @matches(root_fd, fs, @wanted) returns 1. */
static int find_fs(int root_fd, struct libmnt_table *table,
                   int (*matches)(int root_fd, struct libmnt_fs *fs, const char *wanted),
                   const char *wanted, MountPlace *ret)
{
        _cleanup_(iter_freep) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;
        int r;

        if (!iter)
                return -ENOMEM;
        while (mnt_table_next_fs(table, iter, &fs) == 0) {
                r = matches(root_fd, fs, wanted);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                r = place_from_fs(root_fd, fs, ret);
                return r < 0 ? r : 1;
        }
        return 0;
}

static int fs_is_on_device(int root_fd, struct libmnt_fs *fs, const char *device)
{
        _cleanup_free_ char *name = NULL;
        int r;

        r = fs_device(root_fd, fs, &name);
        return r < 0 ? r : streq_ptr(name, device);
}

static int fs_has_source(int root_fd, struct libmnt_fs *fs, const char *source)
{
        return streq_ptr(mnt_fs_get_source(fs), source);
}

int mount_find_device(int root_fd, const char *device, MountPlace *ret)
{
        _cleanup_(table_unrefp) struct libmnt_table *table = NULL;
        int r;

        r = read_mounts(root_fd, &table);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return find_fs(root_fd, table, fs_is_on_device, device, ret);
}

int mount_find_source(int root_fd, const char *source, MountPlace *ret)
{
        _cleanup_(table_unrefp) struct libmnt_table *table = NULL;
        int r;

        r = read_mounts(root_fd, &table);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return find_fs(root_fd, table, fs_has_source, source, ret);
}

int mount_find_fstab(int root_fd, const char *what, MountPlace *ret)
{
        _cleanup_(table_unrefp) struct libmnt_table *table = NULL;
        int r;

        r = read_table(root_fd, "/etc/fstab", &table);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return find_fs(root_fd, table, fs_has_source, what, ret);
}

static int fs_is_at(int root_fd, struct libmnt_fs *fs, const char *point)
{
        return streq_ptr(mnt_fs_get_target(fs), point);
}

int mount_is_missing(int root_fd, const char *path)
{
        _cleanup_(table_unrefp) struct libmnt_table *fstab = NULL, *mounts = NULL;
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        struct libmnt_fs *fs;
        int r;

        r = read_table(root_fd, "/etc/fstab", &fstab);
        if (r >= 0)
                r = read_mounts(root_fd, &mounts);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        fs = table_find_path(fstab, path);
        if (!fs || streq(mnt_fs_get_target(fs), "/"))
                return 0;
        r = find_fs(root_fd, mounts, fs_is_at, mnt_fs_get_target(fs), &place);
        return r < 0 ? r : r == 0;
}
