/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the question which kernels want a base image before they run. */
#include "image-pending.h"

#include "config-value.h"
#include "io.h"
#include "log.h"
#include "resolve.h"
#include "rootdir.h"
#include "strv.h"

#define PATH_MODULES "/lib/modules"
#define RELEASE_MAX_BYTES 64 /* struct new_utsname */

/* It becomes part of paths. */
static bool release_is_valid(const char *release)
{
        _cleanup_free_ char *copy = NULL, *expected = NULL;

        return strlen(release) <= RELEASE_MAX_BYTES &&
               value_release.parse(release, &copy, &expected) >= 0;
}

/* As `systemd-escape` does: what may be in a unit's name stays, but for '-', which is '/'. */
int image_build_unit(const char *kernel_release, char **ret)
{
        static const char valid[] =
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:_.";
        char escaped[RELEASE_MAX_BYTES * 4 + 1], *to = escaped;

        if (!release_is_valid(kernel_release))
                return -EINVAL;
        for (const char *p = kernel_release; *p; p++) {
                if (strchr(valid, *p))
                        *to++ = *p;
                else
                        to += snprintf(to, 5, "\\x%02x", (unsigned char) *p);
        }
        *to = '\0';
        return strprintf(ret, "kdump-build@%s.service", escaped);
}

/* Returns 1 if an image is to be built. */
static int is_pending(int root_fd, const Config *config, const Facts *facts, char *release,
                      FingerprintCache *cache)
{
        Facts other = *facts;
        _cleanup_(plan_freep) Plan *plan = NULL;
        _cleanup_(needs_done) Needs needs = { 0 };
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL, *why = NULL;
        BaseRequest request = {
                .kernel_release = release,
                .dracut_args = config->dracut_args,
                .machine_id = facts->machine_id,
        };
        int r;

        r = image_can_build(root_fd, &request, &why);
        if (r <= 0)
                return r;
        other.kernel_release = release;
        r = resolve_plan(root_fd, config, &other, &plan, &needs, &warnings, &message);
        if (r < 0)
                return r;
        request.drivers = needs.drivers;
        request.binaries = needs.binaries;
        r = image_find(root_fd, cache, &request, &base, &findings);
        return r < 0 ? r : r == 0;
}

static int newest_first(const void *a, const void *b)
{
        return strverscmp(*(char *const *) b, *(char *const *) a);
}

int image_pending(int root_fd, const Facts *facts, FingerprintCache *cache, char ***ret_releases)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_strv_ char **releases = NULL, **pending = NULL;
        int r;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        if (r < 0)
                return r;
        if (config->kernel) {
                *ret_releases = NULL;
                return 0;
        }
        r = root_list(root_fd, PATH_MODULES, &releases);
        if (r < 0 && r != -ENOENT)
                return r;
        for (char **release = releases; release && *release; release++) {
                if (streq(*release, facts->kernel_release) || !release_is_valid(*release))
                        continue;
                r = is_pending(root_fd, config, facts, *release, cache);
                if (r < 0 && r != -ENOMEM) {
                        log_debug("Whether kernel '%s' wants a base image cannot be told: %s",
                                  *release, strerror(-r));
                        continue;
                }
                if (r > 0)
                        r = strv_extend(&pending, *release);
                if (r < 0)
                        return r;
        }
        if (pending)
                qsort(pending, strv_length(pending), sizeof(*pending), newest_first);
        *ret_releases = TAKE_PTR(pending);
        return 0;
}
