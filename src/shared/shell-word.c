/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how words are told apart in a shell's input: POSIX.1-2017, "Shell Command Language", 2.2
 * (quoting) and 2.3 (tokens). */
#include "shell-word.h"

#define NESTING_MAX 64

#define WHY_EXPANSION "holds $… or `…`, which only a shell can fill in"
#define WHY_ARRAY "is a list in parentheses"
#define WHY_TILDE "begins with ~, which only a shell can fill in"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

/* Of the characters that end a word where they are not quoted */
static bool is_meta(char c)
{
        return is_blank(c) || strchr("\n;&|<>()", c) != NULL;
}

static char peek(const ShellReader *reader, size_t at)
{
        return at < (size_t) (reader->end - reader->p) ? reader->p[at] : '\0';
}

static void skip(ShellReader *reader, size_t n)
{
        for (; n > 0 && reader->p < reader->end; n--)
                reader->line += *reader->p++ == '\n';
}

/* Moves behind the next @c. Returns false if there is none. */
static bool skip_behind(ShellReader *reader, char c)
{
        while (reader->p < reader->end && *reader->p != c)
                skip(reader, 1);
        if (reader->p == reader->end)
                return false;
        skip(reader, 1);
        return true;
}

static bool reader_stop(ShellReader *reader, unsigned line, const char *text)
{
        reader->stop = text;
        reader->stop_line = line;
        return false;
}

/* The character that closes what begins at the reader inside of @inside, or NUL. */
static char opens(const ShellReader *reader, char inside)
{
        char c = *reader->p;

        if (c == '$' && peek(reader, 1) == '(')
                return ')';
        if (c == '$' && peek(reader, 1) == '{')
                return '}';
        if (c == '(' && inside == ')')
                return ')';
        return c == '"' || c == '`' ? c : '\0';
}

/* Moves behind $(…), ${…}, `…` or (…), which begins at the reader, with all that is nested in it.
 * Returns false if it does not end. */
static bool skip_nested(ShellReader *reader, char closes, size_t n_opening)
{
        unsigned line = reader->line;
        char stack[NESTING_MAX];
        size_t depth = 1;

        stack[0] = closes;
        skip(reader, n_opening);
        while (reader->p < reader->end && depth > 0) {
                char c = *reader->p, inside = stack[depth - 1];

                if (c == '\\') {
                        skip(reader, 2);
                        continue;
                }
                if (c == inside) {
                        skip(reader, 1);
                        depth--;
                        continue;
                }
                if (c == '\'' && (inside == ')' || inside == '`')) {
                        skip(reader, 1);
                        if (!skip_behind(reader, '\''))
                                break;
                        continue;
                }
                closes = opens(reader, inside);
                if (closes && depth == NESTING_MAX)
                        break;
                if (closes)
                        stack[depth++] = closes;
                skip(reader, closes && c == '$' ? 2 : 1);
        }
        return depth == 0 ||
               reader_stop(reader, line,
                           "what begins here does not end, so nothing behind it was read");
}

/* While a word is read */
typedef struct Building {
        ShellWord *word;
        size_t n;
        bool quoted; /* something was, so that what follows is not plain any more */
} Building;

static void put(Building *building, char c)
{
        building->word->text[building->n++] = c;
        if (!building->quoted)
                building->word->n_plain = building->n;
}

/* At a $: Returns whether all is well. */
static bool take_dollar(ShellReader *reader, Building *building, bool in_quotes)
{
        char next = peek(reader, 1);

        if (next == '(' || next == '{') {
                building->word->why = WHY_EXPANSION;
                return skip_nested(reader, next == '(' ? ')' : '}', 2);
        }
        /* $'…' and $"…" of bash: the quotes are read as plain ones, the value is not known. */
        if ((next >= '0' && next <= '9') || (next >= 'a' && next <= 'z') ||
            (next >= 'A' && next <= 'Z') || (next && strchr("_@*#?-$!", next)) ||
            (!in_quotes && (next == '\'' || next == '"'))) {
                building->word->why = WHY_EXPANSION;
                building->quoted = true;
                skip(reader, next == '\'' || next == '"' ? 1 : 2);
                return true;
        }
        put(building, '$');
        skip(reader, 1);
        return true;
}

static bool take_backquotes(ShellReader *reader, Building *building)
{
        building->word->why = WHY_EXPANSION;
        building->quoted = true;
        return skip_nested(reader, '`', 1);
}

/* Behind the first ". */
static bool take_double_quotes(ShellReader *reader, Building *building)
{
        unsigned line = reader->line;

        while (reader->p < reader->end && *reader->p != '"') {
                char c = *reader->p, next = peek(reader, 1);

                if (c == '\\' && next && strchr("$`\"\\\n", next)) {
                        if (next != '\n')
                                put(building, next);
                        skip(reader, 2);
                } else if (c == '$') {
                        if (!take_dollar(reader, building, true))
                                return false;
                } else if (c == '`') {
                        if (!take_backquotes(reader, building))
                                return false;
                } else {
                        put(building, c);
                        skip(reader, 1);
                }
        }
        if (reader->p == reader->end)
                return reader_stop(reader, line,
                                   "a quote is not closed, so nothing behind it was read");
        skip(reader, 1);
        return true;
}

