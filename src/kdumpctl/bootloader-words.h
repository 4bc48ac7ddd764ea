/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words crashkernel=… in a text file, and their replacement; every other byte stays as it is.
 * Pure. */
#pragma once

#include "macro.h"

/* Whether @line of @size bytes, without its end, holds words of a command line; *ret_begin: from
 * where on. */
typedef bool (*BootLineHasWords)(const char *line, size_t size, size_t *ret_begin);

typedef struct BootWords {
        char *values;  /* what follows crashkernel=, joined by one blank, what stands there again
                          and again once; NULL: there is none */
        unsigned line; /* of the first, from 1 */
        bool plain;    /* they are made of what such a value may have, and hide no variables */
} BootWords;

void boot_words_done(BootWords *words);

int boot_words_find(const char *text, size_t size, BootLineHasWords has_words, BootWords *ret);

/* Makes crashkernel=@value the only one of each line that has one. If none has, it is added to the
 * last line with words; if there is no such line, one that begins with @new_line is added. The
 * caller frees *ret. */
int boot_words_set(const char *text, size_t size, BootLineHasWords has_words, const char *new_line,
                   const char *value, char **ret, size_t *ret_size);

/* Every line that is not empty and no comment. */
bool boot_line_is_no_comment(const char *line, size_t size, size_t *ret_begin);
