/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way from the configuration to a generation that could be loaded, and all checks on it.
 */
#include "wanted.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "cmdline.h"
#include "config.h"
#include "dump-folders.h"
#include "io.h"
#include "kernel-image.h"
#include "log.h"
#include "overlay.h"
#include "paths.h"
#include "resolve-network.h"
#include "resolve.h"
#include "rootdir.h"
#include "strv.h"
#include "wanted-internal.h"

/* All that is made on the way. */
typedef struct Work {
        int root_fd;
        const Facts *facts;
        const GenerationStore *store;
        FingerprintCache *cache;
        const char *keep_id;
        bool quiet;
        Config *config;
        Plan *plan;
        Needs needs;
        BaseImage base;
        Wanted wanted;
} Work;

void wanted_done(Wanted *wanted)
{
        if (!wanted)
                return;
        free(wanted->problem);
        free(wanted->base_missing);
        free(wanted->base_outdated);
        strv_free(wanted->changed_inputs);
        free(wanted->warning);
        strv_free(wanted->hosts);
        strv_free(wanted->dump_folders);
        strv_free(wanted->overlay_inputs);
        free(wanted->overlay);
        free(wanted->fallback);
        free(wanted->fallback_missing);
        generation_done(&wanted->generation);
        *wanted = (Wanted){ 0 };
}

static void work_done(Work *work)
{
        config_free(work->config);
        plan_free(work->plan);
        needs_done(&work->needs);
        base_image_done(&work->base);
        wanted_done(&work->wanted);
}

/* A step of the way that finds a problem returns 0, so that the next one is not taken; 1 to go on.
 */
static int problem(Work *work, const char *format, ...) _printf_(2, 3);
static int problem(Work *work, const char *format, ...)
{
        va_list ap;
        char *text;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        free(work->wanted.problem);
        work->wanted.problem = text;
        return 0;
}

/* The first error, as it stands, is the reason; there may be more in the journal. */
static int config_problem(Work *work, int error, const ConfigMessages *messages)
{
        const char *first = NULL;
        size_t n_errors = 0;

        work->wanted.config_error = true;
        for (size_t i = 0; i < messages->n_items; i++) {
                if (messages->items[i].level > LOG_ERR)
                        continue;
                first = first ?: messages->items[i].text;
                n_errors++;
        }
        if (!first)
                return problem(work, "%s: %s", PATH_CONFIG, strerror(-error));
        if (n_errors == 1)
                return problem(work, "%s", first);
        return problem(work, "%s (and %zu more)", first, n_errors - 1);
}

static int read_config(Work *work)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        int r;

        r = config_load(work->root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &work->config,
                        &messages);
        if (r == -ENOMEM)
                return r;
        for (size_t i = 0; !work->quiet && i < messages.n_items; i++)
                (void) log_full(messages.items[i].level, 0, "%s", messages.items[i].text);
        if (r < 0)
                return config_problem(work, r, &messages);
        r = resolve_hosts(work->config->targets, work->config->n_targets, &work->wanted.hosts);
        if (r < 0)
                return r;
        r = dump_folders(work->config, NULL, &work->wanted.dump_folders);
        if (r == -ENOMEM)
                return r;
        work->wanted.force_rebuild = work->config->force_rebuild;
        work->wanted.force_no_rebuild = work->config->force_no_rebuild;
        return 1;
}

/* What is armed in spite of it: the first one stands for all, which the journal has. */
static int set_warning(Work *work, char *const *warnings)
{
        const size_t n = strv_length(warnings);

        if (n == 0)
                return 0;
        if (n == 1)
                return strprintf(&work->wanted.warning, "%s", warnings[0]);
        return strprintf(&work->wanted.warning, "%s (and %zu more)", warnings[0], n - 1);
}

