/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of /proc/iomem: r_show() of the kernel's kernel/resource.c. */
#include "memory-map.h"

#include "loader-facts-internal.h"

/* Two blanks for each level; what is deeper than the kernel's MAX_IORES_LEVEL looks as if it were
 * of that level. */
#define BLANKS_MAX 32U

typedef enum LineKind {
        LINE_OTHER,
        LINE_MAP,
        LINE_RAM,
        LINE_CRASH,
        LINE_GART,
        LINE_KERNEL_FIRST,
        LINE_KERNEL_LAST,
} LineKind;

/* The names are from e820_type_to_string() of arch/x86/kernel/e820.c, from
 * arch/x86/kernel/setup.c, kernel/crash_reserve.c and arch/x86/kernel/amd_gart_64.c. Old kernels
 * wrote "reserved". */
static const struct {
        const char *name;
        LineKind kind;
        MemoryKind memory;
} names[] = {
        { "System RAM", LINE_RAM, MEMORY_RAM },
        { "Reserved", LINE_MAP, MEMORY_RESERVED },
        { "reserved", LINE_MAP, MEMORY_RESERVED },
        { "ACPI Tables", LINE_MAP, MEMORY_ACPI },
        { "ACPI Non-volatile Storage", LINE_MAP, MEMORY_NVS },
        { "Persistent Memory", LINE_MAP, MEMORY_PMEM },
        { "Persistent Memory (legacy)", LINE_MAP, MEMORY_PRAM },
        { "Crash kernel", LINE_CRASH, MEMORY_RAM },
        { "GART", LINE_GART, MEMORY_RAM },
        { "Kernel code", LINE_KERNEL_FIRST, MEMORY_RAM },
        { "Kernel bss", LINE_KERNEL_LAST, MEMORY_RAM },
};

typedef struct Line {
        size_t number, depth;
        uint64_t first, last;
        LineKind kind;
        MemoryKind memory;
} Line;

/* What has been read so far. */
typedef struct Parser {
        MemoryRange *found; /* RAM, and what is for the map */
        size_t n_found, n_allocated;
        bool inside; /* of one that was found, at @inside_depth */
        size_t inside_depth;
        bool any_address;
        Range crash[2];
        size_t n_crash;
        uint64_t kernel_start, kernel_end;
        RangeList gart;
        char **reterr_message;
} Parser;

static void parser_done(Parser *parser)
{
        free(parser->found);
        range_list_done(&parser->gart);
}

void memory_map_done(MemoryMap *map)
{
        if (!map)
                return;
        range_list_done(&map->ram);
        range_list_done(&map->gart);
        free(map->map);
        *map = (MemoryMap){ 0 };
}

static void memory_map_freep(MemoryMap *map)
{
        memory_map_done(map);
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a number of up to 64 bits at *p and goes behind it. */
static bool read_hex(const char **p, const char *end, uint64_t *ret)
{
        const char *begin = *p;
        uint64_t value = 0;

        for (; *p < end && hex_digit(**p) >= 0; (*p)++) {
                if (value >> 60 != 0)
                        return false;
                value = value << 4 | (uint64_t) hex_digit(**p);
        }
        *ret = value;
        return *p > begin;
}

static bool read_text(const char **p, const char *end, const char *text)
{
        size_t n = strlen(text);

        if ((size_t) (end - *p) < n || memcmp(*p, text, n) != 0)
                return false;
        *p += n;
        return true;
}

/* All RAM has a name that begins with "System RAM": drivers add " (kmem)", " (virtio_mem)" and the
 * like (add_memory_driver_managed() of mm/memory_hotplug.c). */
static void find_name(const char *name, size_t size, Line *line)
{
        line->kind = LINE_OTHER;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                size_t n = strlen(names[i].name);

                if (size < n || memcmp(name, names[i].name, n) != 0 ||
                    (size > n && names[i].kind != LINE_RAM))
                        continue;
                line->kind = names[i].kind;
                line->memory = names[i].memory;
                return;
        }
}

