/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice among the base images that are there, and the removal of those of no use. */
#include "image.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "log.h"
#include "manifest.h"
#include "paths.h"
#include "rootdir.h"
#include "sha256.h"
#include "strv.h"

#define PATH_BASES PATH_STATE_DIR "/base"
#define MANIFEST_MAX_BYTES ((size_t) 1024 * 1024)

typedef struct ManifestList {
        Manifest *items;
        size_t n_items;
} ManifestList;

static void manifest_list_done(ManifestList *list)
{
        for (size_t i = 0; i < list->n_items; i++)
                manifest_done(&list->items[i]);
        free(list->items);
        *list = (ManifestList){ 0 };
}

/* Reads the manifest of base @id. Returns 1; 0 if there is none that can be read. */
static int read_manifest(int root_fd, const char *id, Manifest *ret)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_free_ char *path = NULL, *json = NULL;
        size_t size;
        int r;

        r = strprintf(&path, PATH_BASES "/%s/manifest.json", id);
        if (r < 0)
                return r;
        r = root_read(root_fd, path, MANIFEST_MAX_BYTES, &json, &size);
        if (r >= 0)
                r = manifest_from_json(json, size, &manifest);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = strprintf(&manifest.base.path, PATH_BASES "/%s/initrd.img", id);
        if (r < 0)
                return r;
        manifest.base.id = strdup(id);
        if (!manifest.base.id)
                return -ENOMEM;
        *ret = manifest;
        manifest = (Manifest){ 0 };
        return 1;
}

static int newest_first(const void *a, const void *b)
{
        const Manifest *x = a, *y = b;

        if (x->created_usec != y->created_usec)
                return x->created_usec < y->created_usec ? 1 : -1;
        return strcmp(x->base.id, y->base.id);
}

/* All manifests for @kernel_release. */
static int read_manifests(int root_fd, const char *kernel_release, ManifestList *ret)
{
        _cleanup_strv_ char **ids = NULL;
        _cleanup_(manifest_list_done) ManifestList list = { 0 };
        int r;

        r = root_list(root_fd, PATH_BASES, &ids);
        if (r < 0 && r != -ENOENT)
                return r;
        list.items = calloc(strv_length(ids) + 1, sizeof(*list.items));
        if (!list.items)
                return -ENOMEM;
        for (char **id = ids; id && *id; id++) {
                Manifest *manifest = &list.items[list.n_items];

                r = read_manifest(root_fd, *id, manifest);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                if (streq(manifest->base.kernel_release, kernel_release))
                        list.n_items++;
                else
                        manifest_done(manifest);
        }
        qsort(list.items, list.n_items, sizeof(*list.items), newest_first);
        *ret = list;
        list = (ManifestList){ 0 };
        return 0;
}

/* The first of @wanted that is not in @have; NULL if all are. */
static const char *first_missing(char *const *wanted, char *const *have)
{
        for (char *const *p = wanted; p && *p; p++)
                if (!strv_contains(have, *p))
                        return *p;
        return NULL;
}

static bool lists_equal(char *const *a, char *const *b)
{
        if (strv_length(a) != strv_length(b))
                return false;
        for (size_t i = 0; a && a[i]; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

/* Returns 1 if the base was made for all that @request wants, else 0 with *ret_why. */
static int serves_request(const BaseImage *base, const BaseRequest *request, char **ret_why)
{
        const char *missing;
        int r;

        if (base->plan_version != PLAN_VERSION)
                r = strprintf(ret_why, "base image '%s' is for Plan version %u, not %u", base->id,
                              base->plan_version, PLAN_VERSION);
        else if ((missing = first_missing(request->drivers, base->drivers)))
                r = strprintf(ret_why, "module '%s' is not in base image '%s'", missing, base->id);
        else if ((missing = first_missing(request->binaries, base->binaries)))
                r = strprintf(ret_why, "program '%s' is not in base image '%s'", missing, base->id);
        else if (!lists_equal(request->dracut_args, base->dracut_args))
                r = strprintf(ret_why, "dracut_args is not as it was for base image '%s'",
                              base->id);
        else
                return 1;
        return r < 0 ? r : 0;
}

/* Returns 1 if the image is as it was made, else 0 with *ret_why. */
static int image_is_whole(int root_fd, const BaseImage *base, char **ret_why)
{
        _cleanup_close_ int fd = -EBADF;
        char hex[SHA256_HEX_SIZE];
        struct stat st;
        int r;

        fd = root_open(root_fd, base->path, O_RDONLY | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            (uint64_t) st.st_size != base->size_bytes) {
                r = strprintf(ret_why, "'%s' is missing or of another size", base->path);
                return r < 0 ? r : 0;
        }
        r = sha256_fd(fd, hex);
        if (r < 0)
                return r;
        if (streq(hex, base->sha256))
                return 1;
        r = strprintf(ret_why, "'%s' is damaged", base->path);
        return r < 0 ? r : 0;
}

/* The cheap checks first. */
static int is_usable(int root_fd, const Manifest *manifest, const BaseRequest *request,
                     char **ret_why)
{
        const char *changed;
        int r;

        r = serves_request(&manifest->base, request, ret_why);
        if (r <= 0)
                return r;
        r = manifest_inputs_changed(root_fd, manifest, &changed);
        if (r < 0)
                return r;
        if (r > 0) {
                r = strprintf(ret_why, "'%s' has changed", changed);
                return r < 0 ? r : 0;
        }
        return image_is_whole(root_fd, &manifest->base, ret_why);
}

int image_find(int root_fd, const BaseRequest *request, BaseImage *ret, char **ret_why)
{
        _cleanup_(manifest_list_done) ManifestList list = { 0 };
        _cleanup_free_ char *newest_why = NULL;
        int r;

        r = read_manifests(root_fd, request->kernel_release, &list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < list.n_items; i++) {
                _cleanup_free_ char *why = NULL;

                r = is_usable(root_fd, &list.items[i], request, &why);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret = list.items[i].base;
                        list.items[i].base = (BaseImage){ 0 };
                        return 1;
                }
                if (!newest_why)
                        newest_why = TAKE_PTR(why);
        }
        if (!newest_why) {
                r = strprintf(&newest_why, "there is no base image for kernel %s",
                              request->kernel_release);
                if (r < 0)
                        return r;
        }
        *ret_why = TAKE_PTR(newest_why);
        return 0;
}

int image_prune(int root_fd, char *const *keep_ids)
{
        _cleanup_strv_ char **ids = NULL;
        int r;

        r = root_list(root_fd, PATH_BASES, &ids);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **id = ids; id && *id; id++) {
                _cleanup_free_ char *path = NULL;

                if (strv_contains(keep_ids, *id))
                        continue;
                r = strprintf(&path, PATH_BASES "/%s", *id);
                if (r < 0)
                        return r;
                r = root_remove_tree(root_fd, path);
                if (r < 0)
                        return r;
                log_debug("Removed base image '%s'.", *id);
        }
        return 0;
}
