/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NULL-terminated lists of strings on the heap. A NULL list is an empty list. None of these log. */
#pragma once

#include "macro.h"

char **strv_free(char **list); /* returns NULL */
static inline void strv_freep(char ***list)
{
        strv_free(*list);
}
#define _cleanup_strv_ _cleanup_(strv_freep)

size_t strv_length(char *const *list);
bool strv_contains(char *const *list, const char *s);

/* Whether both have the same strings in the same order. */
bool strv_equal(char *const *a, char *const *b);

/* Appends a copy of @s. Returns 0 or -ENOMEM (the list is then unchanged). */
int strv_extend(char ***list, const char *s);
int strv_extendf(char ***list, const char *format, ...) _printf_(2, 3);
int strv_extend_strv(char ***list, char *const *more);
int strv_copy(char *const *list, char ***ret);

/* Splits at blanks and tabs; runs of them count once; "double" and 'single' quotes keep blanks
 * and are removed. *ret is NULL when there are no words. -EINVAL: a quote is not closed. */
int strv_split(const char *s, char ***ret);

/* Joins with one blank. "" for an empty list. */
int strv_join(char *const *list, char **ret);

void strv_sort(char **list);
