/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what memory there is: /proc/iomem, /proc/meminfo, and what more the crash kernel gets. */
#include "loader-facts-internal.h"
#include "memory-info.h"
#include "memory-map.h"
#include "parse.h"
#include "rootdir.h"

#define IOMEM_BYTES_MAX ((size_t) 16 << 20)

/* The range of the line, "100000000-10fffffff", whose end is inside. */
static bool read_cma_line(char *line, Range *ret)
{
        char *last = strchr(line, '-');
        uint64_t end;

        if (!last)
                return false;
        *last++ = '\0';
        if (parse_u64(line, 16, &ret->start) < 0 || parse_u64(last, 16, &end) < 0 ||
            ret->start > end || end == UINT64_MAX)
                return false;
        ret->end = end + 1;
        return true;
}

/* crash_cma_ranges_show() of kernel/kexec_core.c; from v6.17 on until there was a folder,
 * kexec_crash_cma_ranges_show() of kernel/ksysfs.c. */
static int read_cma(int root_fd, LoaderFacts *facts, char **reterr_message)
{
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        int r;

        r = root_read_line(root_fd, "/sys/kernel/kexec/crash_cma_ranges", &text);
        if (r < 0 && !loader_facts_error_passes(r))
                r = root_read_line(root_fd, "/sys/kernel/kexec_crash_cma_ranges", &text);
        if (r < 0)
                return facts_unless_passing(r);
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                Range range;

                if (!*line)
                        continue;
                if (!read_cma_line(line, &range) || !range_list_contains(&facts->ram, range))
                        return facts_fail(reterr_message, -EBADMSG,
                                          "'crash_cma_ranges' of the kernel has '%.40s', which is "
                                          "no range of RAM",
                                          line);
                r = range_list_add(&facts->crash_cma, range.start, range.end);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_iomem(int root_fd, LoaderFacts *facts, char **reterr_message)
{
        _cleanup_free_ char *text = NULL;
        MemoryMap map;
        size_t size;
        int r;

        r = root_read(root_fd, "/proc/iomem", IOMEM_BYTES_MAX, &text, &size);
        if (r < 0 && r != -ENOMEM)
                return facts_fail(reterr_message, facts_error(r), "Failed to read /proc/iomem: %s",
                                  strerror(-r));
        if (r < 0)
                return r;
        r = memory_map_parse(text, size, &map, reterr_message);
        if (r < 0)
                return r;
        facts->ram = map.ram;
        facts->gart = map.gart;
        facts->map = map.map;
        facts->n_map = map.n_map;
        facts->crash = map.crash;
        facts->crash_low = map.crash_low;
        facts->kernel = map.kernel;
        facts->max_paddr = map.ram.ranges[map.ram.n - 1].end;
        return 0;
}

int facts_read_memory(int root_fd, LoaderFacts *facts, char **reterr_message)
{
        MemoryInfo info;
        int r;

        r = read_iomem(root_fd, facts, reterr_message);
        if (r < 0)
                return r;
        if (range_bytes(facts->crash) == 0)
                return facts_fail(reterr_message, -ENODATA,
                                  "No memory is reserved for a crash kernel");
        if (range_bytes(facts->kernel) == 0)
                return facts_fail(reterr_message, -EOPNOTSUPP,
                                  "/proc/iomem has no 'Kernel code' and 'Kernel bss'");
        r = memory_info_read(root_fd, &info);
        if (r < 0 && r != -ENOMEM)
                return facts_fail(reterr_message, facts_error(r),
                                  "Failed to read /proc/meminfo: %s", strerror(-r));
        if (r < 0)
                return r;
        facts->mem_total_bytes = info.total_bytes;
        return read_cma(root_fd, facts, reterr_message);
}