/* Behind the first '. */
static bool take_single_quotes(ShellReader *reader, Building *building)
{
        unsigned line = reader->line;

        while (reader->p < reader->end && *reader->p != '\'') {
                put(building, *reader->p);
                skip(reader, 1);
        }
        if (reader->p == reader->end)
                return reader_stop(reader, line,
                                   "a quote is not closed, so nothing behind it was read");
        skip(reader, 1);
        return true;
}

static void take_backslash(ShellReader *reader, Building *building)
{
        char next = peek(reader, 1);

        if (next != '\n') {
                building->quoted = true;
                put(building, next ?: '\\');
        }
        skip(reader, 2);
}

/* Whether the word so far is "NAME=", with nothing quoted. */
static bool is_behind_equals(const Building *building)
{
        return building->n > 1 && building->n == building->word->n_plain &&
               building->word->text[building->n - 1] == '=' &&
               memchr(building->word->text, '=', building->n) ==
                       building->word->text + building->n - 1;
}

/* What begins at the reader, and is part of the word. Returns whether all is well. */
static bool take_part(ShellReader *reader, Building *building)
{
        char c = *reader->p;

        switch (c) {
        case '\\':
                take_backslash(reader, building);
                return true;
        case '$':
                return take_dollar(reader, building, false);
        case '`':
                return take_backquotes(reader, building);
        case '(':
                building->word->why = WHY_ARRAY;
                building->quoted = true;
                return skip_nested(reader, ')', 1);
        case '\'':
        case '"':
                building->quoted = true;
                skip(reader, 1);
                return c == '"' ? take_double_quotes(reader, building)
                                : take_single_quotes(reader, building);
        case '~':
                if (is_behind_equals(building))
                        building->word->why = WHY_TILDE;
                break;
        default:
                break;
        }
        put(building, c);
        skip(reader, 1);
        return true;
}

static ShellToken read_word(ShellReader *reader, ShellWord *ret)
{
        Building building = { .word = ret };

        *ret = (ShellWord){ .text = reader->scratch, .line = reader->line };
        while (reader->p < reader->end) {
                bool array = *reader->p == '(' && is_behind_equals(&building);

                if (is_meta(*reader->p) && !array)
                        break;
                if (!take_part(reader, &building))
                        return SHELL_TOKEN_STOP;
        }
        ret->text[building.n] = '\0';
        return SHELL_TOKEN_WORD;
}

/* At a character that is_meta(), and not a blank or a redirection. */
static ShellToken read_operator(ShellReader *reader)
{
        char c = *reader->p;
        bool twice = peek(reader, 1) == c;

        switch (c) {
        case '&':
                reader->op = twice ? SHELL_OPERATOR_AND_OR : SHELL_OPERATOR_BACKGROUND;
                break;
        case '|':
                reader->op = twice ? SHELL_OPERATOR_AND_OR : SHELL_OPERATOR_PIPE;
                break;
        case '(':
                reader->op = SHELL_OPERATOR_OPEN;
                break;
        case ')':
                reader->op = SHELL_OPERATOR_CLOSE;
                break;
        default:
                reader->op = SHELL_OPERATOR_NEWLINE;
        }
        skip(reader, twice && (c == '&' || c == '|') ? 2 : 1);
        return SHELL_TOKEN_OPERATOR;
}

/* Moves to the next thing of interest. Returns false at a here-document: its lines look like
 * commands and are none. */
static bool skip_between(ShellReader *reader)
{
        while (reader->p < reader->end) {
                char c = *reader->p;

                if (c == '#') {
                        while (reader->p < reader->end && *reader->p != '\n')
                                skip(reader, 1);
                } else if (c == '<' && peek(reader, 1) == '<' && peek(reader, 2) != '<')
                        return reader_stop(reader, reader->line,
                                           "a here-document begins, so nothing behind it was read");
                else if (is_blank(c) || c == '<' || c == '>')
                        skip(reader, c == '<' && peek(reader, 1) == '<' ? 3 : 1);
                else if (c == '\\' && peek(reader, 1) == '\n')
                        skip(reader, 2);
                else
                        break;
        }
        return true;
}

ShellToken shell_reader_next(ShellReader *reader, ShellWord *ret)
{
        reader->op = SHELL_OPERATOR_NEWLINE;
        if (reader->stop || !skip_between(reader))
                return SHELL_TOKEN_STOP;
        if (reader->p == reader->end)
                return SHELL_TOKEN_END;
        if (is_meta(*reader->p))
                return read_operator(reader);
        return read_word(reader, ret);
}
