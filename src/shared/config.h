/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Config: what /etc/kdump.conf and its drop-ins say, with the place each value came from. */
#pragma once

#include "directive.h"
#include "plan.h"
#include "target.h"

/* Where a value was written. file is NULL for a built-in default. */
typedef struct ConfigSource {
        char *file;
        unsigned line;
} ConfigSource;

/* Where the settings of one target were written: path, sshkey, target_timeout … */
typedef struct TargetSources {
        ConfigSource of[_DIRECTIVE_TARGET_SETTING_MAX];
} TargetSources;

typedef struct Config {
        Target *targets; /* in order, at least one; no target line: a TARGET_PATH. As written, with
                          * path, sshkey, times … as they hold for it */
        size_t n_targets;
        ConfigSource *target_sources;   /* n_targets of them: of the target lines */
        TargetSources *setting_sources; /* n_targets of them */
        Target general; /* path, sshkey, times … that hold for all; NULL and 0 where not written */
        Collector collector;
        char *kdump_pre, *kdump_post, *kdump_emergency;
        Action failure_action, final_action;
        char **extra_bins, **extra_modules;
        char **dracut_args;
        bool force_rebuild, force_no_rebuild, auto_reset_crashkernel;
        char **fence_kdump_nodes;
        char *fence_kdump_args;
        char *kernel;                         /* release to arm; NULL: the running one */
        char *commandline;                    /* NULL: /proc/cmdline */
        char **commandline_remove;            /* names taken out of it */
        char **commandline_append;            /* words added to it */
        unsigned nr_cpus;                     /* 0: chosen from the reservation */
        ConfigSource sources[_DIRECTIVE_MAX]; /* of settings, and of those in `general` */
} Config;

/* One complaint or remark, ready to print: "/etc/kdump.conf:12: …". */
typedef struct ConfigMessage {
        int level; /* LOG_ERR or LOG_WARNING */
        char *text;
} ConfigMessage;

typedef struct ConfigMessages {
        ConfigMessage *items;
        size_t n_items;
} ConfigMessages;

void config_messages_done(ConfigMessages *messages);

Config *config_free(Config *config); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Config *, config_free);

/* Reads @file and the *.conf of @dropin_dir in lexical order (either may be missing: defaults),
 * both below directory fd @root_fd, with links kept inside. What a drop-in sets replaces what was
 * set before; its target lines, if it has any, replace all targets. All complaints are collected,
 * not only the first. Returns 0 with *ret; -EINVAL if any message is an error; -EISDIR, -EACCES,
 * -EFBIG … with a message if a file cannot be read. *messages is overwritten and filled in either
 * case. Does not log. */
int config_load(int root_fd, const char *file, const char *dropin_dir, Config **ret,
                ConfigMessages *messages);

/* All that is in effect, each with a comment of where it came from, in the form of kdump.conf: read
 * again, it gives the same Config. The caller frees *ret. Does not log. */
int config_format(const Config *config, char **ret);

/* One line of kdump.conf that sets @name to @value, which holds neither '#' nor control characters.
 */
void config_print(FILE *f, const char *name, const char *value);