static int resolve(Work *work)
{
        _cleanup_free_ char *message = NULL;
        _cleanup_strv_ char **warnings = NULL;
        int r, error;

        r = resolve_plan(work->root_fd, work->config, work->facts, &work->plan, &work->needs,
                         &warnings, &message);
        for (char **s = warnings; !work->quiet && s && *s; s++)
                log_warning("%s", *s);
        if (r == -ENOMEM)
                return r;
        error = r;
        r = set_warning(work, warnings);
        if (r < 0)
                return r;
        r = strv_extend_strv(&work->wanted.overlay_inputs, work->needs.inputs);
        if (r < 0)
                return r;
        if (error < 0) {
                work->wanted.config_error = error == -EINVAL;
                return problem(work, "%s", message ?: strerror(-error));
        }
        for (size_t i = 0; i < work->needs.n_files; i++) {
                if (!work->needs.files[i].source)
                        continue;
                r = strv_extend(&work->wanted.overlay_inputs, work->needs.files[i].source);
                if (r < 0)
                        return r;
        }
        /* A folder may turn out to be on another machine. */
        r = resolve_hosts(work->plan->targets, work->plan->n_targets, &work->wanted.hosts);
        if (r < 0)
                return r;
        for (size_t i = 0; i < work->plan->n_targets; i++) {
                _cleanup_free_ char *text = NULL;

                r = target_describe(work->plan->targets + i, &text);
                if (r >= 0)
                        r = strv_extend(&work->wanted.generation.targets, text);
                if (r < 0)
                        return r;
        }
        return 1;
}

static int set(char **s, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*s);
        *s = copy;
        return 1;
}

static uint64_t modified_realtime_usec(int root_fd, const char *path)
{
        struct stat st;

        if (fstatat(root_fd, root_relative(path), &st, 0) < 0)
                return 0;
        return (uint64_t) st.st_mtim.tv_sec * USEC_PER_SEC + (uint64_t) st.st_mtim.tv_nsec / 1000;
}

/* Takes what was found out. A base that is missing and cannot be built is a problem. */
static int base_missing(Work *work, const BaseRequest *request, ImageFindings *findings)
{
        _cleanup_free_ char *why = NULL;
        int r;

        r = image_can_build(work->root_fd, request, &why);
        if (r == -ENOMEM)
                return r;
        if (r <= 0)
                return problem(work, "%s, but no base image can be built: %s", findings->why,
                               why ?: strerror(-r));
        work->wanted.base_missing = TAKE_PTR(findings->why);
        return 0;
}

/* The kernel is the base's own copy. */
static int take_base(Work *work)
{
        Generation *g = &work->wanted.generation;
        const BaseImage *base = &work->base;
        int r;

        g->base_bytes = base->size_bytes;
        g->base_realtime_usec = modified_realtime_usec(work->root_fd, base->path);
        r = set(&g->base_id, base->id);
        if (r >= 0)
                r = set(&g->base_path, base->path);
        if (r >= 0)
                r = set(&g->base_sha256, base->sha256);
        if (r >= 0)
                r = set(&g->kernel_path, base->kernel_path);
        if (r >= 0)
                r = set(&g->kernel_sha256, base->kernel_sha256);
        return r;
}

static int find_base(Work *work)
{
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };
        const BaseRequest request = {
                .kernel_release = work->wanted.generation.kernel_release,
                .drivers = work->needs.drivers,
                .binaries = work->needs.binaries,
                .dracut_args = work->config->dracut_args,
                .machine_id = work->facts->machine_id,
                .keep_id = work->keep_id,
        };
        int r;

        r = image_find(work->root_fd, work->cache, &request, &work->base, &findings);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return problem(work, "looking for a base image failed: %s", strerror(-r));
        work->wanted.changed_inputs = TAKE_PTR(findings.changed);
        if (findings.warning) {
                if (!work->quiet)
                        log_warning("%s.", findings.warning);
                free(work->wanted.warning);
                work->wanted.warning = TAKE_PTR(findings.warning);
        }
        if (r == 0)
                return base_missing(work, &request, &findings);
        work->wanted.base_outdated = TAKE_PTR(findings.why);
        return take_base(work);
}

/* Its memory need is what the base and the overlay have to leave it. */
static int check_kernel(Work *work, uint64_t *ret_init_size_bytes)
{
        const char *path = work->wanted.generation.kernel_path;
        _cleanup_close_ int fd = root_open(work->root_fd, path, O_RDONLY | O_NOCTTY);
        _cleanup_free_ char *message = NULL;
        KernelImage kernel;
        int r;

        if (fd < 0)
                return problem(work, "'%s' cannot be opened: %s", path, strerror(-fd));
        r = kernel_image_read(fd, &kernel, &message);
        if (r < 0)
                return problem(work, "'%s': %s", path, message ?: strerror(-r));
        *ret_init_size_bytes = MAX(kernel.init_size_bytes, kernel.file_bytes);
        return 1;
}

