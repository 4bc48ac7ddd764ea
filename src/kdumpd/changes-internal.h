/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the comparison share. None of these log. */
#pragma once

#include "changes.h"

/* Texts of one line are cut to this. */
#define VALUE_BYTES_MAX 120

/* There is no room for more lines. */
bool changes_are_full(char *const *lines);

/* Whether @text brings a secret with it: a mount option, an argument. */
bool changes_text_is_secret(const char *text);

/* Appends a line for each word of a kernel command line that is another, new or gone. */
int changes_cmdline(char ***lines, const char *old, const char *new);

/* Appends what is another in the Plan. NULL: there is none, or it is not known. */
int changes_plans(char ***lines, const char *old_json, const char *new_json);

/* Appends which files are others, new or gone. Both must be sorted. */
int changes_files(char ***lines, const OverlayList *old, const OverlayList *new);

/* Appends how the fallback images differ. changes-fallback.c. */
int changes_fallback(char ***lines, const ImageDescription *old, const ImageDescription *new);
