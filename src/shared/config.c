/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns which files make up the configuration, in which order, and the life of Config. */
#include "config.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>

#include "config-internal.h"
#include "config-value.h"
#include "core-collector.h"
#include "io.h"
#include "rootdir.h"
#include "strv.h"

void config_messages_done(ConfigMessages *messages)
{
        if (!messages)
                return;
        for (size_t i = 0; i < messages->n_items; i++)
                free(messages->items[i].text);
        free(messages->items);
        *messages = (ConfigMessages){};
}

static int messages_push(ConfigMessages *messages, int level, char *text)
{
        ConfigMessage *bigger =
                reallocarray(messages->items, messages->n_items + 1, sizeof(*bigger));

        if (!bigger)
                return -ENOMEM;
        messages->items = bigger;
        messages->items[messages->n_items++] = (ConfigMessage){ level, text };
        return 0;
}

int config_messages_add(ConfigMessages *messages, int level, const char *file, unsigned line,
                        const char *format, ...)
{
        _cleanup_free_ char *body = NULL, *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&body, format, ap);
        va_end(ap);
        if (r < 0) {
                body = NULL;
                return -ENOMEM;
        }
        r = line > 0 ? strprintf(&text, "%s:%u: %s", file, line, body)
                     : strprintf(&text, "%s: %s", file, body);
        if (r < 0)
                return r;
        r = messages_push(messages, level, text);
        if (r < 0)
                return r;
        TAKE_PTR(text);
        return 0;
}

static bool messages_have_error(const ConfigMessages *messages)
{
        for (size_t i = 0; i < messages->n_items; i++)
                if (messages->items[i].level <= LOG_ERR)
                        return true;
        return false;
}

int config_source_set(ConfigSource *source, const char *file, unsigned line)
{
        char *copy = file ? strdup(file) : NULL;

        if (file && !copy)
                return -ENOMEM;
        free(source->file);
        *source = (ConfigSource){ copy, line };
        return 0;
}

/* Sets each setting to the default that the table has for it. */
static int set_defaults(Config *config)
{
        int r;

        for (Directive d = 0; d < _DIRECTIVE_MAX; d++) {
                const DirectiveInfo *info = directive_info(d);
                _cleanup_free_ char *expected = NULL;

                if (info->kind != DIRECTIVE_KIND_SETTING || !info->default_value)
                        continue;
                r = info->type->parse(info->default_value, (uint8_t *) config + info->offset,
                                      &expected);
                if (r < 0)
                        return r;
        }
        return 0;
}

Config *config_new(void)
{
        _cleanup_(config_freep) Config *config = calloc(1, sizeof(*config));

        if (!config || set_defaults(config) < 0)
                return NULL;
        return TAKE_PTR(config);
}

static void free_targets(Config *config)
{
        for (size_t i = 0; i < config->n_targets; i++) {
                target_done(&config->targets[i]);
                free(config->target_sources[i].file);
                for (Directive d = 0; d < _DIRECTIVE_TARGET_SETTING_MAX; d++)
                        free(config->setting_sources[i].of[d].file);
        }
        free(config->targets);
        free(config->target_sources);
        free(config->setting_sources);
}

Config *config_free(Config *config)
{
        if (!config)
                return NULL;
        free_targets(config);
        target_done(&config->general);
        collector_done(&config->collector);
        free(config->kdump_pre);
        free(config->kdump_post);
        free(config->kdump_emergency);
        strv_free(config->extra_bins);
        strv_free(config->extra_modules);
        strv_free(config->dracut_args);
        strv_free(config->fence_kdump_nodes);
        free(config->fence_kdump_args);
        free(config->kernel);
        free(config->commandline);
        strv_free(config->commandline_remove);
        strv_free(config->commandline_append);
        for (Directive d = 0; d < _DIRECTIVE_MAX; d++)
                free(config->sources[d].file);
        free(config);
        return NULL;
}

