/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the look at a target from the running system: its device, its folder, the room on it. */
#include "verify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/statvfs.h>

#include "io.h"
#include "parse.h"
#include "resolve-device.h"
#include "resolve-mount.h"
#include "rootdir.h"
#include "store.h"

#define MIB (UINT64_C(1024) * 1024)

/* One target while it is looked at. */
typedef struct Look {
        Verify *v;
        const Target *target;
        char *text;   /* of the target */
        char *device; /* "vda1" */
        MountPlace place;
        char *path;    /* of the folder, as it is now */
        int fd;        /* of the folder, or of the last one above it that exists */
        bool complete; /* it is the folder itself */
        uint64_t need_bytes;
} Look;

static void look_done(Look *look)
{
        free(look->text);
        free(look->device);
        free(look->path);
        mount_place_done(&look->place);
        close_fd(look->fd);
}

/* Steps return 1 if the next one makes sense, 0 if not. */
static int find_device(Look *look)
{
        Verify *v = look->v;
        const Target *target = look->target;
        int r;

        r = device_find(v->root_fd, target->what, &look->device);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return verify_report_add(
                        &v->report, "target-device", CHECK_FAILED,
                        "%s: there is no '%s' now: connect it, or name another in %s.", look->text,
                        target->what, PATH_CONFIG);
        r = verify_report_add(&v->report, "target-device", CHECK_OK, "%s is /dev/%s.", look->text,
                              look->device);
        return r < 0 ? r : 1;
}

/* Where people see folder @path of the file system, or NULL if what is mounted does not hold it. */
static const char *path_in_mount(const char *path, const char *fs_root)
{
        const char *rest;

        if (streq(fs_root, "/"))
                return path;
        rest = startswith(path, fs_root);
        return rest && (*rest == '/' || *rest == '\0') ? rest : NULL;
}

static int skip_folder(Look *look, const char *why)
{
        return verify_report_add(&look->v->report, "target-folder", CHECK_SKIPPED,
                                 "%s: %s, so its folder was not looked at.", look->text, why);
}

/* Whether what is at the folder's path now is on the target, and not on something mounted there. */
static int folder_is_on_device(Look *look)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_free_ char *rest = NULL, *message = NULL;
        int r;

        r = mount_find_path(look->v->root_fd, look->path, &place, &rest, &message);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return streq_ptr(place.device, look->device);
}

/* The folder's path, as what is mounted holds it. */
static int find_path(Look *look)
{
        const char *inside = path_in_mount(look->target->path ?: "/", look->place.fs_root);
        int r;

        if (!inside)
                return skip_folder(look, "only another folder of it is mounted now");
        r = path_join(look->place.point, inside, &look->path);
        return r < 0 ? r : 1;
}

static int find_mount(Look *look)
{
        int r;

        r = mount_find_device(look->v->root_fd, look->device, &look->place);
        if (r == -ENOMEM)
                return r;
        if (r <= 0)
                return skip_folder(look, "it is not mounted now");
        r = find_path(look);
        if (r <= 0)
                return r;
        r = folder_is_on_device(look);
        if (r < 0)
                return r;
        return r > 0 ? 1 : skip_folder(look, "something else is mounted over it");
}

/* Opens the folder, or the last one above it that there is. */
static int open_existing(Look *look)
{
        _cleanup_free_ char *head = strdup(look->path);

        if (!head)
                return -ENOMEM;
        for (;;) {
                char *slash;

                look->fd = root_open(look->v->root_fd, head, O_RDONLY | O_DIRECTORY);
                if (look->fd >= 0) {
                        look->complete = streq(head, look->path);
                        return 0;
                }
                slash = strrchr(head, '/');
                if (look->fd != -ENOENT || !slash || slash[1] == '\0')
                        return look->fd;
                slash[slash == head] = '\0';
        }
}

static int find_folder(Look *look)
{
        int r;

        r = open_existing(look);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return verify_report_add(&look->v->report, "target-folder", CHECK_FAILED,
                                         "%s: '%s' cannot be opened: %s", look->text, look->path,
                                         strerror(-r));
        r = verify_report_add(
                &look->v->report, "target-folder", CHECK_OK, "%s: '%s' %s.", look->text, look->path,
                look->complete ? "exists" : "does not exist yet: the crash kernel makes it");
        return r < 0 ? r : 1;
}

/* The file has no name, so that nothing is left of it whatever happens; where the file system does
 * not know such files, it is removed at once. */