/* "  00100000-7ffdcfff : System RAM" */
static bool read_line(const char *p, const char *end, Line *line)
{
        size_t blanks = 0;

        while (p < end && *p == ' ' && blanks <= BLANKS_MAX) {
                blanks++;
                p++;
        }
        if (blanks % 2 != 0 || blanks > BLANKS_MAX || !read_hex(&p, end, &line->first) ||
            !read_text(&p, end, "-") || !read_hex(&p, end, &line->last) ||
            !read_text(&p, end, " : "))
                return false;
        line->depth = blanks / 2;
        find_name(p, (size_t) (end - p), line);
        return true;
}

static int append(Parser *parser, MemoryRange range)
{
        if (parser->n_found == parser->n_allocated) {
                size_t more = MAX(parser->n_allocated * 2, (size_t) 64);
                MemoryRange *found = reallocarray(parser->found, more, sizeof(*found));

                if (!found)
                        return -ENOMEM;
                parser->found = found;
                parser->n_allocated = more;
        }
        parser->found[parser->n_found++] = range;
        return 0;
}

static int add_crash(Parser *parser, Range range)
{
        for (size_t i = 0; i < parser->n_crash; i++)
                if (parser->crash[i].start == range.start && parser->crash[i].end == range.end)
                        return 0;
        if (parser->n_crash == ELEMENTSOF(parser->crash))
                return facts_fail(parser->reterr_message, -EBADMSG,
                                  "/proc/iomem has more than two ranges 'Crash kernel'");
        parser->crash[parser->n_crash++] = range;
        return 0;
}

static int add_range(Parser *parser, const Line *line, bool inside)
{
        Range range = { line->first, line->last + 1 };

        switch (line->kind) {
        case LINE_MAP:
                return inside ? 0 : append(parser, (MemoryRange){ range, line->memory });
        case LINE_RAM:
                return append(parser, (MemoryRange){ range, MEMORY_RAM });
        case LINE_CRASH:
                return add_crash(parser, range);
        case LINE_GART:
                return range_list_add(&parser->gart, range.start, range.end);
        case LINE_KERNEL_FIRST:
                parser->kernel_start = range.start;
                return 0;
        case LINE_KERNEL_LAST:
                parser->kernel_end = range.end;
                return 0;
        case LINE_OTHER:
                return 0;
        }
        return 0;
}

static int add_line(Parser *parser, const Line *line)
{
        bool inside;

        if (parser->inside && line->depth <= parser->inside_depth)
                parser->inside = false;
        inside = parser->inside;
        if (line->first != 0 || line->last != 0)
                parser->any_address = true;
        /* With no address at all, one says so later. A single one is of a bus (a window that was
         * made part of another one stays as an empty line). */
        if (line->kind == LINE_OTHER || (line->first == 0 && line->last == 0))
                return 0;
        if (line->first > line->last || line->last == UINT64_MAX)
                return facts_fail(parser->reterr_message, -EBADMSG,
                                  "Line %zu of /proc/iomem is from 0x%" PRIx64 " to 0x%" PRIx64,
                                  line->number, line->first, line->last);
        if (!inside && (line->kind == LINE_MAP || line->kind == LINE_RAM)) {
                parser->inside = true;
                parser->inside_depth = line->depth;
        }
        return add_range(parser, line, inside);
}

static int read_lines(Parser *parser, const char *text, size_t size)
{
        const char *end = text + size, *next;
        Line line = { 0 };
        int r;

        for (const char *p = text; p < end; p = next) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));

                next = newline ? newline + 1 : end;
                if (++line.number > MEMORY_MAP_LINES_MAX)
                        return facts_fail(parser->reterr_message, -E2BIG,
                                          "/proc/iomem has more than %u lines",
                                          MEMORY_MAP_LINES_MAX);
                if (!read_line(p, newline ? newline : end, &line))
                        return facts_fail(parser->reterr_message, -EBADMSG,
                                          "Line %zu of /proc/iomem is no range of memory",
                                          line.number);
                r = add_line(parser, &line);
                if (r < 0)
                        return r;
        }
        if (line.number > 0 && !parser->any_address)
                return facts_fail(parser->reterr_message, -EACCES,
                                  "The kernel hides the addresses of /proc/iomem from us");
        return 0;
}

