/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the lines that are written: comments, and directives that our own parser takes. */
#include <stdarg.h>

#include "config-internal.h"
#include "config-value.h"
#include "config.h"
#include "import.h"
#include "io.h"
#include "strv.h"

#define COMMENT_COLUMNS 96

static bool is_control(char c)
{
        return (unsigned char) c < ' ' || c == 0x7f;
}

/* @text in lines of at most COMMENT_COLUMNS, as far as its words are not longer. */
static void print_comment(FILE *f, const char *text)
{
        size_t column = 0;

        while (*(text += strspn(text, " "))) {
                size_t n = strcspn(text, " ");

                if (column > 0 && column + 1 + n > COMMENT_COLUMNS) {
                        (void) fputc('\n', f);
                        column = 0;
                }
                (void) fputs(column > 0 ? " " : "# ", f);
                column += column > 0 ? 1 : 2;
                for (size_t i = 0; i < n; i++)
                        (void) fputc(is_control(text[i]) ? '?' : text[i], f);
                column += n;
                text += n;
        }
        (void) fputc('\n', f);
}

int import_say(Import *import, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }
        print_comment(import->out, text);
        return 0;
}

int import_say_from(Import *import, const ShellSetting *setting)
{
        (void) fputc('\n', import->out);
        return import_say(import, "From %s, %s:%u:", setting->name, import->file, setting->line);
}

static bool takes_words(const DirectiveInfo *info)
{
        return info->type == &value_words || info->type == &value_text ||
               info->type == &value_collector;
}

/* Where a value is words, the end of a line in it is a blank, as it was for the shell's program. */
static int copy_value(const DirectiveInfo *info, const char *value, char **ret)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        for (char *p = copy; takes_words(info) && *p; p++)
                if (*p == '\n' || *p == '\t')
                        *p = ' ';
        *ret = copy;
        return 0;
}

/* What no value of kdump.conf may hold, whatever its type; NULL: nothing of that. */
static const char *find_misfit(const DirectiveInfo *info, const char *value)
{
        /* With a sign in front, and blanks and quotes around it */
        if (strlen(info->name) + strlen(value) + 4 > CONFIG_LINE_BYTES_MAX)
                return "a value of fewer bytes";
        if (*value && !value[strspn(value, " \t")])
                return "more than blanks";
        for (const char *p = value; *p; p++) {
                if (*p == '#')
                        return "a value without '#', which begins a comment in kdump.conf";
                if (is_control(*p))
                        return "text without control characters";
        }
        return NULL;
}

/* What our parser would say of it. Returns 0; -EINVAL with *ret_expected; -ENOMEM. */
static int check_value(const DirectiveInfo *info, const char *value, char **ret_expected)
{
        _cleanup_(config_freep) Config *scratch = calloc(1, sizeof(*scratch));
        const char *misfit = find_misfit(info, value);
        uint8_t *base = (uint8_t *) scratch;
        int r;

        if (!scratch)
                return -ENOMEM;
        if (misfit)
                return strprintf(ret_expected, "%s", misfit) < 0 ? -ENOMEM : -EINVAL;
        if (info->kind != DIRECTIVE_KIND_SETTING)
                base = (uint8_t *) &scratch->general;
        r = info->type->parse(value, base + info->offset, ret_expected);
        if (r == 0 || r == -ENOMEM)
                return r;
        if (!*ret_expected && strprintf(ret_expected, "%s", info->type->expected) < 0)
                return -ENOMEM;
        return -EINVAL;
}

bool import_acts(const Import *import, Directive directive)
{
        return import->assume_acted_on || directive_info(directive)->acted_on;
}

static void print_directive(Import *import, const DirectiveInfo *info, const char *value, bool acts)
{
        if (!acts)
                (void) fputc('#', import->out);
        config_print(import->out, info->name, value);
}

/* Says why @value does not fit, if so. Returns 1 if it fits, with the text to write. */
static int fit_value(Import *import, const DirectiveInfo *info, const char *value, char **ret)
{
        _cleanup_free_ char *copy = NULL, *expected = NULL;
        int r;

        r = copy_value(info, value, &copy);
        if (r < 0)
                return r;
        r = check_value(info, copy, &expected);
        if (r == -EINVAL) {
                import->n_left++;
                return import_say(import,
                                  "The value does not fit '%s', which takes %s: set it by hand.",
                                  info->name, expected);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(copy);
        return 1;
}

static int say_not_acted_on(Import *import, const DirectiveInfo *info)
{
        return import_say(import,
                          "'%s' is known to this version of kdumpd, but not acted on yet. Once it "
                          "is, take the sign in front of it away.",
                          info->name);
}

int import_set(Import *import, Directive directive, const char *value)
{
        const DirectiveInfo *info = directive_info(directive);
        _cleanup_free_ char *text = NULL;
        int r;

        if (import->written[directive]) {
                import->n_left++;
                return import_say(import, "'%s' is set above already.", info->name);
        }
        r = fit_value(import, info, value, &text);
        if (r <= 0)
                return r;
        if (!import_acts(import, directive)) {
                r = say_not_acted_on(import, info);
                if (r < 0)
                        return r;
        }
        import->n_carried++;
        import->written[directive] = true;
        print_directive(import, info, text, import_acts(import, directive));
        return 0;
}

int import_set_target(Import *import, Directive directive, const char *what, const char *path)
{
        const DirectiveInfo *info = directive_info(directive);
        const DirectiveInfo *path_info = directive_info(DIRECTIVE_PATH);
        _cleanup_free_ char *what_text = NULL, *path_text = NULL;
        int r;

        r = fit_value(import, info, what, &what_text);
        if (r > 0)
                r = fit_value(import, path_info, path, &path_text);
        if (r <= 0)
                return r;
        if (!import_acts(import, directive)) {
                r = say_not_acted_on(import, info);
                if (r >= 0)
                        r = import_say(import, "Until then dumps go to a folder on this machine.");
                if (r < 0)
                        return r;
        }
        import->n_carried++;
        import->written[directive] = true;
        print_directive(import, info, what_text, import_acts(import, directive));
        print_directive(import, path_info, path_text, import_acts(import, directive));
        return 0;
}