static int try_write(int dir_fd)
{
        static const char block[4096];
        static const char name[] = ".kdump-verify";
        _cleanup_close_ int fd = openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
        int r;

        if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
                (void) unlinkat(dir_fd, name, 0);
                fd = openat(dir_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC,
                            0600);
                if (fd >= 0 && unlinkat(dir_fd, name, 0) < 0)
                        return -errno;
        }
        if (fd < 0)
                return -errno;
        r = write_full(fd, block, sizeof(block));
        if (r < 0)
                return r;
        /* Some file systems have no room to give before that. */
        return fsync(fd) < 0 ? -errno : 0;
}

static int check_write(Look *look)
{
        VerifyReport *report = &look->v->report;
        int r;

        if (look->place.read_only)
                return verify_report_add(
                        report, "target-write", CHECK_WARNING,
                        "%s is mounted read-only on '%s'. The crash kernel mounts "
                        "it for writing, which fails if errors are the reason: see "
                        "'dmesg'.",
                        look->text, look->place.point);
        r = try_write(look->fd);
        if (r == -EROFS)
                return verify_report_add(report, "target-write", CHECK_SKIPPED,
                                         "%s: '%s' is protected from the service that checks: run "
                                         "'%s verify' to see whether it can be written to.",
                                         look->text, look->path, PATH_HELPER_DIR "/kdumpd");
        if (r < 0)
                return verify_report_add(report, "target-write", CHECK_FAILED,
                                         "%s: '%s' cannot be written to: %s", look->text,
                                         look->path, strerror(-r));
        return verify_report_add(report, "target-write", CHECK_OK, "%s: '%s' can be written to.",
                                 look->text, look->path);
}

CheckStatus verify_room(uint64_t need_bytes, uint64_t free_bytes)
{
        if (need_bytes == 0)
                return CHECK_SKIPPED;
        if (free_bytes >= need_bytes)
                return CHECK_OK;
        return free_bytes < need_bytes / 4 ? CHECK_FAILED : CHECK_WARNING;
}

int verify_add_room(Verify *v, const char *text, uint64_t need_bytes, const uint64_t *free_bytes)
{
        static const char *const words[_CHECK_STATUS_MAX] = {
                [CHECK_OK] = "enough for",
                [CHECK_SKIPPED] = "which may be enough or not: unknown is the size of",
                [CHECK_WARNING] = "which may be too little for",
                [CHECK_FAILED] = "too little for",
        };
        CheckStatus status;

        if (!free_bytes)
                return verify_report_add(&v->report, "target-room", CHECK_SKIPPED,
                                         "%s: the room on it cannot be told.", text);
        status = verify_room(need_bytes, *free_bytes);
        return verify_report_add(
                &v->report, "target-room", status,
                "%s: %" PRIu64 " MiB are free, %s a dump of about %" PRIu64 " MiB%s", text,
                *free_bytes / MIB, words[status], DIV_ROUND_UP(need_bytes, MIB),
                status > CHECK_SKIPPED ? ": remove old dumps, or name another "
                                         "target."
                                       : ".");
}

static int report_room(Look *look, const uint64_t *free_bytes)
{
        return verify_add_room(look->v, look->text, look->need_bytes, free_bytes);
}

static int check_space(Look *look)
{
        struct statvfs st;
        uint64_t free_bytes;

        if (fstatvfs(look->fd, &st) < 0 ||
            __builtin_mul_overflow((uint64_t) st.f_bavail, (uint64_t) st.f_frsize, &free_bytes))
                return report_room(look, NULL);
        return report_room(look, &free_bytes);
}

static int check_dumps_room(Look *look, const DumpStore *store)
{
        uint64_t total_bytes = 0, size_bytes;
        struct statvfs st;

        for (size_t i = 0; i < store->n_entries; i++)
                if (__builtin_add_overflow(total_bytes, store->entries[i].total_bytes,
                                           &total_bytes))
                        total_bytes = UINT64_MAX;
        if (fstatvfs(look->fd, &st) < 0 ||
            __builtin_mul_overflow((uint64_t) st.f_blocks, (uint64_t) st.f_frsize, &size_bytes))
                size_bytes = UINT64_MAX;
        return verify_report_add(
                &look->v->report, "dumps", total_bytes > size_bytes / 2 ? CHECK_WARNING : CHECK_OK,
                "'%s' holds %zu dump%s of %" PRIu64 " MiB%s", look->path, store->n_entries,
                store->n_entries == 1 ? "" : "s", DIV_ROUND_UP(total_bytes, MIB),
                total_bytes > size_bytes / 2
                        ? ", more than half of the file system: remove old ones."
                        : ".");
}

