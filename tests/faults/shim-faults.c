/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded: makes the system calls that write a dump fail as FAULTS says, words with commas
 * between them: short (pwrite() writes a third), interrupted (every second pwrite() is), eio=N and
 * full=N (the N-th pwrite() and all behind it fail), no-fallocate, sync=N (fsync() and
 * sync_file_range() fail from the N-th of both on). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_ulong n_calls, n_syncs;

ssize_t shim_pwrite(int fd, const void *data, size_t size, off_t offset) __asm__("pwrite64");
int shim_fallocate(int fd, int mode, off_t offset, off_t size) __asm__("fallocate64");

static const char *fault(const char *word)
{
        const char *faults = getenv("FAULTS");

        return faults ? strstr(faults, word) : NULL;
}

static int fault_from(const char *word, unsigned long call)
{
        const char *found = fault(word);

        return found && call >= strtoul(found + strlen(word), NULL, 10);
}

ssize_t shim_pwrite(int fd, const void *data, size_t size, off_t offset)
{
        static ssize_t (*next)(int, const void *, size_t, off_t);
        unsigned long call = ++n_calls;

        if (!next)
                next = (ssize_t(*)(int, const void *, size_t, off_t)) dlsym(RTLD_NEXT, "pwrite64");
        errno = fault_from("eio=", call)                ? EIO
                : fault_from("full=", call)             ? ENOSPC
                : fault("interrupted") && call % 2 == 0 ? EINTR
                                                        : 0;
        if (errno != 0)
                return -1;
        return next(fd, data, fault("short") ? (size + 2) / 3 : size, offset);
}

int shim_fallocate(int fd, int mode, off_t offset, off_t size)
{
        static int (*next)(int, int, off_t, off_t);

        if (!next)
                next = (int (*)(int, int, off_t, off_t)) dlsym(RTLD_NEXT, "fallocate64");
        if (fault("no-fallocate")) {
                errno = EOPNOTSUPP;
                return -1;
        }
        return next(fd, mode, offset, size);
}

int fsync(int fd)
{
        static int (*next)(int);

        if (!next)
                next = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
        if (fault_from("sync=", ++n_syncs)) {
                errno = EIO;
                return -1;
        }
        return next(fd);
}

int sync_file_range(int fd, off_t offset, off_t size, unsigned flags)
{
        static int (*next)(int, off_t, off_t, unsigned);

        if (!next)
                next = (int (*)(int, off_t, off_t, unsigned)) dlsym(RTLD_NEXT, "sync_file_range");
        if (fault_from("sync=", ++n_syncs)) {
                errno = EIO;
                return -1;
        }
        return next(fd, offset, size, flags);
}