/* Makes room for one more in each of the three arrays. */
static int grow_targets(Config *config)
{
        size_t n = config->n_targets + 1;
        Target *targets = reallocarray(config->targets, n, sizeof(*targets));
        ConfigSource *sources;
        TargetSources *setting_sources;

        if (!targets)
                return -ENOMEM;
        config->targets = targets;
        sources = reallocarray(config->target_sources, n, sizeof(*sources));
        if (!sources)
                return -ENOMEM;
        config->target_sources = sources;
        setting_sources = reallocarray(config->setting_sources, n, sizeof(*setting_sources));
        if (!setting_sources)
                return -ENOMEM;
        config->setting_sources = setting_sources;
        return 0;
}

int config_add_target(Config *config, Target *target, const char *file, unsigned line)
{
        ConfigSource source = {};
        size_t n = config->n_targets;
        int r;

        r = grow_targets(config);
        if (r < 0)
                return r;
        r = config_source_set(&source, file, line);
        if (r < 0)
                return r;
        config->targets[n] = *target;
        config->target_sources[n] = source;
        config->setting_sources[n] = (TargetSources){};
        config->n_targets++;
        *target = (Target){};
        return 0;
}

/* Says why a file cannot be used, and returns @error. */
static int complain_file(ConfigMessages *messages, const char *name, int error)
{
        int r;

        if (error == -EISDIR)
                r = config_messages_add(messages, LOG_ERR, name, 0,
                                        "is a folder, expected a text file");
        else if (error == -EFBIG)
                r = config_messages_add(messages, LOG_ERR, name, 0,
                                        "is larger than 4 MiB, expected a text file");
        else if (error == -EINVAL)
                r = config_messages_add(messages, LOG_ERR, name, 0,
                                        "is not a regular file, expected a text file");
        else
                r = config_messages_add(messages, LOG_ERR, name, 0,
                                        "cannot be read (%s), expected a text file",
                                        strerror(-error));
        return r < 0 ? r : error;
}

/* A link to /dev/null is how a file is masked, also where the root has no such device. */
static bool is_masked(int link_fd)
{
        char to[sizeof("/dev/null")];
        ssize_t n = readlinkat(link_fd, "", to, sizeof(to));

        return n == (ssize_t) sizeof(to) - 1 && memcmp(to, "/dev/null", sizeof(to) - 1) == 0;
}

/* Returns 1 with the text; 0 if there is no such file; or an error. /dev/null counts as empty. */
static int read_file(int root_fd, const char *name, char **ret, size_t *ret_size)
{
        _cleanup_close_ int link_fd = -EBADF, fd = -EBADF;
        struct stat st;
        int r;

        link_fd = root_open(root_fd, name, O_PATH | O_NOFOLLOW);
        if (link_fd < 0)
                return link_fd == -ENOENT ? 0 : link_fd;
        if (is_masked(link_fd))
                return 0;
        /* A symbolic link to nowhere is not a missing file. */
        fd = root_open(root_fd, name, O_PATH);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
                return 0;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        r = root_read(root_fd, name, CONFIG_FILE_BYTES_MAX, ret, ret_size);
        return r < 0 ? r : 1;
}

static int load_file(int root_fd, const char *name, Config *config, ConfigMessages *messages)
{
        _cleanup_(config_freep) Config *own = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_file(root_fd, name, &text, &size);
        if (r < 0)
                return complain_file(messages, name, r);
        if (r == 0)
                return 0;
        own = config_new();
        if (!own)
                return -ENOMEM;
        return config_file_parse(
                &(ConfigFile){ .name = name, .config = config, .own = own, .messages = messages },
                text, size);
}

static bool is_dropin_name(const char *name)
{
        size_t n = strlen(name);

        return n > strlen(".conf") && *name != '.' && streq(name + n - strlen(".conf"), ".conf");
}

