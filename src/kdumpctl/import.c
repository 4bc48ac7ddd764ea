/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns whose settings a file holds, and the order of what is written about them. */
#include "import.h"

#include "io.h"

static const ImportOrigin *const origins[_IMPORT_FROM_MAX] = {
        [IMPORT_FROM_SUSE] = &import_suse,
        [IMPORT_FROM_DEBIAN] = &import_debian,
        [IMPORT_FROM_REDHAT] = &import_redhat,
};

const ImportOrigin *import_origin(ImportFrom from)
{
        return from >= 0 && from < _IMPORT_FROM_MAX ? origins[from] : NULL;
}

ImportFrom import_from_string(const char *name)
{
        for (ImportFrom from = 0; from < _IMPORT_FROM_MAX; from++)
                if (streq(origins[from]->name, name))
                        return from;
        return _IMPORT_FROM_INVALID;
}

static const ImportRule *find_rule(const ImportOrigin *origin, const char *name)
{
        for (size_t i = 0; i < origin->n_rules; i++)
                if (streq(origin->rules[i].name, name))
                        return &origin->rules[i];
        return NULL;
}

ImportFrom import_guess(const char *file, const ShellSettings *settings)
{
        const char *slash = strrchr(file, '/');
        ImportFrom best = _IMPORT_FROM_INVALID;
        size_t n_best = 0;

        if (streq(slash ? slash + 1 : file, "kdump-tools"))
                return IMPORT_FROM_DEBIAN;
        for (ImportFrom from = 0; from < _IMPORT_FROM_MAX; from++) {
                size_t n = 0;

                for (size_t i = 0; i < settings->n_items; i++)
                        n += find_rule(origins[from], settings->items[i].name) != NULL;
                if (n == n_best)
                        best = _IMPORT_FROM_INVALID;
                if (n > n_best) {
                        best = from;
                        n_best = n;
                }
        }
        return best;
}

/* The value of what a person must look at is not repeated: it may hold a password. */
static int run_unknown_value(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        const DirectiveInfo *info = directive_info(rule->directive);
        int r;

        import->n_left++;
        r = import_say_from(import, setting);
        if (r < 0)
                return r;
        if (rule->text || !info)
                return import_say(import, "The value %s. %s", setting->why, rule->text ?: "");
        return import_say(import,
                          "The value %s. What it gives is left to you to write here, for '%s' in "
                          "kdump.conf(5).",
                          setting->why, info->name);
}

static int run_rule(Import *import, const ImportRule *rule)
{
        const ShellSetting *setting = shell_settings_find(import->settings, rule->name);

        if (!setting)
                return 0;
        if (!setting->value)
                return run_unknown_value(import, rule, setting);
        return *setting->value ? rule->run(import, rule, setting) : 0;
}

/* Settings that no table names, and lines that are no settings. */
static int run_rest(Import *import)
{
        int r;

        for (size_t i = 0; i < import->settings->n_items; i++) {
                const ShellSetting *setting = &import->settings->items[i];

                if (find_rule(import->origin, setting->name))
                        continue;
                import->n_left++;
                r = import_say_from(import, setting);
                if (r >= 0)
                        r = import_say(import,
                                       "This is no setting of %s that is known here, so "
                                       "nothing is carried over.",
                                       import->origin->title);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < import->settings->n_remarks; i++) {
                const ShellRemark *remark = &import->settings->remarks[i];

                (void) fputc('\n', import->out);
                r = import_say(import, "%s:%u: %s.", import->file, remark->line, remark->text);
                if (r < 0)
                        return r;
        }
        return 0;
}

int import_run(Import *import)
{
        int r;

        r = import_say(import,
                       "The settings of %s, from %s, for kdumpd, made by \"kdumpctl config "
                       "--import\". What cannot be carried over stands here as a comment. See "
                       "kdump.conf(5).",
                       import->origin->title, import->file);
        for (size_t i = 0; r >= 0 && i < import->origin->n_rules; i++)
                r = run_rule(import, &import->origin->rules[i]);
        if (r >= 0)
                r = run_rest(import);
        return r;
}

const char *import_get(const Import *import, const char *name)
{
        const ShellSetting *setting = shell_settings_find(import->settings, name);

        return setting && !strempty(setting->value) ? setting->value : NULL;
}
