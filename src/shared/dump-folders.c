/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way from a target to the folder that its dumps are in now. */
#include "dump-folders.h"

#include <libmount.h>

#include "io.h"
#include "paths.h"
#include "strv.h"

static void table_unrefp(struct libmnt_table **table)
{
        mnt_unref_table(*table);
}

static void cache_unrefp(struct libmnt_cache **cache)
{
        mnt_unref_cache(*cache);
}

static int add_folder(char ***folders, const char *parent, const char *path)
{
        _cleanup_free_ char *folder = NULL;
        int r;

        path += strspn(path, "/");
        r = strprintf(&folder, "%s%s%s", parent, streq(parent, "/") ? "" : "/", path);
        if (r < 0)
                return r;
        if (strv_contains(*folders, folder))
                return 0;
        return strv_extend(folders, folder);
}

/* What @mount is called as seen from the root; NULL if it is not below it. */
static const char *mount_in_root(const char *root, const char *mount)
{
        const char *rest;

        if (!root || streq(root, "/"))
                return mount;
        rest = startswith(mount, root);
        if (!rest || (*rest && *rest != '/'))
                return NULL;
        return *rest ? rest : "/";
}

/* The folder of a target, below where its device is mounted now; nothing if it is not, or is
 * remote. */
static int add_target(const char *root, char ***folders, struct libmnt_table *mounts,
                      const Target *target)
{
        const char *path = target->path ?: PATH_DEFAULT_DUMPS;
        struct libmnt_fs *fs;
        const char *mount;

        /* kdump-collect.service moves dumps from raw devices there. */
        if (target->type == TARGET_PATH || target->type == TARGET_RAW)
                return add_folder(folders, "/", path);
        if (target->type == TARGET_SSH || target->type == TARGET_URL || !target->what)
                return 0;
        fs = mnt_table_find_source(mounts, target->what, MNT_ITER_FORWARD);
        if (!fs || !mnt_fs_get_target(fs))
                return 0;
        mount = mount_in_root(root, mnt_fs_get_target(fs));
        return mount ? add_folder(folders, mount, path) : 0;
}

/* Whether @path is on a disk of this machine. */
static bool path_is_on_disk(const char *root, struct libmnt_table *mounts, const char *path)
{
        _cleanup_free_ char *full = NULL;
        struct libmnt_fs *fs;

        if (strprintf(&full, "%s/%s", root && !streq(root, "/") ? root : "",
                      path + strspn(path, "/")) < 0)
                return true;
        fs = mnt_table_find_mountpoint(mounts, full, MNT_ITER_BACKWARD);
        return !fs || (mnt_fs_is_netfs(fs) <= 0 && !streq_ptr(mnt_fs_get_fstype(fs), "virtiofs"));
}

static bool target_is_on_disk(const char *root, struct libmnt_table *mounts, const Target *target)
{
        if (target->type == TARGET_PATH)
                return path_is_on_disk(root, mounts, target->path ?: PATH_DEFAULT_DUMPS);
        return target->type == TARGET_FS || target->type == TARGET_RAW;
}

/* The folders of the root file system that get dumps instead of the targets: with dump_to_rootfs
 * the one that resolve_plan() gives it, and that of the fallback image where all targets are on
 * other machines (wanted-fallback.c). */
static int add_instead(const Config *config, const char *root, struct libmnt_table *mounts,
                       char ***folders)
{
        int r;

        if (config->failure_action == ACTION_DUMP_TO_ROOTFS) {
                r = add_folder(folders, "/", config->targets[0].path ?: PATH_DEFAULT_DUMPS);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < config->n_targets; i++)
                if (target_is_on_disk(root, mounts, config->targets + i))
                        return 0;
        return add_folder(folders, "/", PATH_DEFAULT_DUMPS);
}

static int read_mounts(struct libmnt_table **ret)
{
        _cleanup_(table_unrefp) struct libmnt_table *mounts = mnt_new_table();
        _cleanup_(cache_unrefp) struct libmnt_cache *cache = mnt_new_cache();
        int r;

        if (!mounts || !cache)
                return -ENOMEM;
        (void) mnt_table_set_cache(mounts, cache);
        r = mnt_table_parse_mtab(mounts, NULL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(mounts);
        return 0;
}

static int add_targets(const Config *config, const char *root, struct libmnt_table *mounts,
                       char ***folders)
{
        for (size_t i = 0; i < config->n_targets; i++) {
                int r = add_target(root, folders, mounts, config->targets + i);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int find_folders(const Config *config, const char *root, bool instead, char ***ret)
{
        _cleanup_(table_unrefp) struct libmnt_table *mounts = NULL;
        _cleanup_strv_ char **folders = NULL;
        int r;

        r = read_mounts(&mounts);
        if (r >= 0)
                r = add_targets(config, root, mounts, &folders);
        if (r >= 0 && instead)
                r = config->n_targets > 0
                            ? add_instead(config, root, mounts, &folders)
                            : add_folder(&folders, "/", config->general.path ?: PATH_DEFAULT_DUMPS);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(folders);
        return 0;
}

int dump_folders_of_targets(const Config *config, char ***ret)
{
        return find_folders(config, NULL, false, ret);
}

int dump_folders(const Config *config, const char *root, char ***ret)
{
        return find_folders(config, root, true, ret);
}