/* The drop-ins' full names in lexical order; none if there is no such folder. */
static int list_dropins(int root_fd, const char *folder, char ***ret)
{
        _cleanup_strv_ char **all = NULL, **names = NULL;
        int r;

        r = root_list(root_fd, folder, &all);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **name = all; name && *name; name++) {
                if (!is_dropin_name(*name))
                        continue;
                r = strv_extendf(&names, "%s/%s", folder, *name);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(names);
        return 0;
}

/* Goes on to the next file after one that cannot be read. Returns the first such error. */
static int load_all(int root_fd, const char *file, const char *dropin_dir, Config *config,
                    ConfigMessages *messages)
{
        _cleanup_strv_ char **dropins = NULL;
        int first = 0, r;

        first = load_file(root_fd, file, config, messages);
        if (first == -ENOMEM || !dropin_dir)
                return first;
        r = list_dropins(root_fd, dropin_dir, &dropins);
        if (r < 0) {
                int q = config_messages_add(messages, LOG_ERR, dropin_dir, 0,
                                            "cannot be read (%s), expected a folder", strerror(-r));

                return q < 0 ? q : first ?: r;
        }
        for (char **name = dropins; name && *name; name++) {
                r = load_file(root_fd, *name, config, messages);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 && first == 0)
                        first = r;
        }
        return first;
}

static int check_together(const Config *config, ConfigMessages *messages)
{
        const ConfigSource *yes = &config->sources[DIRECTIVE_FORCE_REBUILD];
        const ConfigSource *no = &config->sources[DIRECTIVE_FORCE_NO_REBUILD];

        if (!config->force_rebuild || !config->force_no_rebuild)
                return 0;
        return config_messages_add(
                messages, LOG_ERR, no->file, no->line,
                "'force_no_rebuild' is 'yes', expected no while 'force_rebuild' is yes at %s:%u",
                yes->file, yes->line);
}

/* Gives @target the setting that holds for all, or the default, unless it has its own. */
static int complete_setting(Config *config, size_t i, Directive directive)
{
        const DirectiveInfo *info = directive_info(directive);
        _cleanup_free_ char *general = NULL, *expected = NULL;
        ConfigSource *source = &config->setting_sources[i].of[directive];
        int r;

        if (source->file)
                return 0;
        r = info->type->format((uint8_t *) &config->general + info->offset, &general);
        if (r < 0)
                return r;
        if (!general && !info->default_value)
                return 0;

        r = info->type->parse(general ?: info->default_value,
                              (uint8_t *) &config->targets[i] + info->offset, &expected);
        if (r < 0)
                return r;
        return config_source_set(source, config->sources[directive].file,
                                 config->sources[directive].line);
}

static int complete_targets(Config *config)
{
        bool stream = false;
        int r;

        if (config->n_targets == 0) {
                r = config_add_target(config, &(Target){ .type = TARGET_PATH }, NULL, 0);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < config->n_targets; i++) {
                TargetType type = config->targets[i].type;

                stream = stream || type == TARGET_SSH || type == TARGET_RAW || type == TARGET_URL;
                for (Directive d = 0; d < _DIRECTIVE_TARGET_SETTING_MAX; d++) {
                        r = complete_setting(config, i, d);
                        if (r < 0)
                                return r;
                }
        }
        /* -F is for what cannot seek; Fedora's kdump takes it out for file systems, too. */
        if (config->collector.format == DUMP_FORMAT_FLAT && !stream)
                config->collector.format = DUMP_FORMAT_KDUMP;
        return 0;
}

int config_load(int root_fd, const char *file, const char *dropin_dir, Config **ret,
                ConfigMessages *messages)
{
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        *messages = (ConfigMessages){};
        config = config_new();
        if (!config)
                return -ENOMEM;
        r = load_all(root_fd, file, dropin_dir, config, messages);
        if (r < 0)
                return r;
        r = check_together(config, messages);
        if (r < 0)
                return r;
        if (messages_have_error(messages))
                return -EINVAL;
        r = complete_targets(config);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(config);
        return 0;
}
