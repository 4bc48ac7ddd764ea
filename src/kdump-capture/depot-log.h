/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a module says, through its DepotHost, and texts that it makes: modules link no log.c. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "depot-module.h"
#include "text.h"

static inline void depot_logv(const DepotHost *host, int level, const char *format, va_list ap)
        __attribute__((format(printf, 3, 0)));
static inline void depot_logv(const DepotHost *host, int level, const char *format, va_list ap)
{
        char *text;

        if (vasprintf(&text, format, ap) < 0) {
                host->log(level, "Out of memory.");
                return;
        }
        /* Libraries quote what servers say, also those that have proved nothing yet: no lines of
         * theirs in the log, and nothing for the terminal that shows it. */
        for (char *p = text; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = '?';
        host->log(level, text);
        free(text);
}

static inline void depot_log(const DepotHost *host, int level, const char *format, ...)
        _printf_(3, 4);
static inline void depot_log(const DepotHost *host, int level, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        depot_logv(host, level, format, ap);
        va_end(ap);
}

/* Says it at @level and returns @error, so that callers write: return depot_log_errno(…, r, …). */
static inline int depot_log_errno(const DepotHost *host, int level, int error, const char *format,
                                  ...) _printf_(4, 5);
static inline int depot_log_errno(const DepotHost *host, int level, int error, const char *format,
                                  ...)
{
        va_list ap;

        va_start(ap, format);
        depot_logv(host, level, format, ap);
        va_end(ap);
        return error;
}
