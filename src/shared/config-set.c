/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what a directive does to Config: to which target a setting belongs, what may be said twice,
 * and how a file later in the order replaces what an earlier one said. */
#include <syslog.h>

#include "config-internal.h"
#include "config-value.h"
#include "io.h"
#include "target-host.h"
#include "words.h"

#define SFTP_PREFIX "sftp://"
#define SFTP_EXPECTED                                                                              \
        "sftp://user@host/folder or sftp://user@host:port/folder, without a password ('sshkey' "   \
        "names the key) and characters written as %xx"

/* Complains that @line sets again what @first has set. */
static int complain_again(ConfigFile *file, unsigned line, Directive directive, unsigned first)
{
        const DirectiveInfo *info = directive_info(directive);

        if (info->canonical != directive)
                return config_messages_add(
                        file->messages, LOG_ERR, file->name, line,
                        "'%s' sets '%s' again, expected only one: the first is at %s:%u",
                        info->name, directive_to_string(info->canonical), file->name, first);
        return config_messages_add(file->messages, LOG_ERR, file->name, line,
                                   "'%s' is set again, expected only one: the first is at %s:%u",
                                   info->name, file->name, first);
}

static int complain_again_for_target(ConfigFile *file, unsigned line, Directive directive,
                                     unsigned first)
{
        return config_messages_add(
                file->messages, LOG_ERR, file->name, line,
                "'%s' is set again for one target, expected only one: the first is at %s:%u",
                directive_to_string(directive), file->name, first);
}

/* Where a user's name may stand there may be a password, and in a query a signature. */
static bool may_be_secret(Directive directive, const char *value)
{
        const char *colon = strchr(value, ':');

        return (colon && strchr(colon, '@')) ||
               ((directive == DIRECTIVE_URL || directive == DIRECTIVE_S3_ENDPOINT) &&
                strpbrk(value, "@?"));
}

static int complain_value(ConfigFile *file, unsigned line, Directive directive, const char *value,
                          const char *expected)
{
        _cleanup_free_ char *shown = NULL;
        int r;

        if (may_be_secret(directive, value))
                return config_messages_add(
                        file->messages, LOG_ERR, file->name, line,
                        "'%s' has a value that is not shown, as there may be a password in it, "
                        "expected %s",
                        directive_to_string(directive), expected);
        r = text_display(value, strlen(value), &shown);
        if (r < 0)
                return r;
        return config_messages_add(file->messages, LOG_ERR, file->name, line,
                                   "'%s' is '%s', expected %s", directive_to_string(directive),
                                   shown, expected);
}

/* Reads @value into the field of @directive in @base, a Config or a Target, or complains. */
static int set_field(ConfigFile *file, unsigned line, Directive directive, const char *value,
                     void *base)
{
        const DirectiveInfo *info = directive_info(directive);
        _cleanup_free_ char *expected = NULL;
        int r;

        r = info->type->parse(value, (uint8_t *) base + info->offset, &expected);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return complain_value(file, line, directive, value,
                                      expected ?: info->type->expected);
        return 0;
}

/* What is understood of core_collector, but not done by our engine yet. */
static int remark_collector(ConfigFile *file, unsigned line)
{
        const Collector *collector = &file->config->collector;

        if (collector->argv || collector->format != DUMP_FORMAT_ELF)
                return 0;
        return config_messages_add(file->messages, LOG_WARNING, file->name, line,
                                   "'core_collector' asks for ELF, which is not acted on yet: the "
                                   "kdump-compressed form is used");
}

static int set_setting(ConfigFile *file, unsigned line, Directive directive, const char *value)
{
        Directive canonical = directive_info(directive)->canonical;
        int r;

        if (file->seen[canonical])
                return complain_again(file, line, directive, file->seen[canonical]);
        file->seen[canonical] = line;
        r = set_field(file, line, directive, value, file->config);
        if (r < 0)
                return r;
        if (directive == DIRECTIVE_CORE_COLLECTOR) {
                r = remark_collector(file, line);
                if (r < 0)
                        return r;
        }
        return config_source_set(&file->config->sources[canonical], file->name, line);
}

/* user@host:port/folder */
static int sftp_parse(const char *text, Target *target)
{
        size_t size = strcspn(text, "/");
        const char *at = memchr(text, '@', size), *folder = text + size;
        _cleanup_free_ char *host = NULL, *what = NULL, *expected = NULL;
        int r;

        if (!at || strpbrk(folder, "%?"))
                return -EINVAL;
        r = target_host_split(at + 1, size - (size_t) (at + 1 - text), &host, &target->port);
        if (r < 0)
                return r;
        r = strprintf(&what, "%.*s@%s", (int) (at - text), text, host);
        if (r < 0)
                return r;
        r = directive_info(DIRECTIVE_SSH)->type->parse(what, &target->what, &expected);
        if (r < 0 || folder[strspn(folder, "/")] == '\0')
                return r;
        return directive_info(DIRECTIVE_PATH)->type->parse(folder, &target->path, &expected);
}

/* It is the ssh target of this user, host, port and folder: what is sent to that is synced, and
 * goes on where it was when the connection broke, which libcurl's sftp does not do. */
static int set_sftp_target(ConfigFile *file, unsigned line, const char *value)
{
        _cleanup_(target_done) Target target = { .type = TARGET_SSH };
        TargetSources *sources;
        bool has_port, has_path;
        int r;

        r = sftp_parse(value + strlen(SFTP_PREFIX), &target);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return complain_value(file, line, DIRECTIVE_URL, value, SFTP_EXPECTED);
        has_port = target.port != 0;
        has_path = target.path != NULL;
        r = config_add_target(file->own, &target, file->name, line);
        if (r < 0)
                return r;
        sources = file->own->setting_sources + file->own->n_targets - 1;
        if (has_port)
                r = config_source_set(&sources->of[DIRECTIVE_SSH_PORT], file->name, line);
        if (r >= 0 && has_path)
                r = config_source_set(&sources->of[DIRECTIVE_PATH], file->name, line);
        return r;
}

