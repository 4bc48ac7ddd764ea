/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole reads and writes, and files that appear complete or not at all. None of these log. */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "text.h"

/* Reads @path (relative to directory fd @dir_fd, or AT_FDCWD) up to end of file, at most
 * @max_bytes. *ret_data gets a NUL behind its last byte and is the caller's to free; NUL bytes
 * inside are kept. Returns 0; -EFBIG if it is longer, -EISDIR for a folder, else open/read errors.
 */
int file_read(int dir_fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_size);

/* The same of an open file, from its position on. */
int fd_read(int fd, size_t max_bytes, char **ret_data, size_t *ret_size);

/* Takes the newlines at the end of @text away. */
void cut_newlines(char *text);

/* As file_read(), for small one-line files such as those of /sys: trailing newlines are cut. */
int file_read_line(int dir_fd, const char *path, char **ret_line);

/* Reads exactly @size bytes. Returns 0; -ENODATA at an early end of file. */
int read_full(int fd, void *buf, size_t size);
int pread_full(int fd, void *buf, size_t size, uint64_t offset_bytes);

int write_full(int fd, const void *buf, size_t size);
int pwrite_full(int fd, const void *buf, size_t size, uint64_t offset_bytes);

/* Copies all of @from_fd, from its position on, to @to_fd. *ret_bytes may be NULL. */
int fd_copy(int from_fd, int to_fd, uint64_t *ret_bytes);

/* Makes @path hold @data: temporary name beside it, fsync, rename, fsync of the folder. It has
 * @mode under any umask. */
int file_write_atomic(int dir_fd, const char *path, const void *data, size_t size, mode_t mode);

/* mkdir -p: each missing part of @path gets @mode, under any umask that lets us read. An existing
 * folder is fine. */
int mkdir_parents(int dir_fd, const char *path, mode_t mode);

/* fsync()s the folder @path so that names made or renamed in it are on disk. */
int fsync_path(int dir_fd, const char *path);

/* Nanoseconds of @clock; 0 if it cannot be read. */
uint64_t clock_nsec(clockid_t clock);

/* Microseconds of CLOCK_BOOTTIME and of CLOCK_REALTIME. */
uint64_t now_boottime_usec(void);
uint64_t now_realtime_usec(void);

/* Has this time of CLOCK_BOOTTIME come? 0 and USEC_INFINITY never come. */
bool deadline_passed(uint64_t deadline_usec);
