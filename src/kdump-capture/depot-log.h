/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a module says, through its DepotHost, and texts that it makes: modules link no log.c. */
#pragma once

#include <stdarg.h>
#include <syslog.h>

#include "depot-module.h"

/* As strprintf(). */
static inline int text_format(char **ret, const char *format, ...) _printf_(2, 3);
static inline int text_format(char **ret, const char *format, ...)
{
        va_list ap;
        char *text;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}

/* Says it at @level and returns @error, so that callers write: return depot_log(…, r, …). */
static inline int depot_log(const DepotHost *host, int level, int error, const char *format, ...)
        _printf_(4, 5);
static inline int depot_log(const DepotHost *host, int level, int error, const char *format, ...)
{
        va_list ap;
        char *text;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        host->log(level, n < 0 ? "Out of memory." : text);
        if (n >= 0)
                free(text);
        return error;
}
