/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the grammar of a line of kdump.conf: keyword, blanks, value; '#' begins a comment anywhere;
 * one pair of double quotes round the value goes away. It is that of kdump_get_conf_val() in
 * kdump-lib-initramfs.sh of Fedora's kdump-utils, so that existing files mean what they did. */
#include <syslog.h>

#include "config-internal.h"
#include "config-value.h"
#include "words.h"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static int complain_unknown(ConfigFile *file, unsigned line, const char *key)
{
        _cleanup_free_ char *shown = NULL, *name = strndup(key, strcspn(key, "=:"));
        Directive directive;
        int r;

        if (!name)
                return -ENOMEM;
        r = text_display(key, strlen(key), &shown);
        if (r < 0)
                return r;
        if (strlen(name) < strlen(key) && directive_from_string(name) >= 0)
                return config_messages_add(
                        file->messages, LOG_ERR, file->name, line,
                        "unknown directive '%s', expected a blank between '%s' and its value",
                        shown, name);
        directive = directive_closest(key);
        if (directive >= 0)
                return config_messages_add(file->messages, LOG_ERR, file->name, line,
                                           "unknown directive '%s', expected one of those in "
                                           "kdump.conf(5); did you mean '%s'?",
                                           shown, directive_to_string(directive));
        return config_messages_add(file->messages, LOG_ERR, file->name, line,
                                   "unknown directive '%s', expected one of those in kdump.conf(5)",
                                   shown);
}

/* Handles "key value", already free of comments and blanks at both ends. Changes @text. */
static int parse_statement(ConfigFile *file, unsigned line, char *text)
{
        char *value = text + strcspn(text, " \t");
        Directive directive;
        size_t length;

        if (*value)
                *value++ = '\0';
        value += strspn(value, " \t");
        directive = directive_from_string(text);
        if (directive < 0)
                return complain_unknown(file, line, text);
        if (directive_info(directive)->kind == DIRECTIVE_KIND_REMOVED)
                return config_messages_add(
                        file->messages, LOG_WARNING, file->name, line,
                        "'%s' is no longer supported and ignored, use %s instead", text,
                        directive_info(directive)->instead);

        length = strlen(value);
        if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
                value[length - 1] = '\0';
                value++;
        }
        if (value[strspn(value, " \t")] == '\0')
                return config_messages_add(file->messages, LOG_ERR, file->name, line,
                                           "'%s' has no value, expected %s", text,
                                           directive_info(directive)->type->expected);
        return config_file_set(file, line, directive, value);
}

/* Complains about a byte that no text has. Returns 1 if it did. */
static int check_bytes(ConfigFile *file, unsigned line, const char *text, size_t size)
{
        int r = 0;

        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) text[i];

                if ((c >= ' ' && c != 0x7f) || c == '\t')
                        continue;
                if (c == '\0')
                        r = config_messages_add(file->messages, LOG_ERR, file->name, line,
                                                "there is a NUL byte, expected text");
                else
                        r = config_messages_add(
                                file->messages, LOG_ERR, file->name, line,
                                "there is the control character 0x%02x, expected text", c);
                return r < 0 ? r : 1;
        }
        return 0;
}

static int parse_line(ConfigFile *file, unsigned line, const char *text, size_t size)
{
        _cleanup_free_ char *copy = NULL;
        const char *comment;
        int r;

        if (size > CONFIG_LINE_BYTES_MAX)
                return config_messages_add(file->messages, LOG_ERR, file->name, line,
                                           "the line is %zu bytes long, expected at most %d", size,
                                           CONFIG_LINE_BYTES_MAX);
        if (size > 0 && text[size - 1] == '\r')
                size--;
        r = check_bytes(file, line, text, size);
        if (r != 0)
                return MIN(r, 0);

        comment = memchr(text, '#', size);
        if (comment)
                size = (size_t) (comment - text);
        while (size > 0 && is_blank(text[size - 1]))
                size--;
        while (size > 0 && is_blank(*text)) {
                text++;
                size--;
        }
        if (size == 0)
                return 0;
        copy = strndup(text, size);
        if (!copy)
                return -ENOMEM;
        return parse_statement(file, line, copy);
}

int config_file_parse(ConfigFile *file, const char *text, size_t size)
{
        const char *end = text + size;
        int r;

        /* A byte order mark, as some editors leave it */
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                text += 3;

        for (unsigned line = 1; text < end; line++) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                const char *line_end = newline ?: end;

                r = parse_line(file, line, text, (size_t) (line_end - text));
                if (r < 0)
                        return r;
                text = newline ? newline + 1 : end;
        }
        return config_file_end(file);
}
