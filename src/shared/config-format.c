/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the writing of a Config in the form of kdump.conf, with the place each value came from. */
#include "config-internal.h"
#include "config-value.h"
#include "io.h"

static void print_source(FILE *f, const ConfigSource *source)
{
        if (source->file)
                (void) fprintf(f, "# %s:%u\n", source->file, source->line);
        else
                (void) fputs("# default\n", f);
}

/* Reading takes away blanks at both ends and one pair of quotes: a pair more keeps them. */
void config_print(FILE *f, const char *name, const char *value)
{
        size_t n = strlen(value);
        bool quote = n > 0 && (strchr(" \t", value[0]) || strchr(" \t", value[n - 1]) ||
                               (n >= 2 && value[0] == '"' && value[n - 1] == '"'));

        (void) fprintf(f, quote ? "%s \"%s\"\n" : "%s %s\n", name, value);
}

static int print_field(FILE *f, Directive directive, const void *base, const ConfigSource *source)
{
        const DirectiveInfo *info = directive_info(directive);
        _cleanup_free_ char *value = NULL;
        int r;

        r = info->type->format((const uint8_t *) base + info->offset, &value);
        if (r < 0)
                return r;
        print_source(f, source);
        if (value)
                config_print(f, info->name, value);
        else
                (void) fprintf(f, "#%s: %s\n", info->name, info->default_note ?: "not set");
        return 0;
}

/* The directive that a target was written with. */
static const char *target_directive(const Target *target)
{
        return target->type == TARGET_FS ? target->fstype : target_type_to_string(target->type);
}

static int print_target(FILE *f, const Config *config, size_t i)
{
        const Target *target = &config->targets[i];
        int r;

        print_source(f, &config->target_sources[i]);
        if (target->type == TARGET_PATH)
                (void) fputs("# target: the file system that holds path\n", f);
        else
                config_print(f, target_directive(target), target->what);
        for (Directive d = 0; d < _DIRECTIVE_TARGET_SETTING_MAX; d++) {
                const ConfigSource *source = &config->setting_sources[i].of[d];

                if (!directive_is_for(d, target->type) && !source->file)
                        continue;
                r = print_field(f, d, target, source);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int print_config(FILE *f, const Config *config)
{
        int r;

        for (size_t i = 0; i < config->n_targets; i++) {
                r = print_target(f, config, i);
                if (r < 0)
                        return r;
        }
        for (Directive d = 0; d < _DIRECTIVE_MAX; d++) {
                if (directive_info(d)->kind != DIRECTIVE_KIND_SETTING)
                        continue;
                r = print_field(f, d, config, &config->sources[d]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int config_format(const Config *config, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -ENOMEM;
        r = print_config(f, config);
        if (fclose(f) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
