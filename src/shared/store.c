/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the looking through folders of dumps. What lies there may come from anyone who can write to
 * the target, so nothing is followed, and everything is bounded. */
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "json-fields.h"
#include "paths.h"

static void closedirp(DIR **dir)
{
        if (*dir)
                (void) closedir(*dir);
}

static void entry_done(DumpEntry *entry)
{
        free(entry->name);
        dump_record_done(&entry->record);
        for (size_t i = 0; i < entry->n_files; i++)
                free(entry->files[i].name);
        free(entry->files);
        *entry = (DumpEntry){};
}

void dump_store_done(DumpStore *store)
{
        if (!store)
                return;
        for (size_t i = 0; i < store->n_entries; i++)
                entry_done(&store->entries[i]);
        free(store->entries);
        *store = (DumpStore){};
}

const DumpFile *dump_entry_file(const DumpEntry *entry, const char *name)
{
        for (size_t i = 0; i < entry->n_files; i++)
                if (streq(entry->files[i].name, name))
                        return &entry->files[i];
        return NULL;
}

/* Opens the folder for reading its names. */
static int open_folder(int dir_fd, const char *path, int flags, DIR **ret)
{
        int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | flags);
        int r;

        if (fd < 0)
                return -errno;
        *ret = fdopendir(fd);
        if (*ret)
                return 0;
        r = -errno;
        close_fd(fd);
        return r;
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const DumpFile *) a)->name, ((const DumpFile *) b)->name);
}

static int add_file(DumpEntry *entry, const char *name, uint64_t size_bytes)
{
        DumpFile *bigger = reallocarray(entry->files, entry->n_files + 1, sizeof(*bigger));
        char *copy;

        if (!bigger)
                return -ENOMEM;
        entry->files = bigger;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        entry->files[entry->n_files++] = (DumpFile){ copy, size_bytes };
        if (__builtin_add_overflow(entry->total_bytes, size_bytes, &entry->total_bytes))
                entry->total_bytes = UINT64_MAX;
        return 0;
}

static int list_files(DIR *dir, DumpEntry *entry)
{
        struct dirent *item;
        struct stat st;
        int r;

        while (entry->n_files < STORE_FILES_MAX && (item = readdir(dir))) {
                if (fstatat(dirfd(dir), item->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (!S_ISREG(st.st_mode))
                        continue;
                r = add_file(entry, item->d_name, (uint64_t) st.st_size);
                if (r < 0)
                        return r;
        }
        if (entry->n_files > 0)
                qsort(entry->files, entry->n_files, sizeof(*entry->files), compare_files);
        return 0;
}

/* Reads a regular file, not through a link, of bounded size. */
static int read_meta(int dir_fd, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        fd = openat(dir_fd, FILE_META, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        if (st.st_size > (off_t) JSON_BYTES_MAX)
                return -EFBIG;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        r = read_full(fd, text, (size_t) st.st_size);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        *ret_size = (size_t) st.st_size;
        return 0;
}

static int read_record(int dir_fd, DumpEntry *entry)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = read_meta(dir_fd, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = dump_record_from_json(text, size, &entry->record);
        if (r == -ENOMEM)
                return r;
        entry->has_record = r >= 0;
        entry->bad_record = r < 0;
        return 0;
}

/* Is it a vmcore under its final name ("vmcore", "vmcore.flat" …)? */
static bool is_vmcore(const char *name)
{
        const char *rest = startswith(name, FILE_VMCORE);

        return rest && (*rest == '\0' || *rest == '.');
}

static bool is_dump(const DumpEntry *entry)
{
        if (entry->has_record || entry->bad_record)
                return true;
        for (size_t i = 0; i < entry->n_files; i++)
                if (startswith(entry->files[i].name, FILE_VMCORE))
                        return true;
        return false;
}

static bool is_incomplete(const DumpEntry *entry)
{
        bool vmcore = false;

        for (size_t i = 0; i < entry->n_files; i++) {
                if (streq(entry->files[i].name, FILE_VMCORE_INCOMPLETE))
                        return true;
                vmcore = vmcore || is_vmcore(entry->files[i].name);
        }
        return !vmcore || (entry->has_record && entry->record.status != DUMP_STATUS_COMPLETE);
}

static uint64_t entry_time(const DumpEntry *entry, const struct stat *st)
{
        if (entry->record.crash_realtime_usec > 0)
                return entry->record.crash_realtime_usec;
        if (entry->record.start_realtime_usec > 0)
                return entry->record.start_realtime_usec;
        if (st->st_mtim.tv_sec < 0)
                return 0;
        return (uint64_t) st->st_mtim.tv_sec * USEC_PER_SEC + (uint64_t) st->st_mtim.tv_nsec / 1000;
}

/* Returns 1 with *ret; 0 if the folder @name holds no dump. */
static int read_entry(int dir_fd, const char *name, DumpEntry *ret)
{
        _cleanup_(entry_done) DumpEntry entry = {};
        _cleanup_(closedirp) DIR *dir = NULL;
        struct stat st;
        int r;

        r = open_folder(dir_fd, name, O_NOFOLLOW, &dir);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (fstat(dirfd(dir), &st) < 0)
                return -errno;
        r = read_record(dirfd(dir), &entry);
        if (r < 0)
                return r;
        r = list_files(dir, &entry);
        if (r < 0)
                return r;
        if (!is_dump(&entry))
                return 0;
        entry.name = strdup(name);
        if (!entry.name)
                return -ENOMEM;
        entry.incomplete = is_incomplete(&entry);
        entry.time_realtime_usec = entry_time(&entry, &st);

        *ret = entry;
        entry = (DumpEntry){};
        return 1;
}

static int compare_entries(const void *a, const void *b)
{
        const DumpEntry *x = a, *y = b;

        if (x->time_realtime_usec != y->time_realtime_usec)
                return x->time_realtime_usec < y->time_realtime_usec ? -1 : 1;
        return strcmp(x->name, y->name);
}

static int add_entry(DumpStore *store, int dir_fd, const char *name)
{
        DumpEntry *bigger = reallocarray(store->entries, store->n_entries + 1, sizeof(*bigger));
        int r;

        if (!bigger)
                return -ENOMEM;
        store->entries = bigger;
        r = read_entry(dir_fd, name, &store->entries[store->n_entries]);
        if (r > 0)
                store->n_entries++;
        return MIN(r, 0);
}

int dump_store_read(int dir_fd, const char *path, DumpStore *ret)
{
        _cleanup_(dump_store_done) DumpStore store = {};
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *item;
        int r;

        r = open_folder(dir_fd, path, 0, &dir);
        if (r < 0)
                return r;
        while ((item = readdir(dir))) {
                if (item->d_name[0] == '.')
                        continue;
                if (item->d_type != DT_DIR && item->d_type != DT_UNKNOWN)
                        continue;
                if (store.n_entries >= STORE_ENTRIES_MAX) {
                        store.truncated = true;
                        break;
                }
                r = add_entry(&store, dirfd(dir), item->d_name);
                if (r < 0)
                        return r;
        }
        if (store.n_entries > 0)
                qsort(store.entries, store.n_entries, sizeof(*store.entries), compare_entries);

        *ret = store;
        store = (DumpStore){};
        return 0;
}
