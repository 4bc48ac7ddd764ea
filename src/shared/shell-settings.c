/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what makes a command an assignment: the list of settings, and the grammar above words. The
 * grammar is that of "Shell Command Language" in POSIX.1-2017, and `+=` and arrays of bash. */
#include "shell-settings.h"

#include "io.h"
#include "shell-word.h"

#define WHY_CONDITION "depends on a condition, a function or a pipe"

/* While a command is read: its assignments, which count if no other command follows them. */
typedef struct Command {
        ShellSettings own;
        unsigned line;
        bool exports; /* it is `export` or one of its kin: all its assignments count */
        bool other;   /* it is some other command */
        bool empty;
} Command;

typedef struct Parser {
        ShellReader reader;
        ShellSettings *settings;
        unsigned blocks, parentheses; /* how deep in if … fi and the like, and in ( … ) */
        bool behind_operator;         /* of && and ||, or in a pipe */
} Parser;

static void setting_done(ShellSetting *setting)
{
        free(setting->name);
        free(setting->value);
}

void shell_settings_done(ShellSettings *settings)
{
        if (!settings)
                return;
        for (size_t i = 0; i < settings->n_items; i++)
                setting_done(&settings->items[i]);
        free(settings->items);
        free(settings->remarks);
        *settings = (ShellSettings){};
}

const ShellSetting *shell_settings_find(const ShellSettings *settings, const char *name)
{
        for (size_t i = 0; i < settings->n_items; i++)
                if (streq(settings->items[i].name, name))
                        return &settings->items[i];
        return NULL;
}

