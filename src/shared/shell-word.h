/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words and operators of a shell's input, with quotes taken away and nothing expanded. Nothing
 * here logs or allocates. */
#pragma once

#include "macro.h"

typedef enum ShellToken {
        SHELL_TOKEN_WORD,
        SHELL_TOKEN_OPERATOR, /* it is in reader->op */
        SHELL_TOKEN_END,      /* also ends a command; reader->op is _NEWLINE */
        SHELL_TOKEN_STOP,     /* what follows cannot be read: reader->stop says why */
} ShellToken;

typedef enum ShellOperator {
        SHELL_OPERATOR_NEWLINE, /* or ; */
        SHELL_OPERATOR_AND_OR,
        SHELL_OPERATOR_PIPE,
        SHELL_OPERATOR_BACKGROUND,
        SHELL_OPERATOR_OPEN, /* ( and ) */
        SHELL_OPERATOR_CLOSE,
} ShellOperator;

typedef struct ShellReader {
        const char *p, *end; /* what is left of the text */
        unsigned line;
        char *scratch; /* for the text of one word: as large as all of the input, and one more */
        ShellOperator op;
        const char *stop; /* static, a sentence */
        unsigned stop_line;
} ShellReader;

typedef struct ShellWord {
        char *text;     /* the reader's scratch, until the next word is read */
        size_t n_plain; /* so many bytes at its start were not quoted */
        const char *why; /* static: it is not known, as it …; its text goes on behind what is not */
        unsigned line;
} ShellWord;

/* The next word or operator; comments, continued lines and redirections' signs are passed over. */
ShellToken shell_reader_next(ShellReader *reader, ShellWord *ret);
