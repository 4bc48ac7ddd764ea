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

/* For the end of a function that fails: says why in *reterr_message, which is NULL if there is no
 * memory for that. Returns @error. */
static inline int fail_text(int error, char **reterr_message, const char *format, ...)
        _printf_(3, 4);
static inline int fail_text(int error, char **reterr_message, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        if (vasprintf(reterr_message, format, ap) < 0)
                *reterr_message = NULL;
        va_end(ap);
        return error;
}
