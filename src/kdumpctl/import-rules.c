/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what several origins do alike with a setting. */
#include "import.h"
#include "io.h"
#include "parse.h"

int import_value(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        r = import_say_from(import, setting);
        if (r >= 0 && rule->text)
                r = import_say(import, "%s", rule->text);
        return r < 0 ? r : import_set(import, rule->directive, setting->value);
}

int import_advise(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        import->n_left++;
        r = import_say_from(import, setting);
        return r < 0 ? r : import_say(import, "%s", rule->text);
}

int import_program(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        if (*setting->value == '/' && !strpbrk(setting->value, " \t\n;&|<>$`\"'"))
                return import_value(import, rule, setting);
        import->n_left++;
        r = import_say_from(import, setting);
        if (r < 0)
                return r;
        return import_say(import,
                          "This is more than the absolute path of one program, and kdumpd runs no "
                          "shell: write it into a file that can be executed, and name that with "
                          "'%s'.",
                          directive_to_string(rule->directive));
}

/* The length of the first word of @text, with what is quoted in it. */
static size_t word_length(const char *text)
{
        const char *p = text;
        char quote = '\0';

        for (; *p && (quote || !strchr(" \t\n", *p)); p++)
                if (*p == quote)
                        quote = '\0';
                else if (!quote && (*p == '"' || *p == '\''))
                        quote = *p;
        return (size_t) (p - text);
}

static const char *word_begins(const char *word, size_t n, const char *prefix)
{
        size_t length = strlen(prefix);

        return n >= length && strncmp(word, prefix, length) == 0 ? word + length : NULL;
}

/* What the words of a command line come to without those that kdumpd has its own mind about. */
typedef struct Words {
        char *kept;
        uint64_t nr_cpus; /* 0: nothing is said of it */
        bool dropped_unit;
} Words;

static void words_done(Words *words)
{
        free(words->kept);
}

static int words_sort_out(const char *text, Words *ret)
{
        char *p = malloc(strlen(text) + 1);

        if (!p)
                return -ENOMEM;
        *ret = (Words){ .kept = p };
        while (*(text += strspn(text, " \t\n"))) {
                size_t n = word_length(text);
                const char *number =
                        word_begins(text, n, "nr_cpus=") ?: word_begins(text, n, "maxcpus=");

                if (number) {
                        _cleanup_free_ char *digits = strndup(number, n - (size_t) (number - text));

                        if (!digits)
                                return -ENOMEM;
                        if (parse_u64(digits, 10, &ret->nr_cpus) < 0)
                                ret->nr_cpus = 1;
                } else if (word_begins(text, n, "systemd.unit=kdump-tools"))
                        ret->dropped_unit = true;
                else {
                        if (p > ret->kept)
                                *p++ = ' ';
                        p = mempcpy(p, text, n);
                }
                text += n;
        }
        *p = '\0';
        return 0;
}

static int set_nr_cpus(Import *import, uint64_t nr_cpus)
{
        _cleanup_free_ char *number = NULL;
        int r;

        if (nr_cpus == 1)
                return import_say(import,
                                  "One CPU is what %s begins with, so that word is left "
                                  "out: kdumpd takes as many as the reserved memory "
                                  "carries. \"nr_cpus 1\" keeps it at one.",
                                  import->origin->title);
        r = strprintf(&number, "%llu", (unsigned long long) nr_cpus);
        return r < 0 ? r : import_set(import, DIRECTIVE_NR_CPUS, number);
}

int import_command_line(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        _cleanup_(words_done) Words words = { 0 };
        int r;

        r = words_sort_out(setting->value, &words);
        if (r >= 0)
                r = import_say_from(import, setting);
        if (r >= 0 && words.dropped_unit)
                r = import_say(import, "systemd.unit= of kdump-tools is left out: the image of "
                                       "kdumpd has a unit of its own.");
        if (r >= 0 && words.nr_cpus > 0)
                r = set_nr_cpus(import, words.nr_cpus);
        if (r >= 0 && rule->text)
                r = import_say(import, "%s", rule->text);
        if (r < 0 || !*words.kept)
                return r;
        return import_set(import, rule->directive, words.kept);
}
