/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is in the overlay and in which order. */
#include "overlay.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "btf.h"
#include "cpio.h"
#include "io.h"
#include "kernel-info.h"
#include "paths.h"
#include "rootdir.h"
#include "strv.h"

/* Scripts and keys; whatever is larger was not meant to be here. */
#define FILE_MAX_BYTES (16U * 1024 * 1024)

/* Of /sys/kernel/notes: a build-id and little else. */
#define NOTES_MAX_BYTES (64U * 1024)

/* Adds the folders above @path that are not in the list yet. */
static int add_parents(char ***folders, const char *path)
{
        for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                _cleanup_free_ char *folder = NULL;
                int r;

                r = strprintf(&folder, "%.*s", (int) (slash - path), path);
                if (r < 0)
                        return r;
                if (strv_contains(*folders, folder))
                        continue;
                r = strv_extend(folders, folder);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The kernel sets the mode of a folder that is there already, so it must be that of the base image,
 * which has it from this system: /root stays closed, /tmp open. */
static uint32_t folder_mode(int root_fd, const char *path)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH | O_NOFOLLOW);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
                return S_IFDIR | 0755;
        return S_IFDIR | (st.st_mode & 07777);
}

static int add_folders(int root_fd, const Needs *needs, CpioWriter *writer)
{
        _cleanup_strv_ char **folders = NULL;
        int r;

        r = add_parents(&folders, PATH_PLAN);
        if (r < 0)
                return r;
        for (size_t i = 0; i < needs->n_files; i++) {
                r = add_parents(&folders, needs->files[i].target);
                if (r < 0)
                        return r;
        }
        /* In lexical order parents come first, as they must. */
        strv_sort(folders);
        for (char **folder = folders; folder && *folder; folder++) {
                r = cpio_add(writer, *folder, folder_mode(root_fd, *folder), NULL, 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_file(int root_fd, const NeededFile *file, CpioWriter *writer, char **reterr_message)
{
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        if (file->text)
                return cpio_add(writer, file->target, S_IFREG | (file->mode & 07777), file->text,
                                strlen(file->text));
        r = root_read(root_fd, file->source, FILE_MAX_BYTES, &data, &size);
        if (r < 0) {
                (void) strprintf(reterr_message, "cannot read '%s': %s", file->source,
                                 strerror(-r));
                return r;
        }
        return cpio_add(writer, file->target, S_IFREG | (file->mode & 07777), data, size);
}

int overlay_kernel_info(int root_fd, char **ret)
{
        _cleanup_free_ char *btf = NULL, *notes = NULL, *release = NULL;
        size_t btf_size, notes_size;

        if (root_read_line(root_fd, "/proc/sys/kernel/osrelease", &release) < 0 ||
            root_read(root_fd, "/sys/kernel/btf/vmlinux", BTF_BYTES_MAX, &btf, &btf_size) < 0)
                return 0;
        (void) root_read(root_fd, "/sys/kernel/notes", NOTES_MAX_BYTES, &notes, &notes_size);
        return kernel_info_make(btf, btf_size, release, notes, notes ? notes_size : 0, ret) >= 0;
}

static int add_kernel_info(int root_fd, CpioWriter *writer)
{
        _cleanup_free_ char *text = NULL;

        if (overlay_kernel_info(root_fd, &text) == 0)
                return 0;
        return cpio_add(writer, PATH_KERNEL_INFO, S_IFREG | 0600, text, strlen(text));
}

int overlay_build(int root_fd, const Plan *plan, const Needs *needs, uint8_t **ret,
                  size_t *ret_size, char **reterr_message)
{
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 };
        _cleanup_free_ char *json = NULL;
        int r;

        r = plan_to_json(plan, &json);
        if (r < 0)
                return r;
        r = add_folders(root_fd, needs, &writer);
        if (r < 0)
                return r;
        r = cpio_add(&writer, PATH_PLAN, S_IFREG | 0600, json, strlen(json));
        if (r < 0)
                return r;
        r = add_kernel_info(root_fd, &writer);
        if (r < 0)
                return r;
        for (size_t i = 0; i < needs->n_files; i++) {
                r = add_file(root_fd, &needs->files[i], &writer, reterr_message);
                if (r < 0)
                        return r;
        }
        r = cpio_add_trailer(&writer);
        if (r < 0)
                return r;

        *ret_size = writer.size;
        *ret = TAKE_PTR(writer.data);
        return 0;
}

static int check_plan(CpioReader *reader)
{
        _cleanup_(plan_freep) Plan *plan = NULL;
        _cleanup_free_ char *json = NULL, *message = NULL;
        size_t size;
        int r;

        r = cpio_read_data(reader, FILE_MAX_BYTES, &json, &size);
        if (r < 0)
                return r;
        return plan_from_json(json, size, &plan, &message);
}

int overlay_check(const uint8_t *data, size_t size)
{
        CpioMemory memory = { data, size };
        CpioReader reader = { .read = cpio_memory_read, .userdata = &memory };
        CpioEntry entry;
        bool found = false;
        int r;

        while ((r = cpio_next(&reader, &entry)) > 0) {
                if (!streq(entry.name, root_relative(PATH_PLAN)))
                        continue;
                r = check_plan(&reader);
                if (r < 0)
                        return r == -ENOMEM ? r : -EBADMSG;
                found = true;
        }
        if (r < 0)
                return r;
        return found ? 0 : -EBADMSG;
}
