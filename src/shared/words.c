/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the quoting of words and the cutting of text for messages. */
#include "words.h"

#define TEXT_DISPLAY_MAX 60

/* Puts @word behind @p, which has room for three times its length and two more. */
static char *word_quote(char *p, const char *word)
{
        if (*word && !strpbrk(word, " \t\"'"))
                return stpcpy(p, word);
        if (!strchr(word, '"')) {
                *p++ = '"';
                p = stpcpy(p, word);
                *p++ = '"';
                return p;
        }
        /* A " goes into '…', all else into "…", side by side. */
        for (; *word; word++) {
                char quote = *word == '"' ? '\'' : '"';

                *p++ = quote;
                *p++ = *word;
                *p++ = quote;
        }
        return p;
}

int words_format(char *const *list, char **ret)
{
        size_t size = 1;
        char *joined, *p;

        for (char *const *s = list; s && *s; s++)
                size += 3 * strlen(*s) + 3;
        if (size == 1) {
                *ret = NULL;
                return 0;
        }
        joined = p = malloc(size);
        if (!joined)
                return -ENOMEM;
        for (char *const *s = list; *s; s++) {
                if (s != list)
                        *p++ = ' ';
                p = word_quote(p, *s);
        }
        *p = '\0';
        *ret = joined;
        return 0;
}

int text_line(const char *text, size_t size, size_t max_bytes, char **ret)
{
        size_t shown = MIN(size, max_bytes);
        bool cut = shown < size;
        char *copy;

        while (cut && shown > 0 && ((unsigned char) text[shown] & 0xc0) == 0x80)
                shown--;
        copy = malloc(shown + sizeof("…"));
        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < shown; i++)
                copy[i] = (unsigned char) text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
        (void) stpcpy(copy + shown, cut ? "…" : "");
        *ret = copy;
        return 0;
}

int text_display(const char *text, size_t size, char **ret)
{
        return text_line(text, size, TEXT_DISPLAY_MAX, ret);
}
