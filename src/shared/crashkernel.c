/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of crashkernel= values that are advised, and the form of such a value. */
#include "crashkernel.h"

#include <ctype.h>

#include "io.h"
#include "parse.h"

#define MIB (UINT64_C(1024) * 1024)
#define GIB (UINT64_C(1024) * MIB)

/* The firmware keeps some of the memory: a machine of 64 GiB shows a little less. The kernel itself
 * rounds up to this when it matches crashkernel= ranges (kernel/crash_reserve.c, since v6.6). */
#define RAM_ROUNDING_BYTES (128 * MIB)

/* More ranges than this make no sense. */
#define RANGES_MAX 64

typedef struct AdviceRow {
        uint64_t below_bytes; /* this row is for less memory than that */
        const char *below;    /* the same as text; "" has no end */
        const char *value;
} AdviceRow;

/* Machines with less than this have none to give away. */
#define ADVICE_FROM "512M"

/* The memory of the crash kernel grows with the machine's because of drivers, which see all of its
 * devices, and of the dump's bitmaps. From 2 GiB on the values are those of other distributions. */
static const AdviceRow advice[] = {
#if defined(__aarch64__)
        { 2 * GIB, "2G", "192M" },
        { 4 * GIB, "4G", "256M" },
        { 64 * GIB, "64G", "320M" },
        { UINT64_MAX, "", "576M" },
#elif defined(__powerpc64__)
        { 2 * GIB, "2G", "320M" }, { 4 * GIB, "4G", "384M" },   { 16 * GIB, "16G", "512M" },
        { 64 * GIB, "64G", "1G" }, { 128 * GIB, "128G", "2G" }, { UINT64_MAX, "", "4G" },
#else
        { 2 * GIB, "2G", "192M" },
        { 64 * GIB, "64G", "256M" },
        { UINT64_MAX, "", "512M" },
#endif
};

#if defined(__aarch64__)
/* Pages of 64 KiB: the same files and tables take more of them. */
static const AdviceRow advice_64k[] = {
        { 2 * GIB, "2G", "292M" },
        { 4 * GIB, "4G", "356M" },
        { 64 * GIB, "64G", "420M" },
        { UINT64_MAX, "", "676M" },
};
#endif

static const AdviceRow *advice_rows(size_t *ret_n)
{
#if defined(__aarch64__)
        if (sysconf(_SC_PAGESIZE) >= 65536) {
                *ret_n = ELEMENTSOF(advice_64k);
                return advice_64k;
        }
#endif
        *ret_n = ELEMENTSOF(advice);
        return advice;
}

static uint64_t round_ram(uint64_t ram_bytes)
{
        return ram_bytes > UINT64_MAX - RAM_ROUNDING_BYTES
                       ? ram_bytes
                       : ALIGN_UP(ram_bytes, RAM_ROUNDING_BYTES);
}

const char *crashkernel_advice(uint64_t ram_bytes)
{
        uint64_t rounded = round_ram(ram_bytes);
        size_t n, i = 0;
        const AdviceRow *rows = advice_rows(&n);

        while (i + 1 < n && rounded >= rows[i].below_bytes)
                i++;
        return rows[i].value;
}

int crashkernel_default(char **ret)
{
        _cleanup_free_ char *text = strdup("");
        const char *from = ADVICE_FROM;
        size_t n;
        const AdviceRow *rows = advice_rows(&n);

        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                char *longer;

                if (strprintf(&longer, "%s%s%s-%s:%s", text, i > 0 ? "," : "", from, rows[i].below,
                              rows[i].value) < 0)
                        return -ENOMEM;
                free(text);
                text = longer;
                from = rows[i].below;
        }
        *ret = TAKE_PTR(text);
        return 0;
}

static int refuse(char **reterr_message, const char *what, const char *at)
{
        if (strprintf(reterr_message, "%s at '%.40s'", what, at) < 0)
                return -ENOMEM;
        return -EINVAL;
}

