/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns strict conversions: no sign, no blanks, nothing left over, no silent overflow. */
#include "parse.h"

#include <ctype.h>

#include "io.h"

/* Parses leading digits only; *ret_rest points behind them. */
static int parse_digits(const char *s, unsigned base, uint64_t *ret, const char **ret_rest)
{
        unsigned long long value;
        char *end;

        if (!isxdigit((unsigned char) *s))
                return -EINVAL;
        errno = 0;
        value = strtoull(s, &end, (int) base);
        if (errno)
                return -errno;
        if (end == s)
                return -EINVAL;
        *ret = value;
        *ret_rest = end;
        return 0;
}

int parse_u64(const char *s, unsigned base, uint64_t *ret)
{
        const char *rest;
        uint64_t value;
        int r;

        r = parse_digits(s, base, &value, &rest);
        if (r < 0)
                return r;
        if (*rest)
                return -EINVAL;
        *ret = value;
        return 0;
}

int parse_u32(const char *s, uint32_t *ret)
{
        uint64_t value;
        int r;

        r = parse_u64(s, 10, &value);
        if (r < 0)
                return r;
        if (value > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t) value;
        return 0;
}

int parse_bool(const char *s, bool *ret)
{
        static const char *const yes[] = { "1", "yes", "y", "true", "t", "on" };
        static const char *const no[] = { "0", "no", "n", "false", "f", "off" };

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                if (strcasecmp(s, yes[i]) == 0) {
                        *ret = true;
                        return 0;
                }
                if (strcasecmp(s, no[i]) == 0) {
                        *ret = false;
                        return 0;
                }
        }
        return -EINVAL;
}

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

static int parse_with_unit(const char *s, const Unit *units, size_t n_units, uint64_t *ret)
{
        const char *rest;
        uint64_t value;
        int r;

        r = parse_digits(s, 10, &value, &rest);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_units; i++) {
                if (strcasecmp(rest, units[i].name) != 0)
                        continue;
                if (__builtin_mul_overflow(value, units[i].factor, &value))
                        return -ERANGE;
                *ret = value;
                return 0;
        }
        return -EINVAL;
}

int parse_size_bytes(const char *s, uint64_t *ret_bytes)
{
        static const Unit units[] = {
                { "", 1 },
                { "K", UINT64_C(1) << 10 },
                { "M", UINT64_C(1) << 20 },
                { "G", UINT64_C(1) << 30 },
                { "T", UINT64_C(1) << 40 },
        };

        return parse_with_unit(s, units, ELEMENTSOF(units), ret_bytes);
}

int parse_usec(const char *s, uint64_t *ret_usec)
{
        static const Unit units[] = {
                { "", USEC_PER_SEC },         { "s", USEC_PER_SEC },
                { "sec", USEC_PER_SEC },      { "ms", USEC_PER_MSEC },
                { "m", 60 * USEC_PER_SEC },   { "min", 60 * USEC_PER_SEC },
                { "h", 3600 * USEC_PER_SEC },
        };

        if (streq(s, "infinity")) {
                *ret_usec = USEC_INFINITY;
                return 0;
        }
        return parse_with_unit(s, units, ELEMENTSOF(units), ret_usec);
}

int usec_format(uint64_t usec, char **ret)
{
        if (usec % USEC_PER_SEC == 0)
                return strprintf(ret, "%llus", (unsigned long long) (usec / USEC_PER_SEC));
        return strprintf(ret, "%llums", (unsigned long long) (usec / USEC_PER_MSEC));
}
