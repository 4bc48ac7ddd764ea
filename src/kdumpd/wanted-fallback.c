/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way to the fallback image of a generation, and when the one on disk will do. */
#include "changes.h"
#include "cmdline.h"
#include "fallback-image.h"
#include "io.h"
#include "kernel-image.h"
#include "module-list-order.h"
#include "overlay.h"
#include "paths.h"
#include "resolve-device.h"
#include "resolve-target.h"
#include "strv.h"
#include "wanted-internal.h"

static bool is_local(const Target *target)
{
        return target->type == TARGET_FS || target->type == TARGET_RAW;
}

/* The file system that dumps go to by default, in case that all targets are on other machines.
 * Returns 1 with *ret; 0 if there is no need for it, or it cannot be had. */
static int find_local(const WantedSources *s, Target *ret)
{
        _cleanup_(needs_done) Needs needs = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        const Target wanted = {
                .type = TARGET_PATH,
                .path = (char[]){ PATH_DEFAULT_DUMPS },
                .timeout_usec = s->config->general.timeout_usec,
        };
        int r;

        for (size_t i = 0; i < s->plan->n_targets; i++)
                if (is_local(s->plan->targets + i))
                        return 0;
        r = resolve_target(s->root_fd, &wanted, ret, &needs, &warnings, &message);
        if (r == -ENOMEM)
                return r;
        return r >= 0;
}

/* Watchdogs first, else by name: what is tried before a driver that hangs. */
static int sort_drivers(int root_fd, const char *kernel_release, char **drivers)
{
        _cleanup_(module_order_freep) ModuleOrder *order = NULL;
        size_t n_first = 0;
        int r;

        strv_sort(drivers);
        r = module_order_new(root_fd, kernel_release, &order);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; drivers && drivers[i]; i++) {
                const char *path = module_order_find(order, drivers[i]);
                char *driver = drivers[i];

                if (!path || !startswith(path, "kernel/drivers/watchdog/"))
                        continue;
                memmove(drivers + n_first + 1, drivers + n_first, (i - n_first) * sizeof(*drivers));
                drivers[n_first++] = driver;
        }
        return 0;
}

/* What the image is to hold, if it can: all that the base was made with, not only what is asked for
 * at this moment. Many watchdogs get their drivers after we have started, so that at each boot
 * there would be one image without them, and another one some minutes later, and neither would be
 * that of the boot before. The base has the drivers of all watchdogs that were there when it was
 * made, and is made anew for one that it lacks: they are the same as long as it serves, and those
 * that are not of use any more are gone with the next one. A driver without its device does
 * nothing. */
static int list_drivers(const WantedSources *s, char ***ret)
{
        _cleanup_strv_ char **drivers = NULL;
        int r;

        r = drivers_add_all(&drivers, s->base->drivers);
        if (r >= 0)
                r = drivers_add_all(&drivers, s->needs->drivers);
        if (r >= 0)
                r = sort_drivers(s->root_fd, s->base->kernel_release, drivers);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(drivers);
        return 0;
}

static int make_archive(const WantedSources *s, FallbackArchive *ret, char **reterr_message)
{
        _cleanup_(target_done) Target local = { 0 };
        _cleanup_strv_ char **drivers = NULL;
        _cleanup_free_ char *info = NULL;
        Needs needs = *s->needs;
        int r, found;

        found = find_local(s, &local);
        r = found < 0 ? found : list_drivers(s, &drivers);
        if (r < 0)
                return r;
        needs.drivers = drivers;
        (void) overlay_kernel_info(s->root_fd, &info);
        return fallback_archive_make(s->root_fd, s->base->kernel_release, s->plan, &needs,
                                     found > 0 ? &local : NULL, info, ret, reterr_message);
}

/* The digest of all that is in @archive. Modules count, but not in which order they are loaded:
 * those of watchdogs that have a driver now are first, also of those with none some minutes ago. */
static int hash_contents(const FallbackArchive *archive, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_(overlay_list_done) OverlayList list = { 0 };
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        r = overlay_list(archive->data, archive->size, &list);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (const OverlayFile *file = list.files; file < list.files + list.n_files; file++)
                if (!streq(file->path, PATH_FALLBACK_MODULES))
                        (void) fprintf(f, "%s %o %s\n", file->path, file->mode, file->sha256);
        (void) fputs(list.plan_json ?: "", f);
        if (fclose(f) != 0)
                return -ENOMEM;
        return generation_hash(text, size, ret_hex);
}

static bool is_below(const char *path, const char *folder, const char *kernel_release)
{
        const char *rest = startswith(path, folder);

        if (rest)
                rest = startswith(rest, kernel_release);
        return rest && *rest == '/';
}

/* Whether the modules on disk may be of another build of the base's kernel: its package has the
 * same release then. *ret: what tells so, of the inputs of the base; NULL: nothing. */
static int find_other_build(const WantedSources *s, const Wanted *wanted, const char **ret)
{
        _cleanup_free_ char *kernel = NULL;
        const char *release = s->base->kernel_release;
        int r;

        *ret = NULL;
        if (!wanted->base_outdated)
                return 0;
        r = kernel_image_find(s->root_fd, release, s->plan->machine_id, &kernel);
        if (r == -ENOMEM)
                return r;
        for (char *const *path = wanted->changed_inputs; path && *path && !*ret; path++)
                if (streq_ptr(*path, kernel) || is_below(*path, "/usr/lib/modules/", release) ||
                    is_below(*path, "/lib/modules/", release))
                        *ret = *path;
        return 0;
}

