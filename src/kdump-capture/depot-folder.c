/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the folder of a dump, where that is on a file system. */
#include "depot-folder.h"

#include <sys/statvfs.h>

#include "folder.h"
#include "sink-file.h"

typedef struct DepotFolder {
        Depot depot;
        int root_fd;
        char *path, *name; /* name: of the folder that was begun */
        int dir_fd;
        bool dir_is_ours;
} DepotFolder;

static int folder_begin(Depot *depot, const char *name, char **ret_where)
{
        DepotFolder *folder = (DepotFolder *) depot;

        if (folder->dir_fd >= 0)
                return -EBUSY;
        free(folder->name);
        folder->name = strdup(name);
        if (!folder->name)
                return -ENOMEM;
        return folder_make(folder->root_fd, folder->path, name, ret_where, &folder->dir_fd);
}

static int folder_discard(Depot *depot)
{
        const DepotFolder *folder = (const DepotFolder *) depot;

        if (!folder->dir_is_ours || folder->dir_fd < 0)
                return -EBADF;
        return folder_remove(folder->root_fd, folder->path, folder->name);
}

static int folder_open(Depot *depot, const char *incomplete_name, const char *final_name,
                       uint64_t size_hint_bytes, Sink **ret)
{
        return sink_file_open(((DepotFolder *) depot)->dir_fd, incomplete_name, final_name, ret);
}

static int folder_room(Depot *depot, uint64_t *ret_bytes)
{
        const DepotFolder *folder = (const DepotFolder *) depot;
        struct statvfs fs;

        if (fstatvfs(folder->dir_fd >= 0 ? folder->dir_fd : folder->root_fd, &fs) < 0)
                return -errno;
        if (__builtin_mul_overflow((uint64_t) fs.f_bavail, (uint64_t) fs.f_frsize, ret_bytes))
                *ret_bytes = UINT64_MAX;
        return 0;
}

static void folder_free(Depot *depot)
{
        DepotFolder *folder = (DepotFolder *) depot;

        if (folder->dir_is_ours)
                close_fd(folder->dir_fd);
        close_fd(folder->root_fd);
        free(folder->path);
        free(folder->name);
        free(folder);
}

static const DepotOps folder_ops = {
        .name = "folder",
        .begin = folder_begin,
        .open = folder_open,
        .room = folder_room,
        .discard = folder_discard,
        .free = folder_free,
};

int depot_folder_new(int root_fd, const char *path, Depot **ret)
{
        DepotFolder *folder = calloc(1, sizeof(*folder));
        _cleanup_(depot_freep) Depot *depot = (Depot *) folder;

        if (!folder) {
                close_fd(root_fd);
                return -ENOMEM;
        }
        *folder = (DepotFolder){
                .depot.ops = &folder_ops,
                .root_fd = root_fd,
                .path = strdup(path),
                .dir_fd = -EBADF,
                .dir_is_ours = true,
        };
        if (!folder->path)
                return -ENOMEM;
        *ret = TAKE_PTR(depot);
        return 0;
}

int depot_folder_use(int dir_fd, Depot **ret)
{
        DepotFolder *folder = calloc(1, sizeof(*folder));

        if (!folder)
                return -ENOMEM;
        *folder = (DepotFolder){ .depot.ops = &folder_ops, .root_fd = -EBADF, .dir_fd = dir_fd };
        *ret = &folder->depot;
        return 0;
}

int depot_folder_fd(const Depot *depot)
{
        return depot->ops == &folder_ops ? ((const DepotFolder *) depot)->dir_fd : -EOPNOTSUPP;
}
