/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 of files that are looked at again and again: read only if they may have changed. None of
 * these log. */
#pragma once

#include "sha256.h"

/* What was read, by device, inode, size and times. Kept in memory for the life of a process. */
typedef struct FingerprintCache FingerprintCache;

FingerprintCache *fingerprint_cache_new(void); /* NULL: no memory */
FingerprintCache *fingerprint_cache_free(FingerprintCache *cache);
DEFINE_CLEANUP(FingerprintCache *, fingerprint_cache_free);

/* How many files had to be read so far. */
uint64_t fingerprint_cache_reads(const FingerprintCache *cache);

/* Of the regular file @path below @root_fd, which may be a symbolic link. @cache may be NULL: the
 * file is then always read. Returns 0; -EISDIR for a folder, -EINVAL for what is neither, else
 * errors of open(2) and read(2). */
int fingerprint_file(FingerprintCache *cache, int root_fd, const char *path,
                     char ret_hex[static SHA256_HEX_SIZE]);

/* The same when it is @now_nsec, of CLOCK_REALTIME. */
int fingerprint_file_at(FingerprintCache *cache, int root_fd, const char *path, uint64_t now_nsec,
                        char ret_hex[static SHA256_HEX_SIZE]);

/* What an earlier process wrote to @path below @root_fd, in the place of what @cache has. A file
 * that is not ours, or missing, leaves it empty. */
void fingerprint_cache_load(FingerprintCache *cache, int root_fd, const char *path);

/* Writes @path for the next process if anything was read since the last time. Returns 0 or errors
 * of writing. */
int fingerprint_cache_save(FingerprintCache *cache, int root_fd, const char *path);
