/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the names of the kernel's own answers, the ones since v6.19 first. */
#include "live.h"

#include <inttypes.h>

#include "io.h"
#include "parse.h"

static int read_either(int root_fd, const char *path, const char *older_path, char **ret_line)
{
        int r;

        r = file_read_line(root_fd, path, ret_line);
        if (r == -ENOENT)
                r = file_read_line(root_fd, older_path, ret_line);
        return r;
}

int live_crash_loaded(int root_fd)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = read_either(root_fd, "sys/kernel/kexec/crash_loaded", "sys/kernel/kexec_crash_loaded",
                        &line);
        if (r < 0)
                return r;
        return streq(line, "1");
}

int live_crash_size(int root_fd, uint64_t *ret_bytes)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = read_either(root_fd, "sys/kernel/kexec/crash_size", "sys/kernel/kexec_crash_size",
                        &line);
        if (r < 0)
                return r;
        return parse_u64(line, 10, ret_bytes);
}

bool live_is_daemon(int root_fd, uint64_t pid)
{
        _cleanup_free_ char *path = NULL, *name = NULL;

        if (pid == 0 || strprintf(&path, "proc/%" PRIu64 "/comm", pid) < 0)
                return false;
        return file_read_line(root_fd, path, &name) >= 0 && streq(name, "kdumpd");
}
