/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the look of times and sizes. */
#include "format.h"

#include <inttypes.h>
#include <time.h>

const char *format_time(uint64_t realtime_usec, char buf[FORMAT_TIME_MAX])
{
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        if (realtime_usec == 0 || !localtime_r(&seconds, &tm) ||
            strftime(buf, FORMAT_TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void) snprintf(buf, FORMAT_TIME_MAX, "-");
        return buf;
}

const char *format_age(uint64_t age_usec, char buf[FORMAT_AGE_MAX])
{
        static const struct {
                const char *name;
                uint64_t seconds;
        } units[] = { { "days", 24 * 3600 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
        uint64_t seconds = age_usec / USEC_PER_SEC;
        size_t i = 0;

        while (i + 1 < ELEMENTSOF(units) && seconds / units[i].seconds < 2)
                i++;
        (void) snprintf(buf, FORMAT_AGE_MAX, "%" PRIu64 " %s ago", seconds / units[i].seconds,
                        units[i].name);
        return buf;
}

const char *format_bytes(uint64_t bytes, char buf[FORMAT_BYTES_MAX])
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
        double value = (double) bytes;
        size_t i = 0;

        while (value >= 1024 && i + 1 < ELEMENTSOF(units)) {
                value /= 1024;
                i++;
        }
        (void) snprintf(buf, FORMAT_BYTES_MAX, i > 0 ? "%.1f %s" : "%.0f %s", value, units[i]);
        return buf;
}
