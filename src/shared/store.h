/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DumpStore: the dumps below a folder such as /var/crash, ours and those that others have left. */
#pragma once

#include "record.h"

/* Bounds of what is looked at; what lies beyond is left out and `truncated` says so. */
#define STORE_ENTRIES_MAX 10000
#define STORE_FILES_MAX 256

typedef struct DumpFile {
        char *name;
        uint64_t size_bytes;
} DumpFile;

typedef struct DumpEntry {
        char *name;      /* of the folder */
        bool has_record; /* it has a meta.json that could be read */
        bool bad_record; /* it has one that could not */
        DumpRecord record;
        DumpFile *files; /* regular files, by name */
        size_t n_files;
        uint64_t total_bytes;        /* of these files */
        uint64_t time_realtime_usec; /* of the crash, else of the capture, else of the folder */
        bool incomplete; /* no vmcore, or one of which pages are missing or which was not finished
                          */
} DumpEntry;

typedef struct DumpStore {
        DumpEntry *entries; /* oldest first */
        size_t n_entries;
        bool truncated;
} DumpStore;

void dump_store_done(DumpStore *store);

/* Lists the folders in @path (relative to directory fd @dir_fd) that hold a meta.json or a file
 * whose name begins with "vmcore". Symbolic links below @path are not followed, hidden folders and
 * what cannot be opened are left out. Returns 0, also if there is nothing; errors of opening @path:
 * -ENOENT, -ENOTDIR, -EACCES. Does not log. */
int dump_store_read(int dir_fd, const char *path, DumpStore *ret);

/* The file called @name; NULL if there is none. */
const DumpFile *dump_entry_file(const DumpEntry *entry, const char *name);
