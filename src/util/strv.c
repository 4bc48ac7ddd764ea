/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns string lists: growing, splitting into words, joining. */
#include "strv.h"

#include <stdarg.h>

char **strv_free(char **list)
{
        for (char **s = list; s && *s; s++)
                free(*s);
        free(list);
        return NULL;
}

size_t strv_length(char *const *list)
{
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

bool strv_contains(char *const *list, const char *s)
{
        for (char *const *i = list; i && *i; i++)
                if (streq(*i, s))
                        return true;
        return false;
}

bool strv_equal(char *const *a, char *const *b)
{
        size_t n = strv_length(a);

        if (strv_length(b) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

/* Takes @s on success only. */
static int strv_push(char ***list, char *s)
{
        size_t n = strv_length(*list);
        char **bigger = reallocarray(*list, n + 2, sizeof(char *));

        if (!bigger)
                return -ENOMEM;
        bigger[n] = s;
        bigger[n + 1] = NULL;
        *list = bigger;
        return 0;
}

int strv_extend(char ***list, const char *s)
{
        _cleanup_free_ char *copy = strdup(s);
        int r;

        if (!copy)
                return -ENOMEM;
        r = strv_push(list, copy);
        if (r < 0)
                return r;
        TAKE_PTR(copy);
        return 0;
}

int strv_extendf(char ***list, const char *format, ...)
{
        _cleanup_free_ char *s = NULL;
        va_list ap;
        int n, r;

        va_start(ap, format);
        n = vasprintf(&s, format, ap);
        va_end(ap);
        if (n < 0) {
                s = NULL;
                return -ENOMEM;
        }
        r = strv_push(list, s);
        if (r < 0)
                return r;
        TAKE_PTR(s);
        return 0;
}

int strv_extend_strv(char ***list, char *const *more)
{
        int r;

        for (char *const *s = more; s && *s; s++) {
                r = strv_extend(list, *s);
                if (r < 0)
                        return r;
        }
        return 0;
}

int strv_copy(char *const *list, char ***ret)
{
        _cleanup_strv_ char **copy = NULL;
        int r;

        r = strv_extend_strv(&copy, list);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 0;
}

/* Copies the word at *p into @word (as large as the rest of the input) and moves *p behind it. */
static int next_word(const char **p, char *word)
{
        char quote = '\0';

        for (; **p; (*p)++) {
                if (quote && **p == quote)
                        quote = '\0';
                else if (quote)
                        *word++ = **p;
                else if (**p == '"' || **p == '\'')
                        quote = **p;
                else if (**p == ' ' || **p == '\t')
                        break;
                else
                        *word++ = **p;
        }
        *word = '\0';
        return quote ? -EINVAL : 0;
}

int strv_split(const char *s, char ***ret)
{
        _cleanup_strv_ char **list = NULL;
        _cleanup_free_ char *word = malloc(strlen(s) + 1);
        int r;

        if (!word)
                return -ENOMEM;
        for (;;) {
                s += strspn(s, " \t");
                if (!*s)
                        break;
                r = next_word(&s, word);
                if (r < 0)
                        return r;
                r = strv_extend(&list, word);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

int strv_join(char *const *list, char **ret)
{
        size_t size = 1;
        char *joined, *p;

        for (char *const *s = list; s && *s; s++)
                size += strlen(*s) + 1;
        joined = malloc(size);
        if (!joined)
                return -ENOMEM;
        p = joined;
        for (char *const *s = list; s && *s; s++) {
                if (s != list)
                        *p++ = ' ';
                p = stpcpy(p, *s);
        }
        *p = '\0';
        *ret = joined;
        return 0;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

void strv_sort(char **list)
{
        if (list)
                qsort(list, strv_length(list), sizeof(char *), compare);
}