static int make_cmdline(Work *work)
{
        _cleanup_free_ char *message = NULL;
        int r;

        r = cmdline_build(work->config, work->facts, &work->wanted.generation.cmdline, &message);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                work->wanted.config_error = true;
                return problem(work, "%s", message ?: strerror(-r));
        }
        return 1;
}

/* The overlay holds the number of its generation. */
static int make_overlay(Work *work, uint64_t number)
{
        Generation *g = &work->wanted.generation;
        _cleanup_free_ uint8_t *overlay = NULL;
        _cleanup_free_ char *message = NULL;
        char hex[SHA256_HEX_SIZE];
        size_t size;
        int r;

        work->plan->generation = number;
        r = overlay_build(work->root_fd, work->plan, &work->needs, &overlay, &size, &message);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return problem(work, "the overlay cannot be made: %s", message ?: strerror(-r));
        r = overlay_check(overlay, size);
        if (r < 0)
                return problem(work, "the overlay just made cannot be read: %s", strerror(-r));
        r = generation_hash(overlay, size, hex);
        if (r < 0)
                return r;

        free(work->wanted.overlay);
        work->wanted.overlay = TAKE_PTR(overlay);
        g->number = number;
        g->overlay_bytes = size;
        g->created_realtime_usec = now_realtime_usec();
        return set(&g->overlay_sha256, hex);
}

static int make_fallback(Work *work)
{
        const WantedSources sources = {
                .root_fd = work->root_fd,
                .store = work->store,
                .config = work->config,
                .plan = work->plan,
                .needs = &work->needs,
                .base = &work->base,
        };
        int r;

        r = wanted_make_fallback(&sources, &work->wanted);
        return r < 0 ? r : 1;
}

/* The current number if that gives the same bytes; else a new one. */
static int number_generation(Work *work)
{
        Generation *g = &work->wanted.generation;
        const GenerationStore *store = work->store;
        int r;

        if (store->current.number > 0) {
                r = make_overlay(work, store->current.number);
                if (r > 0 && generation_same_but_fallback(g, &store->current))
                        r = make_fallback(work);
                if (r <= 0)
                        return r;
                if (generation_same_image(g, &store->current)) {
                        g->created_realtime_usec = store->current.created_realtime_usec;
                        return 1;
                }
        }
        r = make_overlay(work, store->next);
        return r > 0 ? make_fallback(work) : r;
}

static int check_sizes(Work *work, uint64_t init_size_bytes)
{
        const Generation *g = &work->wanted.generation;
        const KernelNeeds needs = {
                .init_size_bytes = init_size_bytes,
                .initrd_bytes = g->base_bytes + g->overlay_bytes,
                .unpacked_bytes = work->base.unpacked_bytes,
                .crash_size_bytes = work->facts->crash_size_bytes,
        };
        _cleanup_free_ char *reason = NULL;

        /* Not read if the kernel was busy for long. The load will tell. */
        if (needs.crash_size_bytes == 0 || kernel_image_fits(&needs, &reason))
                return 1;
        return problem(work, "%s", reason ?: "the image does not fit into the reserved memory");
}

static int walk(Work *work)
{
        uint64_t init_size_bytes = 0;
        int r;

        r = read_config(work);
        if (r > 0)
                r = resolve(work);
        if (r > 0)
                r = set(&work->wanted.generation.kernel_release, work->plan->kernel_release);
        if (r > 0)
                r = make_cmdline(work);
        if (r > 0)
                r = find_base(work);
        if (r > 0)
                r = check_kernel(work, &init_size_bytes);
        if (r > 0)
                r = number_generation(work);
        if (r > 0)
                r = check_sizes(work, init_size_bytes);
        return r;
}

int wanted_read(int root_fd, const Facts *facts, const GenerationStore *store,
                FingerprintCache *cache, const char *keep_id, bool quiet, Wanted *ret)
{
        _cleanup_(work_done) Work work = {
                .root_fd = root_fd,
                .facts = facts,
                .store = store,
                .cache = cache,
                .keep_id = keep_id,
                .quiet = quiet,
        };
        int r;

        r = walk(&work);
        if (r < 0)
                return r;
        /* A generation that cannot be had has no number. */
        if (work.wanted.problem || work.wanted.base_missing)
                work.wanted.generation.number = 0;
        *ret = work.wanted;
        work.wanted = (Wanted){ 0 };
        return 0;
}
