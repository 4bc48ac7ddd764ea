/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of /proc/iomem. */
#include "iomem.h"

#include "rootdir.h"

#define FILE_BYTES_MAX (16 * 1024 * 1024)

typedef struct RangeList {
        IomemRange *ranges;
        size_t n, allocated;
} RangeList;

static void range_list_done(RangeList *list)
{
        free(list->ranges);
}

static int range_list_append(RangeList *list, IomemRange range)
{
        if (list->n >= IOMEM_RANGES_MAX)
                return -E2BIG;
        if (list->n == list->allocated) {
                size_t more = MAX(list->allocated * 2, (size_t) 64);
                IomemRange *ranges = reallocarray(list->ranges, more, sizeof(*ranges));

                if (!ranges)
                        return -ENOMEM;
                list->ranges = ranges;
                list->allocated = more;
        }
        list->ranges[list->n++] = range;
        return 0;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* What follows the number, or NULL if there is none, or one of more than 64 bits. */
static const char *read_hex(const char *p, uint64_t *ret)
{
        uint64_t value = 0;
        const char *begin = p;

        for (int digit; (digit = hex_digit(*p)) >= 0; p++) {
                if (value >> 60 != 0)
                        return NULL;
                value = value << 4 | (uint64_t) digit;
        }
        *ret = value;
        return p > begin ? p : NULL;
}

/* "  00100000-7ffdcfff : System RAM". Returns the name; NULL if this is no such line. */
static const char *read_range(const char *line, IomemRange *ret)
{
        const char *p = line + strspn(line, " ");

        p = read_hex(p, &ret->first_paddr);
        if (!p || *p != '-')
                return NULL;
        p = read_hex(p + 1, &ret->last_paddr);
        return p ? startswith(p, " : ") : NULL;
}

static int read_line(const char *line, const char *name, RangeList *list)
{
        IomemRange range = { 0 };
        const char *theirs;

        if (!strstr(line, name))
                return 0;
        theirs = read_range(line, &range);
        if (!theirs || range.first_paddr > range.last_paddr)
                return -EBADMSG;
        if (range.last_paddr == 0)
                return -EACCES;
        return strstr(theirs, name) ? range_list_append(list, range) : 0;
}

static int range_compare(const void *a, const void *b)
{
        const IomemRange *x = a, *y = b;

        return (x->first_paddr > y->first_paddr) - (x->first_paddr < y->first_paddr);
}

/* Returns how many are left. */
static size_t merge_sorted(IomemRange *ranges, size_t n)
{
        size_t last = 0;

        for (size_t i = 1; i < n; i++) {
                IomemRange *into = ranges + last;

                if (ranges[i].first_paddr <= into->last_paddr ||
                    ranges[i].first_paddr - 1 == into->last_paddr)
                        into->last_paddr = MAX(into->last_paddr, ranges[i].last_paddr);
                else
                        ranges[++last] = ranges[i];
        }
        return last + 1;
}

int iomem_read(int root_fd, const char *name, IomemRange **ret, size_t *ret_n)
{
        _cleanup_(range_list_done) RangeList list = { 0 };
        _cleanup_free_ char *data = NULL;
        const char *line;
        char *rest;
        int r;

        r = root_read(root_fd, "/proc/iomem", FILE_BYTES_MAX, &data, NULL);
        if (r < 0)
                return r;
        rest = data;
        while ((line = strsep(&rest, "\n"))) {
                r = read_line(line, name, &list);
                if (r < 0)
                        return r;
        }
        if (list.n == 0)
                return -ENODATA;
        qsort(list.ranges, list.n, sizeof(*list.ranges), range_compare);
        *ret_n = merge_sorted(list.ranges, list.n);
        *ret = TAKE_PTR(list.ranges);
        return 0;
}
