/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that make up Config share among themselves. Nothing here logs. */
#pragma once

#include "config.h"

/* The longest line and file of configuration. */
#define CONFIG_LINE_BYTES_MAX 65536
#define CONFIG_FILE_BYTES_MAX (4 * 1024 * 1024)

/* One file while it is read. */
typedef struct ConfigFile {
        const char *name;
        Config *config; /* what is in effect; settings go there at once */
        Config *own; /* this file's target lines and their settings, until it is read to its end */
        unsigned seen[_DIRECTIVE_MAX]; /* the line that has set it; 0: none has */
        ConfigMessages *messages;
} ConfigFile;

/* Adds "file:line: …", or "file: …" if @line is 0. Returns 0 or -ENOMEM. */
int config_messages_add(ConfigMessages *messages, int level, const char *file, unsigned line,
                        const char *format, ...) _printf_(5, 6);

/* All of the following return 0 or -ENOMEM: complaints go to file->messages. */

/* Cuts the text of @file into directives and hands each to config_file_set(). */
int config_file_parse(ConfigFile *file, const char *text, size_t size);

/* One directive with its (not empty) value. */
int config_file_set(ConfigFile *file, unsigned line, Directive directive, const char *value);

/* Brings what the file says of targets into effect. */
int config_file_end(ConfigFile *file);

Config *config_new(void); /* the defaults, without any target */
int config_add_target(Config *config, Target *target, const char *file,
                      unsigned line); /* takes it */
int config_source_set(ConfigSource *source, const char *file, unsigned line);
