/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way of a dump from a raw device to its folder: nothing is taken away from the device
 * before it is safe there. */
#include "verb-collect.h"

#include <fcntl.h>
#include <inttypes.h>

#include "config.h"
#include "io.h"
#include "log.h"
#include "paths.h"
#include "raw-store.h"
#include "resolve-device.h"
#include "rootdir.h"
#include "strv.h"

#define MIB (UINT64_C(1024) * 1024)

/* Opens the device of @what. O_EXCL: the kernel refuses one that is mounted or a part of another
 * (bd_prepare_to_claim() in block/bdev.c). */
static int open_device(int root_fd, const char *what, int flags)
{
        _cleanup_free_ char *name = NULL, *path = NULL;
        int r;

        r = device_find(root_fd, what, &name);
        if (r < 0)
                return r;
        r = strprintf(&path, "/dev/%s", name);
        return r < 0 ? r : root_open(root_fd, path, flags | O_EXCL | O_NOCTTY);
}

/* Returns 1 if there is a dump on the device. */
static int look(int root_fd, const Target *target, RawStore *ret)
{
        _cleanup_close_ int fd = open_device(root_fd, target->what, O_RDONLY);
        int r;

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return log_error_errno(fd, "Failed to open '%s' to look for a dump: %m",
                                       target->what);
        r = raw_store_read(fd, ret);
        if (r == -ENODATA)
                return 0;
        if (r == -EBADMSG || r == -EOPNOTSUPP)
                return log_error_errno(r,
                                       "There is a dump on '%s' that cannot be read: %m. The next "
                                       "dump overwrites it.",
                                       target->what);
        if (r < 0)
                return log_error_errno(r, "Failed to read '%s': %m", target->what);
        return r;
}

static int open_folder(int root_fd, const char *path)
{
        int r, fd;

        r = mkdir_parents(root_fd, root_relative(path), 0700);
        if (r < 0)
                return log_error_errno(r, "Failed to make '%s' for a dump: %m", path);
        fd = root_open(root_fd, path, O_RDONLY | O_DIRECTORY);
        return fd < 0 ? log_error_errno(fd, "Failed to open '%s' for a dump: %m", path) : fd;
}

static int move_dump(int root_fd, const Target *target, RawStore *store)
{
        _cleanup_close_ int fd = -EBADF, folder_fd = -EBADF;
        _cleanup_free_ char *name = NULL;
        size_t n_damaged = 0;
        int r;

        folder_fd = open_folder(root_fd, target->path);
        if (folder_fd < 0)
                return folder_fd;
        fd = open_device(root_fd, target->what, O_RDWR);
        if (fd < 0)
                return log_error_errno(fd, "Failed to open '%s' to move a dump from it: %m",
                                       target->what);
        log_info("Moving a dump of %" PRIu64 " MiB from '%s' to '%s'.",
                 DIV_ROUND_UP(raw_store_bytes(store), MIB), target->what, target->path);
        r = raw_store_copy(fd, store, folder_fd, &name, &n_damaged);
        if (r < 0)
                return log_error_errno(
                        r,
                        "Failed to move the dump '%s' from '%s' to '%s': %m. It stays "
                        "there until the next crash: make room, and run 'systemctl "
                        "start kdump-collect'.",
                        store->folder, target->what, target->path);
        if (n_damaged > 0)
                log_warning("%zu files of the dump '%s/%s' are not as they were written.",
                            n_damaged, target->path, name);
        r = raw_store_clear(fd, store);
        if (r < 0)
                return log_error_errno(r,
                                       "The dump is in '%s/%s', but '%s' could not be told so, and "
                                       "it will be moved again: %m",
                                       target->path, name, target->what);
        log_notice("Moved the dump from '%s' to '%s/%s'.", target->what, target->path, name);
        return 0;
}

/* The same device may be named twice: the second time, it holds nothing. */
int collect_dumps(int root_fd)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        int n_moved = 0, first = 0, r;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        if (r < 0)
                return log_error_errno(r, "The configuration has errors (kdumpctl config), so that "
                                          "no raw device was looked at.");
        for (size_t i = 0; i < config->n_targets; i++) {
                const Target *target = config->targets + i;
                RawStore store;

                if (target->type != TARGET_RAW)
                        continue;
                r = look(root_fd, target, &store);
                if (r > 0) {
                        r = move_dump(root_fd, target, &store);
                        n_moved += r >= 0;
                }
                if (r < 0 && first == 0)
                        first = r;
        }
        return first < 0 ? first : n_moved;
}

int verb_collect(void)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '/': %m");
                return EXIT_FAILURE;
        }
        return collect_dumps(root_fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
