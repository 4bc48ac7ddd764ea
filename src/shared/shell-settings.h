/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ShellSettings: the assignments in a file that was made for a shell, read without running it. */
#pragma once

#include "macro.h"

/* Bounds of what is read, far above what such files hold. */
#define SHELL_SETTINGS_BYTES_MAX (256 * 1024)
#define SHELL_VALUE_BYTES_MAX 65536
#define SHELL_SETTINGS_MAX 1024
#define SHELL_REMARKS_MAX 256

typedef struct ShellSetting {
        char *name;
        char *value;     /* NULL: only a shell could tell */
        const char *why; /* static: why that is so, completes "the value …"; NULL otherwise */
        unsigned line;   /* where it stands; of several, the last, as for a shell */
} ShellSetting;

/* A line that has no effect on the settings here, and would have some if a shell read it. */
typedef struct ShellRemark {
        unsigned line;
        const char *text; /* static, a sentence without its full stop */
} ShellRemark;

typedef struct ShellSettings {
        ShellSetting *items; /* each name once, in the order in which they first appear */
        size_t n_items;
        ShellRemark *remarks;
        size_t n_remarks;
} ShellSettings;

void shell_settings_done(ShellSettings *settings);

/* Reads @size bytes of @text. Quotes, continued lines, comments, `export`, `+=` and several
 * assignments on a line are understood; nothing is run, and nothing is put in for $NAME, $(…) and
 * the like. What stands in a condition, a loop, a function or behind && counts as not known.
 * Returns 0; -EBADMSG: there is a NUL byte; -EFBIG: larger than the bounds above. Does not log. */
int shell_settings_parse(const char *text, size_t size, ShellSettings *ret);

/* NULL if it is not set. Owned by @settings. */
const ShellSetting *shell_settings_find(const ShellSettings *settings, const char *name);