static int set_target(ConfigFile *file, unsigned line, Directive directive, const char *value)
{
        const DirectiveInfo *info = directive_info(directive);
        _cleanup_(target_done) Target target = { .type = info->target_type };
        int r;

        if (directive == DIRECTIVE_URL && startswith(value, SFTP_PREFIX))
                return set_sftp_target(file, line, value);
        if (info->target_type == TARGET_FS) {
                target.fstype = strdup(info->name);
                if (!target.fstype)
                        return -ENOMEM;
        }
        r = set_field(file, line, directive, value, &target);
        if (r < 0)
                return r;
        return config_add_target(file->own, &target, file->name, line);
}

/* A target of another kind goes on without it. */
static int remark_no_effect(ConfigFile *file, unsigned line, Directive directive)
{
        const Target *target = &file->own->targets[file->own->n_targets - 1];

        if (directive_is_for(directive, target->type))
                return 0;
        return config_messages_add(
                file->messages, LOG_WARNING, file->name, line,
                "'%s' means nothing for the target before it, '%s', and is ignored%s",
                directive_to_string(directive),
                target->type == TARGET_FS ? target->fstype : target_type_to_string(target->type),
                directive == DIRECTIVE_PATH ? ": the folder is a part of the URL" : "");
}

static int set_target_setting(ConfigFile *file, unsigned line, Directive directive,
                              const char *value)
{
        size_t n = file->own->n_targets;
        Target *target = n > 0 ? &file->own->targets[n - 1] : &file->own->general;
        ConfigSource *source = n > 0 ? &file->own->setting_sources[n - 1].of[directive]
                                     : &file->own->sources[directive];
        int r;

        if (source->file)
                return n > 0 ? complain_again_for_target(file, line, directive, source->line)
                             : complain_again(file, line, directive, source->line);
        if (n > 0) {
                r = remark_no_effect(file, line, directive);
                if (r < 0)
                        return r;
        }
        r = config_source_set(source, file->name, line);
        if (r < 0)
                return r;
        return set_field(file, line, directive, value, target);
}

static int remark(ConfigFile *file, unsigned line, const DirectiveInfo *info)
{
        if (info->kind == DIRECTIVE_KIND_ALIAS)
                return config_messages_add(file->messages, LOG_WARNING, file->name, line,
                                           "'%s' is an old name, use '%s' instead", info->name,
                                           info->instead);
        if (!info->acted_on)
                return config_messages_add(file->messages, LOG_WARNING, file->name, line,
                                           "'%s' is understood, but not acted on yet", info->name);
        return 0;
}

int config_file_set(ConfigFile *file, unsigned line, Directive directive, const char *value)
{
        const DirectiveInfo *info = directive_info(directive);
        int r;

        r = remark(file, line, info);
        if (r < 0)
                return r;
        switch (info->kind) {
        case DIRECTIVE_KIND_TARGET:
                return set_target(file, line, directive, value);
        case DIRECTIVE_KIND_TARGET_SETTING:
                return set_target_setting(file, line, directive, value);
        default:
                return set_setting(file, line, directive, value);
        }
}

static void source_move(ConfigSource *from, ConfigSource *to)
{
        free(to->file);
        *to = *from;
        *from = (ConfigSource){};
}

/* What was set before is @from's then, which owns it. */
static void setting_move(Directive directive, Target *from, ConfigSource *from_source, Target *to,
                         ConfigSource *to_source)
{
        const DirectiveInfo *info = directive_info(directive);
        uint8_t *old = (uint8_t *) to + info->offset, *new = (uint8_t *) from + info->offset;

        for (size_t i = 0; i < info->type->size; i++) {
                uint8_t byte = old[i];

                old[i] = new[i];
                new[i] = byte;
        }
        source_move(from_source, to_source);
}

/* With a single target it does not matter whether its settings stand before or behind it. */
static int single_target_to_general(ConfigFile *file)
{
        Config *own = file->own;
        int r;

        if (own->n_targets != 1)
                return 0;
        for (Directive d = 0; d < _DIRECTIVE_TARGET_SETTING_MAX; d++) {
                ConfigSource *behind = &own->setting_sources[0].of[d];

                if (!behind->file)
                        continue;
                if (own->sources[d].file) {
                        r = complain_again_for_target(file, behind->line, d, own->sources[d].line);
                        if (r < 0)
                                return r;
                }
                setting_move(d, &own->targets[0], behind, &own->general, &own->sources[d]);
        }
        return 0;
}

static void replace_targets(Config *config, Config *own)
{
        Config old = *config;

        config->targets = own->targets;
        config->target_sources = own->target_sources;
        config->setting_sources = own->setting_sources;
        config->n_targets = own->n_targets;
        own->targets = old.targets;
        own->target_sources = old.target_sources;
        own->setting_sources = old.setting_sources;
        own->n_targets = old.n_targets;
}

int config_file_end(ConfigFile *file)
{
        Config *config = file->config, *own = file->own;
        int r;

        r = single_target_to_general(file);
        if (r < 0)
                return r;
        for (Directive d = 0; d < _DIRECTIVE_TARGET_SETTING_MAX; d++)
                if (own->sources[d].file)
                        setting_move(d, &own->general, &own->sources[d], &config->general,
                                     &config->sources[d]);
        if (own->n_targets > 0)
                replace_targets(config, own);
        return 0;
}
