/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Import: the settings of another kdump service, written as a kdump.conf that explains itself. */
#pragma once

#include "directive.h"
#include "shell-settings.h"

typedef enum ImportFrom {
        IMPORT_FROM_SUSE,
        IMPORT_FROM_DEBIAN,
        IMPORT_FROM_REDHAT,
        _IMPORT_FROM_MAX,
        _IMPORT_FROM_INVALID = -EINVAL,
} ImportFrom;

typedef struct Import Import;
typedef struct ImportRule ImportRule;

/* What becomes of one setting. In the order of the table, which is that of the lines written. */
struct ImportRule {
        const char *name;
        /* @setting has a value, and not an empty one. Returns 0 or -ENOMEM. */
        int (*run)(Import *import, const ImportRule *rule, const ShellSetting *setting);
        Directive directive; /* what the value becomes, or would become */
        const char *text;    /* import_advise(): why there is no such thing, and what to do */
};

typedef struct ImportOrigin {
        const char *name;  /* as --from takes it */
        const char *title; /* for people */
        const char *path;  /* where its file is */
        const ImportRule *rules;
        size_t n_rules;
} ImportOrigin;

extern const ImportOrigin import_suse, import_debian, import_redhat;

struct Import {
        const ImportOrigin *origin;
        const char *file; /* as it is shown */
        const ShellSettings *settings;
        FILE *out;
        bool assume_acted_on; /* also write what is not acted on yet, as if it were */
        bool written[_DIRECTIVE_MAX];
        unsigned n_carried, n_left; /* settings that became a directive, and that did not */
};

const ImportOrigin *import_origin(ImportFrom from);
ImportFrom import_from_string(const char *name);

/* Whose @settings these are, by the name of @file and by what is set in it. _INVALID: no telling.
 */
ImportFrom import_guess(const char *file, const ShellSettings *settings);

/* Writes the whole text to import->out, and counts. No password is written, nor the value of what
 * may be one. Returns 0 or -ENOMEM. None of these log. */
int import_run(Import *import);

/* ---- For the tables ---- */

/* The value of another setting; NULL: not set, empty, or not known. */
const char *import_get(const Import *import, const char *name);

/* Whether a directive is written as such, and not taken out by a '#'. */
bool import_acts(const Import *import, Directive directive);

/* Lines of comment. Returns 0 or -ENOMEM. */
int import_say(Import *import, const char *format, ...) _printf_(2, 3);

/* "From NAME, FILE:LINE:" */
int import_say_from(Import *import, const ShellSetting *setting);

/* Writes a directive, or a comment on why it cannot be. */
int import_set(Import *import, Directive directive, const char *value);

/* The same of a target, with the folder on it. */
int import_set_target(Import *import, Directive directive, const char *what, const char *path);

/* Rules: the value goes over as it is; only rule->text is said; words for the command line. */
int import_value(Import *import, const ImportRule *rule, const ShellSetting *setting);
int import_advise(Import *import, const ImportRule *rule, const ShellSetting *setting);
int import_command_line(Import *import, const ImportRule *rule, const ShellSetting *setting);

/* A list of files or programs that must be a single program with its absolute path. */
int import_program(Import *import, const ImportRule *rule, const ShellSetting *setting);

/* KDUMP_SAVEDIR of SUSE: a folder or a URL. */
int import_url(Import *import, const ImportRule *rule, const ShellSetting *setting);

/* A server of FTP; @port may be NULL. @user: one has to log in. */
int import_ftp(Import *import, const char *host, const char *port, const char *path, bool user);
