/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The readers of each part of LoaderFacts, and what they share. None of these log. */
#pragma once

#include <inttypes.h>

#include "kcore-map.h"
#include "loader-facts.h"
#include "text.h"

/* Gives *reterr_message its text and returns @error. */
static inline int facts_fail(char **reterr_message, int error, const char *format, ...)
        _printf_(3, 4);
static inline int facts_fail(char **reterr_message, int error, const char *format, ...)
{
        va_list ap;
        char *message;
        int n;

        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        *reterr_message = message;
        return error;
}
