/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how a crashkernel= word is found in a line and replaced. */
#include "bootloader-words.h"

#include "io.h"

#define NAME "crashkernel="

typedef struct Word {
        size_t begin, value, end; /* offsets in the line */
} Word;

typedef struct Line {
        const char *text;
        size_t size; /* without its end */
        size_t end;  /* of the end: 0, 1 or 2 bytes */
        size_t begin;
        bool has_words;
} Line;

void boot_words_done(BootWords *words)
{
        free(words->values);
        *words = (BootWords){ 0 };
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static bool ends_word(char c)
{
        return is_blank(c) || c == '"' || c == '\'' || c == '\r';
}

static bool starts_word(const Line *line, size_t at)
{
        char before = at > line->begin ? line->text[at - 1] : ' ';

        return is_blank(before) || before == '"' || before == '\'' || before == '=';
}

/* The next word at @from or behind. */
static bool word_next(const Line *line, size_t from, Word *ret)
{
        size_t n = strlen(NAME);

        for (size_t at = from; at + n <= line->size; at++) {
                size_t end = at + n;

                if (memcmp(line->text + at, NAME, n) != 0 || !starts_word(line, at))
                        continue;
                while (end < line->size && !ends_word(line->text[end]))
                        end++;
                *ret = (Word){ .begin = at, .value = at + n, .end = end };
                return true;
        }
        return false;
}

/* The line at offset @at; at @size there is none. */
static bool line_at(const char *text, size_t size, size_t at, BootLineHasWords has_words, Line *ret)
{
        const char *newline;
        Line line = { .text = text + at };

        if (at >= size)
                return false;
        newline = memchr(text + at, '\n', size - at);
        line.size = newline ? (size_t) (newline - line.text) : size - at;
        line.end = newline ? 1 : 0;
        if (newline && line.size > 0 && line.text[line.size - 1] == '\r') {
                line.size--;
                line.end++;
        }
        line.has_words = has_words(line.text, line.size, &line.begin);
        *ret = line;
        return true;
}

/* The same value again, such as in a second line, says nothing new. */
static int add_value(BootWords *words, const char *value, size_t size)
{
        char *longer;

        if (words->values && strlen(words->values) == size &&
            memcmp(words->values, value, size) == 0)
                return 0;
        if (strprintf(&longer, "%s%s%.*s", words->values ?: "", words->values ? " " : "",
                      (int) MIN(size, (size_t) 4096), value) < 0)
                return -ENOMEM;
        free(words->values);
        words->values = longer;
        return 0;
}

static bool is_plain(const char *value, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (value[i] == '\0' ||
                    !strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:,@-",
                            value[i]))
                        return false;
        return true;
}

int boot_words_find(const char *text, size_t size, BootLineHasWords has_words, BootWords *ret)
{
        _cleanup_(boot_words_done) BootWords words = { .plain = true };
        unsigned number = 1;
        Line line;

        for (size_t at = 0; line_at(text, size, at, has_words, &line);
             at += line.size + line.end, number++) {
                Word word = { 0 };

                for (size_t from = line.begin; line.has_words && word_next(&line, from, &word);
                     from = word.end) {
                        size_t n = word.end - word.value;

                        if (!words.values)
                                words.line = number;
                        words.plain &= is_plain(line.text + word.value, n);
                        if (add_value(&words, line.text + word.value, n) < 0)
                                return -ENOMEM;
                }
        }
        *ret = words;
        words = (BootWords){ 0 };
        return 0;
}

/* One word is set, those behind it go, each with the blanks before it. */
static void write_replaced(FILE *f, const Line *line, const char *value)
{
        size_t done = 0, from = line->begin;
        bool first = true;
        Word word;

        for (; word_next(line, from, &word); from = word.end, first = false) {
                size_t keep = first ? word.value : word.begin;

                while (!first && keep > done && is_blank(line->text[keep - 1]))
                        keep--;
                (void) fwrite(line->text + done, 1, keep - done, f);
                if (first)
                        (void) fputs(value, f);
                done = word.end;
        }
        (void) fwrite(line->text + done, 1, line->size - done, f);
}

static void write_appended(FILE *f, const Line *line, const char *value)
{
        size_t end = line->size;

        while (end > line->begin && is_blank(line->text[end - 1]))
                end--;
        (void) fwrite(line->text, 1, end, f);
        (void) fprintf(f, "%s" NAME "%s", end > 0 && is_blank(line->text[end - 1]) ? "" : " ",
                       value);
}

/* Where the last line with words is; @size if there is none, or if some line has crashkernel=. */
static size_t find_append(const char *text, size_t size, BootLineHasWords has_words,
                          bool *ret_found)
{
        size_t append = size;
        Line line;
        Word word;

        *ret_found = false;
        for (size_t at = 0; line_at(text, size, at, has_words, &line); at += line.size + line.end) {
                if (!line.has_words)
                        continue;
                append = at;
                if (word_next(&line, line.begin, &word))
                        *ret_found = true;
        }
        return *ret_found ? size : append;
}

static void write_text(FILE *f, const char *text, size_t size, BootLineHasWords has_words,
                       const char *new_line, const char *value)
{
        bool found;
        size_t append = find_append(text, size, has_words, &found);
        const char *end = memmem(text, size, "\r\n", 2) ? "\r\n" : "\n";
        Line line;

        for (size_t at = 0; line_at(text, size, at, has_words, &line); at += line.size + line.end) {
                if (at == append)
                        write_appended(f, &line, value);
                else if (line.has_words)
                        write_replaced(f, &line, value);
                else
                        (void) fwrite(line.text, 1, line.size, f);
                (void) fwrite(line.text + line.size, 1, line.end, f);
        }
        if (found || append < size)
                return;
        if (size > 0 && text[size - 1] != '\n')
                (void) fputs(end, f);
        (void) fprintf(f, "%s" NAME "%s%s", new_line, value, end);
}

int boot_words_set(const char *text, size_t size, BootLineHasWords has_words, const char *new_line,
                   const char *value, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *result = NULL;
        size_t result_size = 0;
        FILE *f = open_memstream(&result, &result_size);
        bool failed;

        if (!f)
                return -ENOMEM;
        write_text(f, text, size, has_words, new_line, value);
        failed = ferror(f);
        if (fclose(f) != 0 || failed)
                return -ENOMEM;
        *ret = TAKE_PTR(result);
        *ret_size = result_size;
        return 0;
}

bool boot_line_is_no_comment(const char *line, size_t size, size_t *ret_begin)
{
        size_t at = 0;

        while (at < size && is_blank(line[at]))
                at++;
        *ret_begin = at;
        return at < size && line[at] != '#';
}
