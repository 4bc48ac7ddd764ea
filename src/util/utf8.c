/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the rules of what is UTF-8 (RFC 3629). */
#include "utf8.h"

/* How many bytes of @s are one character of UTF-8; 0: they are not. Overlong forms and surrogates,
 * which RFC 3629 section 3 excludes, are refused. */
static size_t utf8_length(const char *s)
{
        const uint8_t *p = (const uint8_t *) s;
        size_t n = p[0] < 0x80                   ? 1
                   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                   : (p[0] & 0xf0) == 0xe0       ? 3
                   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                 : 0;

        for (size_t i = 1; i < n; i++)
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
            (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
                return 0;
        return n;
}

void utf8_clean(char *text)
{
        size_t n;

        for (char *p = text; *p; p += MAX(n, (size_t) 1)) {
                n = utf8_length(p);
                if (n == 0)
                        *p = '?';
        }
}
