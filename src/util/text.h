/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts from a format. Nothing here has to be linked, so that the modules of kdump-capture, which
 * link none of util, have it too. */
#pragma once

#include <stdarg.h>

#include "macro.h"

/* malloc()ed printf. Returns -ENOMEM; *ret is then as it was. */
static inline int strprintf(char **ret, const char *format, ...) _printf_(2, 3);
static inline int strprintf(char **ret, const char *format, ...)
{
        va_list ap;
        char *s;
        int n;

        va_start(ap, format);
        n = vasprintf(&s, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        *ret = s;
        return 0;
}