static int check_last_dump(Look *look, const DumpEntry *last)
{
        bool complete = last->has_record && !last->incomplete &&
                        last->record.status == DUMP_STATUS_COMPLETE;

        if (complete)
                return verify_report_add(&look->v->report, "last-dump", CHECK_OK,
                                         "The last dump, '%s/%s', is complete.", look->path,
                                         last->name);
        return verify_report_add(&look->v->report, "last-dump", CHECK_WARNING,
                                 "The last dump, '%s/%s', is not complete: %s", look->path,
                                 last->name,
                                 last->bad_record      ? "its record cannot be read"
                                 : !last->has_record   ? "it has no record"
                                 : last->record.reason ? last->record.reason
                                                       : "it does not say why");
}

static int check_dumps(Look *look)
{
        _cleanup_(dump_store_done) DumpStore store = { 0 };
        int r;

        if (!look->complete)
                return 0;
        r = dump_store_read(look->fd, ".", &store);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return verify_report_add(&look->v->report, "dumps", CHECK_SKIPPED,
                                         "'%s' cannot be listed: %s", look->path, strerror(-r));
        r = check_dumps_room(look, &store);
        if (r < 0 || store.n_entries == 0)
                return r;
        return check_last_dump(look, &store.entries[store.n_entries - 1]);
}

/* The kernel counts in sectors of 512 bytes, whatever the disk has (block/genhd.c). */
static int check_raw(Look *look)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        uint64_t sectors, size_bytes;
        int r;

        r = strprintf(&path, "/sys/class/block/%s/size", look->device);
        if (r < 0)
                return r;
        r = root_read_line(look->v->root_fd, path, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || parse_u64(text, 10, &sectors) < 0 ||
            __builtin_mul_overflow(sectors, UINT64_C(512), &size_bytes))
                return report_room(look, NULL);
        return report_room(look, &size_bytes);
}

/* A mount of NFS or virtiofs, if there is one now; else it is mounted for a trial. */
static int find_remote_mount(Look *look)
{
        int r;

        r = mount_find_source(look->v->root_fd, look->target->what, &look->place);
        if (r == -ENOMEM)
                return r;
        if (r <= 0)
                return verify_trial(look->v, look->target, look->text, look->need_bytes);
        return find_path(look);
}

/* Returns 1 if there is a folder to look into. */
static int find_target(Look *look)
{
        int r;

        switch (look->target->type) {
        case TARGET_FS:
                r = find_device(look);
                return r > 0 ? find_mount(look) : r;
        case TARGET_RAW:
                r = find_device(look);
                return r > 0 ? check_raw(look) : r;
        case TARGET_VIRTIOFS:
                return find_remote_mount(look);
        case TARGET_NFS:
                /* To look into the folder of a server that does not answer may take for ever. */
                r = verify_remote(look->v, look->target, look->text);
                return r > 0 ? find_remote_mount(look) : r;
        default:
                r = verify_remote(look->v, look->target, look->text);
                return r > 0 ? verify_trial(look->v, look->target, look->text, look->need_bytes)
                             : r;
        }
}

static int look_at(Verify *v, const Target *target, uint64_t need_bytes)
{
        _cleanup_(look_done)
                Look look = { .v = v, .target = target, .fd = -EBADF, .need_bytes = need_bytes };
        int r;

        r = target_describe(target, &look.text);
        if (r < 0)
                return r;
        r = find_target(&look);
        if (r > 0)
                r = find_folder(&look);
        if (r <= 0)
                return r;
        r = check_write(&look);
        if (r >= 0)
                r = check_space(&look);
        if (r >= 0)
                r = check_dumps(&look);
        return r;
}

int verify_targets(Verify *v)
{
        _cleanup_free_ char *meminfo = NULL;
        uint64_t need_bytes;
        int r;

        if (!v->plan)
                return verify_report_add(&v->report, "target-device", CHECK_SKIPPED,
                                         "There is no plan, so no target is known.");
        r = root_read(v->root_fd, "/proc/meminfo", MIB, &meminfo, NULL);
        if (r == -ENOMEM)
                return r;
        need_bytes = verify_dump_estimate(meminfo, v->facts.ram_bytes, &v->plan->collector);
        for (size_t i = 0; i < v->plan->n_targets; i++) {
                r = look_at(v, &v->plan->targets[i], need_bytes);
                if (r < 0)
                        return r;
        }
        return v->plan->rootfs ? look_at(v, v->plan->rootfs, need_bytes) : 0;
}
