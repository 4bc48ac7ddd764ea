/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of a Plan from a Config, as a whole. */
#include "resolve.h"

#include "io.h"
#include "paths.h"
#include "resolve-device.h"
#include "resolve-files.h"
#include "resolve-network.h"
#include "resolve-stack.h"
#include "resolve-target.h"
#include "rootdir.h"
#include "strv.h"

static int set_string(char **field, const char *value)
{
        if (!value)
                return 0;
        *field = strdup(value);
        return *field ? 0 : -ENOMEM;
}

/* Puts in front of *message where what it is about was written. */
static int message_place(const ConfigSource *source, char **message)
{
        _cleanup_free_ char *placed = NULL;
        int r;

        if (!source->file || !*message)
                return 0;
        r = strprintf(&placed, "%s:%u: %s", source->file, source->line, *message);
        if (r < 0)
                return r;
        free(*message);
        *message = TAKE_PTR(placed);
        return 0;
}

/* @target with what holds for all targets where it says nothing itself. */
static int target_in_effect(const Config *config, const Target *target, Target *ret)
{
        int r;

        r = target_copy(target, ret);
        if (r < 0)
                return r;
        if (strempty(ret->path)) {
                free(TAKE_PTR(ret->path));
                r = set_string(&ret->path, config->general.path ?: PATH_DEFAULT_DUMPS);
                if (r < 0) {
                        target_done(ret);
                        return r;
                }
        }
        if (ret->timeout_usec == 0)
                ret->timeout_usec = config->general.timeout_usec;
        return 0;
}

