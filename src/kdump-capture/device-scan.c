/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the look at all block devices. */
#include "device-scan.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "io.h"
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

/* More than any kernel writes (UEVENT_BUFFER_SIZE is 2048). */
#define UEVENT_MAX_BYTES ((size_t) 16 * 1024)

typedef struct Scan {
        int root_fd;
        Tag tag;
        const char *value;
        uint64_t patience_usec;
        char **names; /* in /sys/class/block */
        int answers_fd, answer_fd;
        size_t n_asked; /* and have not answered */
} Scan;

/* What the process that has asked a device says of it. Written at once (PIPE_BUF). */
typedef struct Answer {
        size_t index;
        pid_t pid;
        int r; /* 1: it is the one */
} Answer;

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

/* Newer kernels (since v6.13, part_uevent() in block/partitions/core.c) tell by themselves what
 * they have read of the table, in the form that libblkid has: no disk is asked then. Returns 1 with
 * *ret. */
static int told_partuuid(const Scan *scan, const char *name, char **ret)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        char *rest, *line;

        if (strprintf(&path, "/sys/class/block/%s/uevent", name) < 0)
                return -ENOMEM;
        if (root_read(scan->root_fd, path, UEVENT_MAX_BYTES, &text, NULL) < 0)
                return 0;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                const char *value = startswith(line, "PARTUUID=");

                if (!value)
                        continue;
                *ret = strdup(value);
                return *ret ? 1 : -ENOMEM;
        }
        return 0;
}

/* Whether the table of the disk that it is a part of names it so. */
static int match_partition(const Scan *scan, const char *name)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_(blkid_free_probep) blkid_probe probe = NULL;
        _cleanup_free_ char *disk = NULL, *told = NULL;
        blkid_partlist list;
        blkid_partition partition;
        uint32_t number;
        int r;

        r = scan->tag == TAG_PARTUUID ? told_partuuid(scan, name, &told) : 0;
        if (r != 0)
                return r < 0 ? r : streq(told, scan->value);
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

/* The lock is on the device's folder in /sys, and goes away with the process that asks: a device
 * that hangs is not asked again meanwhile. Returns 1 with *ret_fd; 0 if it is so, or is gone. */
static int device_lock(const Scan *scan, const char *name, int *ret_fd)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (strprintf(&path, "/sys/class/block/%s", name) < 0)
                return -ENOMEM;
        fd = root_open(scan->root_fd, path, O_RDONLY | O_DIRECTORY);
        if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK))
                return 0;
        *ret_fd = TAKE_FD(fd);
        return 1;
}

static _Noreturn void ask(const Scan *scan, size_t index)
{
        const char *name = scan->names[index];
        const Answer answer = {
                .index = index,
                .pid = getpid(),
                .r = scan->tag < TAG_PARTUUID ? match_content(scan, name)
                                              : match_partition(scan, name),
        };

        (void) write_full(scan->answer_fd, &answer, sizeof(answer));
        _exit(EXIT_SUCCESS);
}

/* Has a process of its own ask device @index; if there is no memory for one, it is asked when all
 * are asked again. */
static int ask_start(Scan *scan, size_t index)
{
        _cleanup_close_ int lock_fd = -EBADF;
        pid_t pid;
        int r;

        r = device_lock(scan, scan->names[index], &lock_fd);
        if (r <= 0)
                return r;
        pid = fork();
        if (pid == 0)
                ask(scan, index);
        if (pid > 0)
                scan->n_asked++;
        return 0;
}

/* The next answer, whoever gives it. Returns 1 with *ret_device; 0 if it is no, or does not come: a
 * disk that cannot be read is not the one, or will be asked again. */
static int hear(Scan *scan, char **ret_device)
{
        struct pollfd poll_fd = { .fd = scan->answers_fd, .events = POLLIN };
        uint64_t patience_msec = scan->patience_usec / USEC_PER_MSEC;
        Answer answer;
        int r;

        r = poll(&poll_fd, 1, (int) MIN(patience_msec, (uint64_t) INT_MAX));
        if (r <= 0)
                return r < 0 && errno != EINTR ? -errno : 0;
        r = read_full(scan->answers_fd, &answer, sizeof(answer));
        if (r < 0)
                return r;
        scan->n_asked--;
        (void) waitpid(answer.pid, NULL, 0);
        if (answer.r <= 0)
                return answer.r == -ENOMEM ? -ENOMEM : 0;
        r = device_path(scan->names[answer.index], ret_device);
        return r < 0 ? r : 1;
}

/* One after the other, as memory is short, and of two that match the first is to be taken. Those
 * that have not answered in time are left behind, and heard if they do later. */
static int scan_devices(Scan *scan, char **ret_device)
{
        size_t n_left;
        int r = 0;

        for (size_t i = 0; r == 0 && scan->names && scan->names[i]; i++) {
                size_t n_before = scan->n_asked;

                if (is_floppy(scan->names[i]) || is_empty(scan, scan->names[i]))
                        continue;
                r = ask_start(scan, i);
                if (r == 0 && scan->n_asked > n_before)
                        r = hear(scan, ret_device);
        }
        do {
                n_left = scan->n_asked;
                if (r == 0 && n_left > 0)
                        r = hear(scan, ret_device);
        } while (r == 0 && scan->n_asked < n_left);
        return r != 0 ? MIN(r, 0) : -ENODEV;
}

int device_scan(int root_fd, const char *what, uint64_t patience_usec, char **ret_device)
{
        _cleanup_free_ char *name = NULL, *value = NULL;
        _cleanup_close_ int answers_fd = -EBADF, answer_fd = -EBADF;
        _cleanup_strv_ char **names = NULL;
        Scan scan = { .root_fd = root_fd, .patience_usec = patience_usec };
        int fds[2], r;

        if (blkid_parse_tag_string(what, &name, &value) != 0)
                return -EINVAL;
        scan.tag = tag_from_string(name);
        scan.value = value;
        if (scan.tag < 0)
                return -EINVAL;
        r = root_list(root_fd, "/sys/class/block", &names);
        if (r < 0)
                return r == -ENOENT ? -ENODEV : r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        scan.names = names;
        scan.answers_fd = answers_fd = fds[0];
        scan.answer_fd = answer_fd = fds[1];
        return scan_devices(&scan, ret_device);
}