static int add_remark(ShellSettings *settings, unsigned line, const char *text)
{
        ShellRemark *bigger;

        /* One for a line; and who wants to read so many? */
        if (settings->n_remarks >= SHELL_REMARKS_MAX ||
            (settings->n_remarks > 0 && settings->remarks[settings->n_remarks - 1].line == line))
                return 0;
        bigger = reallocarray(settings->remarks, settings->n_remarks + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        settings->remarks = bigger;
        settings->remarks[settings->n_remarks++] = (ShellRemark){ line, text };
        return 0;
}

/* Takes @setting, also on failure. */
static int settings_push(ShellSettings *settings, ShellSetting *setting)
{
        ShellSetting *bigger;

        if (settings->n_items >= SHELL_SETTINGS_MAX) {
                setting_done(setting);
                return -EFBIG;
        }
        bigger = reallocarray(settings->items, settings->n_items + 1, sizeof(*bigger));
        if (!bigger) {
                setting_done(setting);
                return -ENOMEM;
        }
        settings->items = bigger;
        settings->items[settings->n_items++] = *setting;
        return 0;
}

static bool is_name_start(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The length of the name if @word is NAME=… or NAME+=…, or 0. */
static size_t assignment_name_length(const ShellWord *word)
{
        size_t n = 0;

        while (is_name_start(word->text[n]) ||
               (n > 0 && word->text[n] >= '0' && word->text[n] <= '9'))
                n++;
        if (n == 0 || n >= word->n_plain)
                return 0;
        if (word->text[n] == '=')
                return n;
        return word->text[n] == '+' && n + 1 < word->n_plain && word->text[n + 1] == '=' ? n : 0;
}

/* What was set before, by this command or an earlier one. */
static const ShellSetting *find_before(const Parser *parser, const Command *command,
                                       const char *name)
{
        for (size_t i = command->own.n_items; i > 0; i--)
                if (streq(command->own.items[i - 1].name, name))
                        return &command->own.items[i - 1];
        return shell_settings_find(parser->settings, name);
}

static int append_to(const ShellSetting *before, ShellSetting *setting)
{
        char *joined;
        int r;

        if (!before || !setting->value)
                return 0;
        if (!before->value) {
                free(setting->value);
                setting->value = NULL;
                setting->why = before->why;
                return 0;
        }
        if (strlen(before->value) + strlen(setting->value) > SHELL_VALUE_BYTES_MAX)
                return -EFBIG;
        r = strprintf(&joined, "%s%s", before->value, setting->value);
        if (r < 0)
                return r;
        free(setting->value);
        setting->value = joined;
        return 0;
}

static int add_assignment(Parser *parser, Command *command, const ShellWord *word, size_t length)
{
        bool append = word->text[length] == '+';
        ShellSetting setting = { .why = word->why, .line = word->line };
        int r;

        setting.name = strndup(word->text, length);
        if (!word->why)
                setting.value = strdup(word->text + length + 1 + append);
        if (!setting.name || (!word->why && !setting.value)) {
                setting_done(&setting);
                return -ENOMEM;
        }
        if (append) {
                r = append_to(find_before(parser, command, setting.name), &setting);
                if (r < 0) {
                        setting_done(&setting);
                        return r;
                }
        }
        return settings_push(&command->own, &setting);
}

/* Makes an assignment of a command count: the last of a name wins. Takes @setting. */
static int settle(Parser *parser, ShellSetting *setting, bool known)
{
        ShellSettings *all = parser->settings;

        if (!known) {
                free(setting->value);
                setting->value = NULL;
                setting->why = WHY_CONDITION;
        }
        for (size_t i = 0; i < all->n_items; i++)
                if (streq(all->items[i].name, setting->name)) {
                        setting_done(&all->items[i]);
                        all->items[i] = *setting;
                        return 0;
                }
        return settings_push(all, setting);
}

static int command_end(Parser *parser, Command *command, ShellOperator op)
{
        bool piped = op == SHELL_OPERATOR_PIPE || op == SHELL_OPERATOR_BACKGROUND;
        bool known = !piped && !parser->behind_operator && parser->blocks == 0 &&
                     parser->parentheses == 0;
        int r = 0;

        if (command->other)
                return add_remark(parser->settings, command->line,
                                  "is a command, which is not run here");
        for (size_t i = 0; i < command->own.n_items && r >= 0; i++) {
                ShellSetting setting = command->own.items[i];

                command->own.items[i] = (ShellSetting){};
                r = settle(parser, &setting, known);
        }
        return r;
}

/* Words that begin or end a block, or only stand in front of a command; not where they are quoted.
 * Returns whether @word is one. */
static bool take_keyword(Parser *parser, const ShellWord *word)
{
        static const char *const opening[] = {
                "if", "while", "until", "for", "case", "select", "{"
        };
        static const char *const closing[] = { "fi", "done", "esac", "}" };
        static const char *const others[] = { "then", "else", "elif", "do", "!", "time" };

        if (word->n_plain < strlen(word->text) || word->why)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(opening); i++)
                if (streq(word->text, opening[i])) {
                        parser->blocks++;
                        return true;
                }
        for (size_t i = 0; i < ELEMENTSOF(closing); i++)
                if (streq(word->text, closing[i])) {
                        parser->blocks -= parser->blocks > 0;
                        return true;
                }
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (streq(word->text, others[i]))
                        return true;
        return false;
}

static bool is_export(const char *text)
{
        static const char *const names[] = { "export", "readonly", "declare", "typeset" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(text, names[i]))
                        return true;
        return false;
}

static int take_word(Parser *parser, Command *command, const ShellWord *word)
{
        size_t length = command->other ? 0 : assignment_name_length(word);

        if (command->empty) {
                if (take_keyword(parser, word))
                        return 0;
                command->line = word->line;
                command->empty = false;
                if (is_export(word->text)) {
                        command->exports = true;
                        return 0;
                }
        }
        if (length > 0)
                return add_assignment(parser, command, word, length);
        /* `export NAME` and its options set nothing. */
        command->other = command->other || !command->exports;
        return 0;
}

static void take_operator(Parser *parser, ShellOperator op)
{
        switch (op) {
        case SHELL_OPERATOR_OPEN:
                parser->parentheses++;
                break;
        case SHELL_OPERATOR_CLOSE:
                /* Behind a pattern of `case` there is one that was never opened. */
                parser->parentheses -= parser->parentheses > 0;
                break;
        case SHELL_OPERATOR_AND_OR:
        case SHELL_OPERATOR_PIPE:
                parser->behind_operator = true;
                return;
        default:
                parser->behind_operator = false;
        }
}

static void command_done(Command *command)
{
        shell_settings_done(&command->own);
}

/* One command with the operator behind it. Returns 1; 0 at the end of what can be read. */
static int parse_command(Parser *parser)
{
        _cleanup_(command_done) Command command = { .empty = true };
        ShellReader *reader = &parser->reader;
        ShellToken token;
        ShellWord word;
        int r;

        while ((token = shell_reader_next(reader, &word)) == SHELL_TOKEN_WORD) {
                r = take_word(parser, &command, &word);
                if (r < 0)
                        return r;
        }
        if (token == SHELL_TOKEN_STOP)
                return add_remark(parser->settings, reader->stop_line, reader->stop);
        r = command_end(parser, &command, reader->op);
        if (r < 0)
                return r;
        take_operator(parser, reader->op);
        return token == SHELL_TOKEN_OPERATOR;
}

int shell_settings_parse(const char *text, size_t size, ShellSettings *ret)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        _cleanup_free_ char *scratch = NULL;
        Parser parser = { .settings = &settings };
        int r;

        if (size > SHELL_SETTINGS_BYTES_MAX)
                return -EFBIG;
        if (memchr(text, '\0', size))
                return -EBADMSG;
        scratch = malloc(size + 1);
        if (!scratch)
                return -ENOMEM;
        parser.reader =
                (ShellReader){ .p = text, .end = text + size, .line = 1, .scratch = scratch };
        do
                r = parse_command(&parser);
        while (r > 0);
        if (r < 0)
                return r;
        *ret = settings;
        settings = (ShellSettings){};
        return 0;
}
