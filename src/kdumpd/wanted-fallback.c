/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way to the fallback image of a generation, and when the one on disk will do. */
#include "cmdline.h"
#include "fallback-image.h"
#include "overlay.h"
#include "paths.h"
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

static int make_archive(const WantedSources *s, const char *kernel_release, FallbackArchive *ret,
                        char **reterr_message)
{
        _cleanup_(target_done) Target local = { 0 };
        _cleanup_free_ char *info = NULL;
        int r;

        r = find_local(s, &local);
        if (r < 0)
                return r;
        (void) overlay_kernel_info(s->root_fd, &info);
        return fallback_archive_make(s->root_fd, kernel_release, s->plan, s->needs,
                                     r > 0 ? &local : NULL, info, ret, reterr_message);
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

        r = cmdline_build_fallback(g->cmdline, &g->fallback_cmdline, reterr_message);
        if (r >= 0)
                r = make_archive(s, g->kernel_release, &archive, reterr_message);
        if (r >= 0)
                r = generation_hash(archive.data, archive.size, hex);
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
