/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of /proc/meminfo and of the lines of /proc/iomem that are RAM. */
#include "memory-info.h"

#include "io.h"
#include "parse.h"
#include "rootdir.h"

#define MEMINFO_BYTES_MAX ((size_t) 64 << 10)
#define IOMEM_BYTES_MAX ((size_t) 16 << 20)

/* "Name:   123 kB", at the beginning of a line. */
static int meminfo_value(const char *text, const char *name, uint64_t *ret_bytes)
{
        for (const char *line = text; line; line = strchr(line, '\n')) {
                _cleanup_free_ char *digits = NULL;
                const char *p;
                uint64_t kib;

                line += *line == '\n';
                p = startswith(line, name);
                if (!p)
                        continue;
                p += strspn(p, " ");
                digits = strndup(p, strspn(p, "0123456789"));
                if (!digits)
                        return -ENOMEM;
                if (parse_u64(digits, 10, &kib) < 0 ||
                    __builtin_mul_overflow(kib, UINT64_C(1024), ret_bytes))
                        return -EBADMSG;
                return 0;
        }
        return -EBADMSG;
}

int memory_info_parse(const char *text, MemoryInfo *ret)
{
        MemoryInfo info;
        int r;

        r = meminfo_value(text, "MemTotal:", &info.total_bytes);
        if (r < 0)
                return r;
        r = meminfo_value(text, "MemAvailable:", &info.available_bytes);
        if (r < 0)
                return r;
        *ret = info;
        return 0;
}

int memory_info_read(int root_fd, MemoryInfo *ret)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = root_read(root_fd, "/proc/meminfo", MEMINFO_BYTES_MAX, &text, NULL);
        return r < 0 ? r : memory_info_parse(text, ret);
}

/* "00100000-7ffdcfff : System RAM", not indented. Who may not see addresses is shown zeros. */
static uint64_t iomem_line_ram(const char *line)
{
        uint64_t first, last;
        char *end;

        if (*line == ' ')
                return 0;
        first = strtoull(line, &end, 16);
        if (*end != '-')
                return 0;
        last = strtoull(end + 1, &end, 16);
        return streq(end, " : System RAM") && last > first && last < UINT64_MAX ? last - first + 1
                                                                                : 0;
}

uint64_t memory_ram_parse(char *text)
{
        uint64_t total = 0;
        const char *line;
        char *rest = text;

        while ((line = strsep(&rest, "\n")))
                if (__builtin_add_overflow(total, iomem_line_ram(line), &total))
                        return 0;
        return total;
}

int memory_ram_read(int root_fd, uint64_t *ret_bytes)
{
        _cleanup_free_ char *text = NULL;
        uint64_t ram_bytes = 0;
        MemoryInfo info;
        int r;

        r = root_read(root_fd, "/proc/iomem", IOMEM_BYTES_MAX, &text, NULL);
        if (r < 0 && r != -ENOENT && r != -EACCES)
                return r;
        if (r >= 0)
                ram_bytes = memory_ram_parse(text);
        if (ram_bytes == 0) {
                r = memory_info_read(root_fd, &info);
                if (r < 0)
                        return r;
                ram_bytes = info.total_bytes;
        }
        *ret_bytes = ram_bytes;
        return 0;
}