/* The warnings behind the first @n are about what is written at @source. */
static int warnings_place(const ConfigSource *source, char **warnings, size_t n)
{
        int r;

        for (size_t i = n; i < strv_length(warnings); i++) {
                r = message_place(source, &warnings[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Resolves target number @i. One that cannot work gives -EINVAL or -EOPNOTSUPP and a message, one
 * that must not be armed -EPROTONOSUPPORT. What it needs counts only if it can work; what was read
 * for it, in any case: the answer may be another one when that changes. */
static int resolve_one_target(int root_fd, const Config *config, size_t i, Target *ret,
                              Needs *needs, char ***warnings, char **reterr_message)
{
        _cleanup_(target_done) Target wanted = { 0 };
        _cleanup_(needs_done) Needs own = { 0 };
        size_t n_warnings = strv_length(*warnings);
        int r, k;

        r = target_in_effect(config, &config->targets[i], &wanted);
        if (r < 0)
                return r;
        r = resolve_target(root_fd, &wanted, ret, &own, warnings, reterr_message);
        k = warnings_place(&config->target_sources[i], *warnings, n_warnings);
        if (k >= 0)
                k = message_place(&config->target_sources[i], reterr_message);
        if (k >= 0)
                k = r < 0 ? strv_extend_strv(&needs->inputs, own.inputs) : needs_take(needs, &own);
        return k < 0 ? k : r;
}

/* Keeps in *last_message why the last target cannot work; that of the one before is a warning. */
static int leave_out(char *message, char ***warnings, char **last_message)
{
        int r = *last_message ? strv_extend(warnings, *last_message) : 0;

        free(*last_message);
        *last_message = message;
        return r < 0 || message ? r : -ENOMEM;
}

/* Appends the resolved target to the Plan. */
static int add_target(int root_fd, const Config *config, size_t i, Plan *plan, Needs *needs,
                      char ***warnings, char **last_message, char **reterr_message)
{
        _cleanup_(target_done) Target resolved = { 0 };
        _cleanup_free_ char *message = NULL;
        Target *bigger;
        int r;

        r = resolve_one_target(root_fd, config, i, &resolved, needs, warnings, &message);
        if (r == -EOPNOTSUPP || r == -EINVAL)
                return leave_out(TAKE_PTR(message), warnings, last_message);
        if (r == -EPROTONOSUPPORT) {
                /* Who wrote it relies on it: better to say so now than to arm less than that. */
                free(*reterr_message);
                *reterr_message = TAKE_PTR(message);
                return -EINVAL;
        }
        if (r < 0)
                return r;
        bigger = reallocarray(plan->targets, plan->n_targets + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        plan->targets = bigger;
        plan->targets[plan->n_targets++] = resolved;
        resolved = (Target){ 0 };
        return 0;
}

static int resolve_targets(int root_fd, const Config *config, Plan *plan, Needs *needs,
                           char ***warnings, char **reterr_message)
{
        _cleanup_free_ char *last_message = NULL;
        int r;

        for (size_t i = 0; i < config->n_targets; i++) {
                r = add_target(root_fd, config, i, plan, needs, warnings, &last_message,
                               reterr_message);
                if (r < 0)
                        return r;
        }
        /* The last one that cannot work is the error, or a warning if another can. */
        if (plan->n_targets > 0)
                return last_message ? strv_extend(warnings, last_message) : 0;
        (void) strprintf(reterr_message, "%s; no target is left to dump to",
                         last_message ?: "none is known");
        return -EINVAL;
}

/* The root file system, with the folder of the first target on it. */
static int resolve_rootfs(int root_fd, const Config *config, Plan *plan, Needs *needs,
                          char ***warnings)
{
        _cleanup_(target_done) Target wanted = { 0 };
        _cleanup_free_ char *root = NULL, *path = NULL, *message = NULL;
        int r;

        if (config->failure_action != ACTION_DUMP_TO_ROOTFS)
                return 0;
        r = target_in_effect(config, &config->targets[0], &wanted);
        if (r < 0)
                return r;
        wanted.type = TARGET_PATH;
        path = TAKE_PTR(wanted.path);
        wanted.path = strdup("/");
        plan->rootfs = calloc(1, sizeof(Target));
        if (!wanted.path || !plan->rootfs)
                return -ENOMEM;
        r = resolve_target(root_fd, &wanted, plan->rootfs, needs, warnings, &message);
        if (r == -EINVAL || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT) {
                /* The targets are still good: the final action comes at once after them. */
                free(TAKE_PTR(plan->rootfs));
                return strv_extendf(warnings, "dump_to_rootfs cannot work: %s", message ?: "?");
        }
        if (r < 0)
                return r;
        /* Path "/" was resolved to the root's place in its file system. */
        r = strprintf(&root, "%s%s%s", streq(plan->rootfs->path, "/") ? "" : plan->rootfs->path,
                      *path == '/' ? "" : "/", path);
        if (r < 0)
                return r;
        free(plan->rootfs->path);
        plan->rootfs->path = TAKE_PTR(root);
        return 0;
}

/* Says where the directive that led to @error was written. Returns @error. */
static int blame(const Config *config, Directive directive, int error, char **message)
{
        (void) message_place(&config->sources[directive], message);
        return error;
}

static int resolve_hooks(int root_fd, const Config *config, Plan *plan, Needs *needs,
                         char **reterr_message)
{
        const struct {
                Directive directive;
                const char *name, *path, *folder;
                char **ret_path, ***ret_paths;
        } hooks[] = {
                { DIRECTIVE_KDUMP_PRE, "kdump_pre", config->kdump_pre, "pre.d", &plan->kdump_pre,
                  &plan->pre_d },
                { DIRECTIVE_KDUMP_POST, "kdump_post", config->kdump_post, "post.d",
                  &plan->kdump_post, &plan->post_d },
                { DIRECTIVE_KDUMP_EMERGENCY, "kdump_emergency", config->kdump_emergency,
                  "emergency.d", &plan->kdump_emergency, &plan->emergency_d },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(hooks); i++) {
                r = needs_add_hook_folder(root_fd, hooks[i].folder, needs, hooks[i].ret_paths,
                                          reterr_message);
                if (r < 0)
                        return r;
                if (!hooks[i].path)
                        continue;
                r = needs_add_hook(root_fd, hooks[i].name, hooks[i].path, needs, hooks[i].ret_path,
                                   reterr_message);
                if (r < 0)
                        return blame(config, hooks[i].directive, r, reterr_message);
        }
        return 0;
}

static int resolve_programs(int root_fd, const Config *config, Plan *plan, Needs *needs,
                            char **reterr_message)
{
        const Collector *collector = &config->collector;
        int r;

        for (char **p = config->extra_bins; p && *p; p++) {
                r = needs_add_binary(root_fd, "extra_bins", *p, needs, reterr_message);
                if (r < 0)
                        return blame(config, DIRECTIVE_EXTRA_BINS, r, reterr_message);
        }
        plan->collector.dump_level = collector->dump_level;
        plan->collector.compression = collector->compression;
        plan->collector.format = collector->format;
        if (!collector->argv)
                return 0;
        r = strv_copy(collector->argv, &plan->collector.argv);
        if (r < 0)
                return r;
        r = needs_add_binary(root_fd, "core_collector", collector->argv[0], needs, reterr_message);
        return r < 0 ? blame(config, DIRECTIVE_CORE_COLLECTOR, r, reterr_message) : 0;
}

/* Takes out what the kernel has in itself: "kernel/fs/ext4/ext4.ko" in modules.builtin. */
static int drop_builtin(int root_fd, const char *release, char **drivers)
{
        _cleanup_free_ char *path = NULL, *data = NULL;
        char *rest, *line;
        int r;

        r = strprintf(&path, "/lib/modules/%s/modules.builtin", release);
        if (r < 0)
                return r;
        r = root_read(root_fd, path, 16 * 1024 * 1024, &data, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        rest = data;
        while ((line = strsep(&rest, "\n"))) {
                char *name = strrchr(line, '/'), **to = drivers;

                if (!name)
                        continue;
                name++;
                name[strcspn(name, ".")] = '\0';
                for (char *p = name; *p; p++)
                        if (*p == '-')
                                *p = '_';
                for (char **from = drivers; from && *from; from++)
                        if (streq(*from, name))
                                free(*from);
                        else
                                *to++ = *from;
                if (to)
                        *to = NULL;
        }
        return 0;
}

static int resolve_modules(int root_fd, const Config *config, const char *release, Needs *needs)
{
        int r;

        r = watchdog_drivers(root_fd, &needs->drivers);
        if (r < 0)
                return r;
        for (char **p = config->extra_modules; p && *p; p++) {
                r = drivers_add(&needs->drivers, *p);
                if (r < 0)
                        return r;
        }
        return release ? drop_builtin(root_fd, release, needs->drivers) : 0;
}

static int set_names(const Config *config, const Facts *facts, Plan *plan)
{
        plan->failure_action = config->failure_action;
        plan->final_action = config->final_action;
        if (set_string(&plan->hostname, facts->hostname) < 0 ||
            set_string(&plan->machine_id, facts->machine_id) < 0 ||
            set_string(&plan->kernel_release, config->kernel ?: facts->kernel_release) < 0)
                return -ENOMEM;
        return 0;
}

/* On a target that other machines dump to as well, the folder says whose dump it is. */
static int set_host(const Facts *facts, Plan *plan)
{
        const char *host = "127.0.0.1";
        int r;

        for (size_t i = 0; i < plan->n_targets; i++) {
                const TargetType type = plan->targets[i].type;

                if (type != TARGET_FS && type != TARGET_RAW && !strempty(facts->hostname))
                        host = facts->hostname;
        }
        r = set_string(&plan->host, host);
        if (r < 0)
                return r;
        /* It becomes a part of a file's name and of a URL. */
        for (char *p = plan->host; *p; p++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
                            *p) ||
                    (p == plan->host && *p == '.'))
                        *p = '_';
        return 0;
}

static int make_plan(int root_fd, const Config *config, const Facts *facts, Plan *plan,
                     Needs *needs, char ***warnings, char **reterr_message)
{
        int r;

        r = set_names(config, facts, plan);
        if (r >= 0)
                r = resolve_targets(root_fd, config, plan, needs, warnings, reterr_message);
        if (r >= 0)
                r = resolve_network(&(ResolveContext){ root_fd, needs, warnings, reterr_message },
                                    facts, plan);
        if (r >= 0)
                r = set_host(facts, plan);
        if (r >= 0)
                r = resolve_rootfs(root_fd, config, plan, needs, warnings);
        if (r >= 0)
                r = stack_add_settings(needs);
        if (r >= 0)
                r = resolve_hooks(root_fd, config, plan, needs, reterr_message);
        if (r >= 0)
                r = resolve_programs(root_fd, config, plan, needs, reterr_message);
        return r < 0 ? r : resolve_modules(root_fd, config, plan->kernel_release, needs);
}

int resolve_plan(int root_fd, const Config *config, const Facts *facts, Plan **ret,
                 Needs *ret_needs, char ***warnings, char **reterr_message)
{
        _cleanup_(plan_freep) Plan *plan = plan_new();
        _cleanup_(needs_done) Needs needs = { 0 };
        int r;

        if (!plan)
                return -ENOMEM;
        r = make_plan(root_fd, config, facts, plan, &needs, warnings, reterr_message);
        needs_sort(&needs);
        if (r < 0) {
                *ret_needs = (Needs){ .inputs = TAKE_PTR(needs.inputs) };
                return r;
        }
        *ret = TAKE_PTR(plan);
        *ret_needs = needs;
        needs = (Needs){ 0 };
        return 0;
}