/* As memparse() in lib/cmdline.c reads a number, whose leading 0 makes it octal: none of ours. */
static int parse_memory(const char **p, uint64_t *ret_bytes, char **reterr_message)
{
        static const char units[] = "KMGTPE";
        _cleanup_free_ char *digits = NULL;
        const char *start = *p, *unit;
        size_t n = strspn(start, "0123456789");
        uint64_t value;

        if (n == 0)
                return refuse(reterr_message, "a size is missing", start);
        if (n > 1 && *start == '0')
                return refuse(reterr_message, "a number must not begin with 0", start);
        digits = strndup(start, n);
        if (!digits)
                return -ENOMEM;
        if (parse_u64(digits, 10, &value) < 0)
                return refuse(reterr_message, "a number is too large", start);
        *p = start + n;
        unit = **p ? strchr(units, toupper((unsigned char) **p)) : NULL;
        if (unit) {
                if (__builtin_mul_overflow(value, UINT64_C(1) << (10 * (unit - units + 1)), &value))
                        return refuse(reterr_message, "a number is too large", start);
                (*p)++;
        }
        *ret_bytes = value;
        return 0;
}

/* @ram_bytes: 0 for any. */
static int parse_size(const char **p, uint64_t ram_bytes, bool zero_is_fine, uint64_t *ret_bytes,
                      char **reterr_message)
{
        const char *start = *p;
        int r;

        r = parse_memory(p, ret_bytes, reterr_message);
        if (r < 0)
                return r;
        if (*ret_bytes == 0 && !zero_is_fine)
                return refuse(reterr_message, "a size of 0 reserves nothing", start);
        if (ram_bytes > 0 && *ret_bytes >= ram_bytes)
                return refuse(reterr_message, "as much as the machine has, or more,", start);
        return 0;
}

/* "@OFFSET", or nothing, up to the end of the value. */
static int parse_end(const char *p, char **reterr_message)
{
        uint64_t offset;
        int r;

        if (*p == '@') {
                p++;
                r = parse_memory(&p, &offset, reterr_message);
                if (r < 0)
                        return r;
        }
        return *p ? refuse(reterr_message, "something unknown", p) : 0;
}

/* One "START-[END]:SIZE". *ret_match: whether it is for this much memory. */
static int parse_range(const char **p, uint64_t ram_bytes, bool done, uint64_t *ret_bytes,
                       bool *ret_match, char **reterr_message)
{
        const char *at = *p;
        uint64_t start, end = UINT64_MAX;
        int r;

        r = parse_memory(p, &start, reterr_message);
        if (r < 0)
                return r;
        if (**p != '-')
                return refuse(reterr_message, "a '-' is missing", *p);
        (*p)++;
        if (**p != ':') {
                r = parse_memory(p, &end, reterr_message);
                if (r < 0)
                        return r;
                if (end <= start)
                        return refuse(reterr_message, "a range ends before it begins", at);
        }
        if (**p != ':')
                return refuse(reterr_message, "a ':' is missing", *p);
        (*p)++;
        /* parse_crashkernel_mem() looks at no range behind the one that matches. Of each one before
         * it, for however much memory that is, it compares the size with this machine's, and
         * refuses the whole value. */
        *ret_match = !done && ram_bytes >= start && ram_bytes < end;
        return parse_size(p, done ? 0 : ram_bytes, !*ret_match, ret_bytes, reterr_message);
}

static int parse_ranges(const char *p, uint64_t ram_bytes, uint64_t *ret_bytes,
                        char **reterr_message)
{
        uint64_t found = 0, size;
        bool match;
        int r;

        for (size_t n = 0;; p++) {
                if (n++ >= RANGES_MAX)
                        return refuse(reterr_message, "too many ranges", p);
                r = parse_range(&p, ram_bytes, ram_bytes == 0 || found > 0, &size, &match,
                                reterr_message);
                if (r < 0)
                        return r;
                if (match)
                        found = size;
                if (*p != ',')
                        break;
        }
        r = parse_end(p, reterr_message);
        if (r < 0)
                return r;
        *ret_bytes = found;
        return 0;
}

int crashkernel_evaluate(const char *value, uint64_t ram_bytes, uint64_t *ret_bytes,
                         char **reterr_message)
{
        const char *p = value;
        uint64_t size;
        int r;

        ram_bytes = round_ram(ram_bytes);
        if (strchr(value, ':'))
                return parse_ranges(value, ram_bytes, ret_bytes, reterr_message);
        r = parse_size(&p, ram_bytes, false, &size, reterr_message);
        if (r < 0)
                return r;
        /* cma since v6.17 */
        if (!streq(p, ",high") && !streq(p, ",low") && !streq(p, ",cma")) {
                r = parse_end(p, reterr_message);
                if (r < 0)
                        return r;
        }
        *ret_bytes = size;
        return 0;
}
