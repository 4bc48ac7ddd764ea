/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading and comparing of CPUs and memory. */
#include "topology.h"

#include <inttypes.h>

#include "generation.h"
#include "io.h"
#include "parse.h"
#include "rootdir.h"

/* Eight times what any architecture can be built for (CONFIG_NR_CPUS). */
#define CPUS_MAX 65536

typedef struct CpuSet {
        bool has[CPUS_MAX];
} CpuSet;

void topology_done(Topology *topology)
{
        free(topology->cpus);
        free(topology->ranges);
        *topology = (Topology){ 0 };
}

/* "3" or "0-3" */
static int read_cpu_word(char *word, CpuSet *set)
{
        const char *begin = strsep(&word, "-");
        uint32_t first, last;
        int r;

        r = parse_u32(begin, &first);
        if (r < 0)
                return r;
        last = first;
        if (word) {
                r = parse_u32(word, &last);
                if (r < 0)
                        return r;
        }
        if (first > last || last >= CPUS_MAX)
                return -ERANGE;
        for (uint32_t i = first; i <= last; i++)
                set->has[i] = true;
        return 0;
}

/* Returns 0 or -ENOMEM. */
static int cpu_set_format(const CpuSet *set, char **ret, size_t *ret_n)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        size_t size, n = 0;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < CPUS_MAX; i++) {
                size_t first = i;

                if (!set->has[i])
                        continue;
                while (i + 1 < CPUS_MAX && set->has[i + 1])
                        i++;
                (void) fprintf(f, "%s%zu", n > 0 ? "," : "", first);
                if (i > first)
                        (void) fprintf(f, "-%zu", i);
                n += i - first + 1;
        }
        if (fclose(TAKE_PTR(f)) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        *ret_n = n;
        return 0;
}

static int read_cpus(int root_fd, Topology *topology)
{
        _cleanup_free_ char *line = NULL;
        _cleanup_free_ CpuSet *set = NULL;
        char *rest, *word;
        int r;

        r = root_read_line(root_fd, "/sys/devices/system/cpu/present", &line);
        if (r < 0)
                return r;
        set = calloc(1, sizeof(*set));
        if (!set)
                return -ENOMEM;
        rest = line;
        while ((word = strsep(&rest, ","))) {
                if (read_cpu_word(word, set) < 0)
                        return -EBADMSG;
        }
        return cpu_set_format(set, &topology->cpus, &topology->n_cpus);
}

static int sum_ranges(Topology *topology)
{
        for (size_t i = 0; i < topology->n_ranges; i++) {
                const IomemRange *range = topology->ranges + i;
                uint64_t bytes;

                if (__builtin_add_overflow(range->last_paddr - range->first_paddr, 1, &bytes) ||
                    __builtin_add_overflow(topology->ram_bytes, bytes, &topology->ram_bytes))
                        return -EBADMSG;
        }
        return 0;
}

int topology_read(int root_fd, Topology *ret)
{
        _cleanup_(topology_done) Topology topology = { 0 };
        int r;

        r = read_cpus(root_fd, &topology);
        if (r < 0)
                return r;
        r = iomem_read(root_fd, "System RAM", &topology.ranges, &topology.n_ranges);
        if (r < 0)
                return r;
        r = sum_ranges(&topology);
        if (r < 0)
                return r;
        *ret = topology;
        topology = (Topology){ 0 };
        return 0;
}

const char *topology_error_text(int error)
{
        switch (-error) {
        case EACCES:
                return "/proc/iomem does not show its addresses: CAP_SYS_ADMIN is needed";
        case E2BIG:
                return "/proc/iomem has more than 65536 ranges of memory";
        case EFBIG:
                return "/proc/iomem is larger than 16 MiB";
        case EBADMSG:
                return "/sys/devices/system/cpu/present or /proc/iomem is malformed";
        case ENODATA:
                return "/proc/iomem has no 'System RAM'";
        default:
                return strerror(-error);
        }
}

bool topology_equal(const Topology *a, const Topology *b)
{
        return streq_ptr(a->cpus, b->cpus) && a->n_ranges == b->n_ranges &&
               (a->n_ranges == 0 ||
                memcmp(a->ranges, b->ranges, a->n_ranges * sizeof(*a->ranges)) == 0);
}

int topology_digest(const Topology *topology, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        size_t size = 0;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fprintf(f, "cpus %s\n", topology->cpus ?: "");
        for (size_t i = 0; i < topology->n_ranges; i++)
                (void) fprintf(f, "ram %" PRIx64 "-%" PRIx64 "\n", topology->ranges[i].first_paddr,
                               topology->ranges[i].last_paddr);
        if (fclose(TAKE_PTR(f)) != 0)
                return -ENOMEM;
        return generation_hash(text, size, ret_hex);
}

/* In the largest unit that shows all of it. */
static int format_memory(uint64_t bytes, char **ret)
{
        static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
        size_t unit = 0;

        while (unit + 1 < ELEMENTSOF(units) && bytes % 1024 == 0) {
                bytes /= 1024;
                unit++;
        }
        return strprintf(ret, "%" PRIu64 " %s of memory", bytes, units[unit]);
}

int topology_describe_change(size_t from_cpus, uint64_t from_ram_bytes, size_t to_cpus,
                             uint64_t to_ram_bytes, char **ret)
{
        _cleanup_free_ char *cpus = NULL, *memory = NULL;
        bool more_cpus = to_cpus > from_cpus, more_memory = to_ram_bytes > from_ram_bytes;
        size_t n_cpus = more_cpus ? to_cpus - from_cpus : from_cpus - to_cpus;
        uint64_t bytes =
                more_memory ? to_ram_bytes - from_ram_bytes : from_ram_bytes - to_ram_bytes;
        const char *cpus_word = more_cpus ? "more" : "fewer";
        const char *memory_word = more_memory ? "more" : "less";
        int r;

        if (n_cpus == 0 && bytes == 0)
                return strprintf(ret, "other CPUs, or memory in other places");
        r = strprintf(&cpus, "%zu CPU%s", n_cpus, n_cpus == 1 ? "" : "s");
        if (r < 0)
                return r;
        r = format_memory(bytes, &memory);
        if (r < 0)
                return r;
        if (bytes == 0)
                return strprintf(ret, "%s %s", cpus, cpus_word);
        if (n_cpus == 0)
                return strprintf(ret, "%s %s", memory, memory_word);
        if (more_cpus && more_memory)
                return strprintf(ret, "%s and %s more", cpus, memory);
        return strprintf(ret, "%s %s and %s %s", cpus, cpus_word, memory, memory_word);
}
