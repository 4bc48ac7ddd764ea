/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for people and for files that are read again: quoting words, taming what a message shows. */
#pragma once

#include "macro.h"

/* Joins with one blank, with quotes where strv_split() needs them to give the same list. NULL for
 * an empty list. The caller frees *ret. */
int words_format(char *const *list, char **ret);

/* The first @max_bytes bytes of @text in one line: control characters as '?', "…" if it was cut.
 * Never ends inside a character of UTF-8. The caller frees *ret. */
int text_line(const char *text, size_t size, size_t max_bytes, char **ret);

/* The same with a length that fits a message. */
int text_display(const char *text, size_t size, char **ret);