/* Modules that do not fit the kernel would not be loaded, and without them there is no disk. */
static int check_modules(const WantedSources *s, const Wanted *wanted, char **reterr_message)
{
        const char *changed;
        int r;

        r = find_other_build(s, wanted, &changed);
        if (r < 0 || !changed)
                return r;
        return fail_text(-EOPNOTSUPP, reterr_message,
                         "'%s' has changed, and other modules of kernel '%s' than those of the "
                         "base image may not fit the kernel that it has",
                         changed, s->base->kernel_release);
}

/* The image of the current generation, read from disk, if it was made of the same archive.
 * Returns 1 if it was taken. */
static int take_current(const GenerationStore *store, const char *archive_sha256, Wanted *wanted)
{
        Generation *g = &wanted->generation;
        _cleanup_free_ char *data = NULL, *message = NULL;
        size_t size;

        if (!streq_ptr(store->current.fallback_archive_sha256, archive_sha256) ||
            generation_read_fallback(store, &store->current, &data, &size, &message) < 0)
                return 0;
        g->fallback_sha256 = strdup(store->current.fallback_sha256);
        if (!g->fallback_sha256)
                return -ENOMEM;
        g->fallback_bytes = size;
        wanted->fallback = (uint8_t *) TAKE_PTR(data);
        return 1;
}

static int pack(const FallbackArchive *archive, Wanted *wanted)
{
        Generation *g = &wanted->generation;
        char hex[SHA256_HEX_SIZE];
        size_t size;
        int r;

        r = fallback_archive_pack(archive, &wanted->fallback, &size);
        if (r >= 0)
                r = generation_hash(wanted->fallback, size, hex);
        if (r < 0)
                return r;
        g->fallback_bytes = size;
        g->fallback_sha256 = strdup(hex);
        return g->fallback_sha256 ? 0 : -ENOMEM;
}

static int make(const WantedSources *s, Wanted *wanted, char **reterr_message)
{
        _cleanup_(fallback_archive_done) FallbackArchive archive = { 0 };
        Generation *g = &wanted->generation;
        char hex[SHA256_HEX_SIZE];
        int r;

        r = check_modules(s, wanted, reterr_message);
        if (r >= 0)
                r = cmdline_build_fallback(g->cmdline, &g->fallback_cmdline, reterr_message);
        if (r >= 0)
                r = make_archive(s, &archive, reterr_message);
        if (r >= 0)
                r = hash_contents(&archive, hex);
        if (r < 0)
                return r;
        g->fallback_target = TAKE_PTR(archive.target_words);
        g->fallback_archive_sha256 = strdup(hex);
        if (!g->fallback_archive_sha256)
                return -ENOMEM;
        /* To pack it takes most of the time, and most looks find nothing new. */
        r = take_current(s->store, hex, wanted);
        return r != 0 ? r : pack(&archive, wanted);
}

/* Whether @wanted is the current generation in all else, and that has a fallback image. */
static bool has_current(const GenerationStore *store, const Wanted *wanted)
{
        return store->current.number == wanted->generation.number && store->current.fallback_sha256;
}

/* A package that is just being replaced must not take away what is armed. The bytes are only there
 * to mend what is on disk. */
static int keep_current(const GenerationStore *store, Wanted *wanted)
{
        _cleanup_(generation_done) Generation copy = { 0 };
        _cleanup_free_ char *data = NULL, *message = NULL;
        Generation *g = &wanted->generation;
        size_t size;
        int r;

        r = generation_copy(&store->current, &copy);
        if (r < 0)
                return r;
        g->fallback_sha256 = TAKE_PTR(copy.fallback_sha256);
        g->fallback_cmdline = TAKE_PTR(copy.fallback_cmdline);
        g->fallback_archive_sha256 = TAKE_PTR(copy.fallback_archive_sha256);
        g->fallback_target = TAKE_PTR(copy.fallback_target);
        g->fallback_bytes = copy.fallback_bytes;
        if (generation_read_fallback(store, &store->current, &data, &size, &message) >= 0)
                wanted->fallback = (uint8_t *) TAKE_PTR(data);
        return 0;
}

static void forget(Wanted *wanted)
{
        generation_drop_fallback(&wanted->generation);
        free(TAKE_PTR(wanted->fallback));
        free(TAKE_PTR(wanted->fallback_missing));
}

int wanted_make_fallback(const WantedSources *sources, Wanted *wanted)
{
        _cleanup_free_ char *message = NULL;
        bool current = has_current(sources->store, wanted);
        int r;

        forget(wanted);
        /* The kernel is still the base's own copy of what was installed, and the modules of another
         * build of it may not fit. */
        if (current && wanted->base_outdated)
                return keep_current(sources->store, wanted);
        r = make(sources, wanted, &message);
        if (r >= 0)
                return 0;
        forget(wanted);
        if (message)
                wanted->fallback_missing = TAKE_PTR(message);
        else if (strprintf(&wanted->fallback_missing, "%s", strerror(-r)) < 0)
                return -ENOMEM;
        return current ? keep_current(sources->store, wanted) : 0;
}
