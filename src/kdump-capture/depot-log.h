/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How modules say what happened: they have none of our logging, but that of their host. */
#pragma once

#include <stdarg.h>
#include <syslog.h>

#include "depot-module.h"

/* What is longer than a line is cut. */
static inline void _printf_(3, 4)
        depot_log(const DepotHost *host, int level, const char *format, ...)
{
        char text[512];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        host->log(level, text);
}
