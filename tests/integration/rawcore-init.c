/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PID 1, and the only program, of the guest whose memory rawcore.py saves: it sets the guest up,
 * has its memory filled, prints READY and sleeps. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rawcore-workload.h"

int fail(const char *format, ...)
{
        int error = errno;
        va_list ap;

        printf("FAILED ");
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        printf(": %s\n", strerror(error));
        fflush(stdout);
        return -1;
}

uint64_t proc_kib(const char *path, const char *key)
{
        FILE *f = fopen(path, "re");
        char line[256];
        uint64_t kib = 0;

        while (f && fgets(line, sizeof(line), f))
                if (strncmp(line, key, strlen(key)) == 0)
                        kib = strtoull(line + strlen(key), NULL, 10);
        if (f)
                fclose(f);
        return kib;
}

static int write_text(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n;

        if (fd < 0)
                return -1;
        n = write(fd, text, strlen(text));
        close(fd);
        return n == (ssize_t) strlen(text) ? 0 : -1;
}

static int load_modules(void)
{
        FILE *f = fopen("/modules", "re");
        char path[256];

        if (!f)
                return fail("/modules");
        while (fgets(path, sizeof(path), f)) {
                int fd;

                path[strcspn(path, "\n")] = 0;
                fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST &&
                               errno != ENODEV))
                        return fail("%s", path);
                close(fd);
        }
        fclose(f);
        return 0;
}

static int open_console(void)
{
        int fd;

        if (mount("dev", "/dev", "devtmpfs", 0, NULL) < 0 && errno != EBUSY)
                return -1;
        fd = open("/dev/console", O_RDWR);
        if (fd < 0)
                return -1;
        for (int i = 0; i <= 2; i++)
                if (dup2(fd, i) < 0)
                        return -1;
        return 0;
}

/* The disk appears some time after its driver. */
static int mount_disk(void)
{
        for (unsigned tries = 0; tries < 600; tries++) {
                if (mount("/dev/vda", "/disk", "ext4", 0, NULL) == 0)
                        return 0;
                usleep(100000);
        }
        return fail("/dev/vda");
}

static int set_up(void)
{
        if (open_console() < 0)
                return -1;
        if (mount("proc", "/proc", "proc", 0, NULL) < 0 ||
            mount("sys", "/sys", "sysfs", 0, NULL) < 0 ||
            mount("tmp", "/tmp", "tmpfs", 0, "size=90%,nr_inodes=4000000") < 0)
                return fail("mount");
        /* No copies of marked pages: neither by khugepaged nor by compaction. */
        if (write_text("/sys/kernel/mm/transparent_hugepage/khugepaged/defrag", "0") < 0)
                return fail("khugepaged");
        write_text("/proc/sys/vm/compaction_proactiveness", "0"); /* since v5.9 */
        /* What is given back becomes free blocks and does not wait in lists of a CPU; since v5.14.
         */
        write_text("/proc/sys/vm/percpu_pagelist_high_fraction", "1000");
        if (load_modules() < 0)
                return -1;
        return mount_disk();
}

int main(void)
{
        if (set_up() < 0 || workload_make() < 0)
                return 1;
        printf("free %llu kB\nREADY\n", (unsigned long long) proc_kib("/proc/meminfo", "MemFree:"));
        fflush(stdout);
        for (;;)
                pause();
}
