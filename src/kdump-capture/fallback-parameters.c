/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is a module's own on the kernel's command line. */
#include "fallback-parameters.h"

#define BLANKS " \t\n\v\f\r"

/* The next word of *line, cut as next_arg() in lib/cmdline.c cuts them: at blanks outside of double
 * quotes; one that is not closed goes on to the end. Its size is 0 at the end of the line. */
static const char *next_word(const char **line, size_t *ret_size)
{
        const char *word = *line + strspn(*line, BLANKS), *end = word;
        bool quoted = false;

        for (; *end && (quoted || !strchr(BLANKS, *end)); end++)
                quoted ^= *end == '"';
        *ret_size = (size_t) (end - word);
        *line = end;
        return word;
}

/* @path up to the first '.' behind its last '/'. */
static const char *module_name(const char *path, size_t *ret_size)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

        *ret_size = strcspn(name, ".");
        return name;
}

static bool names_equal(const char *a, const char *b, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
                        return false;
        return true;
}

/* What is behind "NAME." in the word, which may begin with a quote; NULL: it is another's. */
static const char *own_part(const char *word, size_t size, const char *name, size_t name_size)
{
        size_t quote = size > 0 && word[0] == '"';

        if (size <= quote + name_size + 1 || word[quote + name_size] != '.' ||
            !names_equal(word + quote, name, name_size))
                return NULL;
        return word + quote + name_size + 1;
}

int fallback_parameters(const char *cmdline, const char *path, char **ret)
{
        _cleanup_free_ char *text = malloc(strlen(cmdline) + 1);
        size_t name_size, size;
        const char *name = module_name(path, &name_size), *word;
        char *end = text;

        if (!text)
                return -ENOMEM;
        while (word = next_word(&cmdline, &size), size > 0) {
                const char *own = own_part(word, size, name, name_size);
                size_t own_size = own ? size - (size_t) (own - word) : 0;

                /* Behind it are arguments for init (parse_args() in kernel/params.c). */
                if (size == 2 && memcmp(word, "--", size) == 0)
                        break;
                if (!own || *own == '=')
                        continue;
                if (end > text)
                        *end++ = ' ';
                if (word[0] == '"')
                        *end++ = '"';
                memcpy(end, own, own_size);
                end += own_size;
        }
        *end = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}
