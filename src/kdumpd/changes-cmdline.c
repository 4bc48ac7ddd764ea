/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the comparison of kernel command lines, word by word. */
#include "changes-internal.h"
#include "cmdline-words.h"
#include "strv.h"
#include "words.h"

static void drop(char **list, size_t i)
{
        free(list[i]);
        for (; list[i]; i++)
                list[i] = list[i + 1];
}

/* Takes out, on both sides, what both have. */
static void drop_common(char **old, char **new)
{
        for (size_t i = 0; old && old[i];) {
                size_t j = 0;

                while (new &&new[j] && !streq(old[i], new[j]))
                        j++;
                if (!new || !new[j]) {
                        i++;
                        continue;
                }
                drop(old, i);
                drop(new, j);
        }
}

static bool same_key(const char *a, const char *b)
{
        size_t n = strcspn(a, "=");

        return a[n] == '=' && strcspn(b, "=") == n && b[n] == '=' && strncmp(a, b, n) == 0;
}

/* Of a secret only what stands before the first "=". */
static int word_text(const char *word, char **ret)
{
        size_t size = changes_text_is_secret(word) ? strcspn(word, "=") : strlen(word);

        return text_line(word, size, VALUE_BYTES_MAX, ret);
}

static int add_pair(char ***lines, const char *old, const char *new)
{
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r;

        r = word_text(old, &from);
        if (r < 0)
                return r;
        r = word_text(new, &to);
        if (r < 0)
                return r;
        if (changes_text_is_secret(old) || changes_text_is_secret(new))
                return strv_extendf(lines, "command line: '%s' has changed", from);
        return strv_extendf(lines, "command line: '%s' → '%s'", from, to);
}

static int add_word(char ***lines, const char *word, const char *what)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = word_text(word, &text);
        if (r < 0)
                return r;
        return strv_extendf(lines, "command line: '%s' is %s", text, what);
}

/* A word that is gone and one that is new, with the same key, are one that is another now. */
static int add_differences(char ***lines, char **old, char **new)
{
        int r;

        for (char **word = old; word && *word && !changes_are_full(*lines); word++) {
                size_t j = 0;

                while (new &&new[j] && !same_key(*word, new[j]))
                        j++;
                if (!new || !new[j])
                        r = add_word(lines, *word, "gone");
                else {
                        r = add_pair(lines, *word, new[j]);
                        drop(new, j);
                }
                if (r < 0)
                        return r;
        }
        for (char **word = new; word &&*word && !changes_are_full(*lines); word++) {
                r = add_word(lines, *word, "new");
                if (r < 0)
                        return r;
        }
        return 0;
}

int changes_cmdline(char ***lines, const char *old, const char *new)
{
        _cleanup_strv_ char **old_words = NULL, **new_words = NULL;
        int r;

        if (streq(old, new))
                return 0;
        r = cmdline_words_split(old, &old_words);
        if (r < 0)
                return r;
        r = cmdline_words_split(new, &new_words);
        if (r < 0)
                return r;
        drop_common(old_words, new_words);
        if ((!old_words || !*old_words) && (!new_words || !*new_words))
                return strv_extend(lines, "command line: the same words, in another order or with "
                                          "other blanks");
        return add_differences(lines, old_words, new_words);
}