static int range_compare(const void *a, const void *b)
{
        const MemoryRange *x = a, *y = b;

        return (x->range.start > y->range.start) - (x->range.start < y->range.start);
}

/* The text is read in pieces, between which memory may come or go and lines move: the same one may
 * be there twice. */
static int add_sorted(MemoryMap *map, MemoryRange range, char **reterr_message)
{
        MemoryRange *last = map->n_map > 0 ? map->map + map->n_map - 1 : NULL;

        if (!last || last->range.end <= range.range.start) {
                map->map[map->n_map++] = range;
                return 0;
        }
        if (last->kind != range.kind)
                return facts_fail(reterr_message, -EBADMSG,
                                  "/proc/iomem has memory of two kinds, %d and %d, at 0x%" PRIx64,
                                  (int) last->kind, (int) range.kind, range.range.start);
        last->range.end = MAX(last->range.end, range.range.end);
        return 0;
}

static int sort_ranges(Parser *parser, MemoryMap *map)
{
        int r;

        if (parser->n_found == 0)
                return 0;
        map->map = calloc(parser->n_found, sizeof(*map->map));
        if (!map->map)
                return -ENOMEM;
        qsort(parser->found, parser->n_found, sizeof(*parser->found), range_compare);
        for (size_t i = 0; i < parser->n_found; i++) {
                MemoryRange range = parser->found[i];

                if (range.kind == MEMORY_RAM)
                        r = range_list_add(&map->ram, range.range.start, range.range.end);
                else
                        r = add_sorted(map, range, parser->reterr_message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_on_map(const MemoryMap *map, Range range)
{
        for (size_t i = 0; i < map->n_map; i++)
                if (range_overlaps(map->map[i].range, range))
                        return true;
        return false;
}

static int check(const MemoryMap *map, char **reterr_message)
{
        if (map->ram.n == 0)
                return facts_fail(reterr_message, -EBADMSG, "/proc/iomem has no 'System RAM'");
        if (!range_list_contains(&map->ram, map->crash) ||
            !range_list_contains(&map->ram, map->crash_low) ||
            range_overlaps(map->crash, map->crash_low) || is_on_map(map, map->crash) ||
            is_on_map(map, map->crash_low))
                return facts_fail(reterr_message, -EBADMSG,
                                  "/proc/iomem has 'Crash kernel' at 0x%" PRIx64
                                  " where it cannot be",
                                  map->crash.start);
        return 0;
}

int memory_map_parse(const char *text, size_t size, MemoryMap *ret, char **reterr_message)
{
        _cleanup_(parser_done) Parser parser = { .reterr_message = reterr_message };
        _cleanup_(memory_map_freep) MemoryMap map = { 0 };
        int r;

        r = read_lines(&parser, text, size);
        if (r < 0)
                return r;
        r = sort_ranges(&parser, &map);
        if (r < 0)
                return r;
        map.crash = parser.crash[0];
        map.crash_low = parser.crash[1];
        if (map.crash_low.start > map.crash.start) {
                map.crash = parser.crash[1];
                map.crash_low = parser.crash[0];
        }
        if (parser.kernel_start < parser.kernel_end)
                map.kernel = (Range){ parser.kernel_start, parser.kernel_end };
        r = check(&map, reterr_message);
        if (r < 0)
                return r;
        map.gart = parser.gart;
        parser.gart = (RangeList){ 0 };
        *ret = map;
        map = (MemoryMap){ 0 };
        return 0;
}
