/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a kernel command line, and the tables of those that a crash kernel must lose or
 * have. */
#pragma once

#include "macro.h"

/* Splits at white space outside of double quotes, as next_arg() of the kernel's lib/cmdline.c does.
 * The quotes stay in the words. A quote that is not closed ends with the line. NULL @s has no
 * words. */
int cmdline_words_split(const char *s, char ***ret);

/* The same of @items, words of kdump.conf, whose quotes are gone: "name=a b" is one word to the
 * kernel only as name="a b". An item that cannot be one word is split. */
int cmdline_words_of_items(char *const *items, char ***ret);

/* Whether @word is "name" or "name=…". '-' and '_' are the same to the kernel (parameq()). */
bool cmdline_word_has_name(const char *word, const char *name);

/* What is behind "="; "" if there is nothing. */
const char *cmdline_word_value(const char *word);

bool cmdline_words_have_name(char *const *words, const char *name);

/* Takes all words of this name, or all that are equal to @word, out of the list. */
void cmdline_words_remove_name(char **words, const char *name);
void cmdline_words_remove(char **words, const char *word);

/* Whether a word of the running kernel's line is not for the crash kernel. */
bool cmdline_word_is_removed(const char *word);

/* Whether a word has nothing to say to the kernel, or to the one program of the fallback image. */
bool cmdline_word_is_for_programs(const char *word);

/* Appends what every crash kernel gets, but nothing whose name is in @except. */
int cmdline_words_add_ours(char ***words, char *const *except);
