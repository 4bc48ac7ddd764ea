/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice among the base images that are there, and the removal of those of no use. */
#include "image.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "kernel-image.h"
#include "log.h"
#include "manifest.h"
#include "module-list.h"
#include "rootdir.h"
#include "strv.h"

/* Debian 12 with the drivers of a virtual machine: a kernel of 8 MiB, files of 32 MiB that become
 * 12 MiB, of which there are two for a moment. */
#define BUILD_BYTES (UINT64_C(64) * 1024 * 1024)

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
        r = root_read(root_fd, path, MANIFEST_BYTES_MAX, &json, &size);
        if (r >= 0)
                r = manifest_from_json(json, size, &manifest);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = strprintf(&manifest.base.path, PATH_BASES "/%s/initrd.img", id);
        if (r < 0)
                return r;
        r = strprintf(&manifest.base.kernel_path, PATH_BASES "/%s/vmlinuz", id);
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

void image_findings_done(ImageFindings *findings)
{
        free(findings->why);
        strv_free(findings->changed);
        free(findings->warning);
        *findings = (ImageFindings){ 0 };
}

/* All manifests, or those for @kernel_release only. */
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
                if (!kernel_release || streq(manifest->base.kernel_release, kernel_release))
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

/* Returns 1 if they are, 0 if not. */
static int modules_installed(int root_fd, const char *kernel_release)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = module_list_path(kernel_release, &path);
        if (r < 0)
                return r;
        return faccessat(root_fd, root_relative(path), R_OK, 0) == 0;
}

/* A module that is not known to be in the image. Without the kernel's modules nobody can tell
 * whether it is a builtin one, and none can be added: the image is the best there will ever be.
 * Returns 1 to go on. */
static int driver_missing(int root_fd, const BaseImage *base, const char *driver,
                          ImageFindings *findings)
{
        int r;

        r = modules_installed(root_fd, base->kernel_release);
        if (r < 0)
                return r;
        if (r > 0) {
                r = strprintf(&findings->why, "module '%s' is not in base image '%s'", driver,
                              base->id);
                return r < 0 ? r : 0;
        }
        r = strprintf(&findings->warning,
                      "module '%s' may not be in base image '%s', and the modules of kernel '%s' "
                      "are not installed any more",
                      driver, base->id, base->kernel_release);
        return r < 0 ? r : 1;
}

/* Returns 1 if the base was made for all that @request wants, else 0 with the reason. */
static int serves_request(int root_fd, const BaseImage *base, const BaseRequest *request,
                          ImageFindings *findings)
{
        const char *missing;
        int r;

        if (base->plan_version != PLAN_VERSION)
                r = strprintf(&findings->why, "base image '%s' is for Plan version %u, not %u",
                              base->id, base->plan_version, PLAN_VERSION);
        else if (!base->kernel_sha256)
                r = strprintf(&findings->why, "base image '%s' has no kernel with it", base->id);
        else if ((missing = first_missing(request->binaries, base->binaries)))
                r = strprintf(&findings->why, "program '%s' is not in base image '%s'", missing,
                              base->id);
        else if (!lists_equal(request->dracut_args, base->dracut_args))
                r = strprintf(&findings->why, "dracut_args is not as it was for base image '%s'",
                              base->id);
        else if ((missing = first_missing(request->drivers, base->drivers)))
                return driver_missing(root_fd, base, missing, findings);
        else
                return 1;
        return r < 0 ? r : 0;
}

/* Returns 1 if @path is a file as it was made, else 0 with *ret_why. */
static int file_is_whole(int root_fd, FingerprintCache *cache, const char *path, const char *sha256,
                         uint64_t size_bytes, char **ret_why)
{
        char hex[SHA256_HEX_SIZE];
        struct stat st;
        int r;

        if (fstatat(root_fd, root_relative(path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode) || (uint64_t) st.st_size != size_bytes) {
                r = strprintf(ret_why, "'%s' is missing or of another size", path);
                return r < 0 ? r : 0;
        }
        r = fingerprint_file(cache, root_fd, path, hex);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                r = strprintf(ret_why, "'%s' cannot be read: %s", path, strerror(-r));
                return r < 0 ? r : 0;
        }
        if (streq(hex, sha256))
                return 1;
        r = strprintf(ret_why, "'%s' is damaged", path);
        return r < 0 ? r : 0;
}

static int image_is_whole(int root_fd, FingerprintCache *cache, const BaseImage *base,
                          char **ret_why)
{
        int r;

        r = file_is_whole(root_fd, cache, base->kernel_path, base->kernel_sha256,
                          base->kernel_bytes, ret_why);
        if (r <= 0)
                return r;
        return file_is_whole(root_fd, cache, base->path, base->sha256, base->size_bytes, ret_why);
}

/* Returns 1 if there is a kernel at *ret_path that could be loaded; 0 if none is there (*ret_path
 * is then NULL) or that cannot be (with *ret_why). */
static int find_kernel(int root_fd, const BaseRequest *request, char **ret_path, char **ret_why)
{
        _cleanup_free_ char *path = NULL, *message = NULL;
        _cleanup_close_ int fd = -EBADF;
        KernelImage kernel;
        int r;

        *ret_path = NULL;
        r = kernel_image_find(root_fd, request->kernel_release, request->machine_id, &path);
        if (r == -ENOENT) {
                r = strprintf(ret_why, "there is no image of kernel '%s'", request->kernel_release);
                return r < 0 ? r : 0;
        }
        if (r < 0)
                return r;
        fd = root_open(root_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
        r = fd < 0 ? fd : kernel_image_read(fd, &kernel, &message);
        if (r == -ENOMEM)
                return r;
        if (r >= 0) {
                *ret_path = TAKE_PTR(path);
                return 1;
        }
        r = strprintf(ret_why, "'%s' cannot be loaded as a kernel: %s", path,
                      message ?: strerror(-r));
        if (r < 0)
                return r;
        *ret_path = TAKE_PTR(path);
        return 0;
}

int image_can_build(int root_fd, const BaseRequest *request, char **ret_why)
{
        _cleanup_free_ char *kernel = NULL;
        int r;

        r = modules_installed(root_fd, request->kernel_release);
        if (r < 0)
                return r;
        if (r > 0)
                return find_kernel(root_fd, request, &kernel, ret_why);
        r = strprintf(ret_why, "the modules of kernel '%s' are not installed",
                      request->kernel_release);
        return r < 0 ? r : 0;
}

/* A kernel that was replaced by one that cannot be loaded changes nothing but to be told. Returns 1
 * if it has changed, with its path added to the findings; 0 if not. */
static int kernel_changed(int root_fd, FingerprintCache *cache, const Manifest *manifest,
                          const BaseRequest *request, ImageFindings *findings)
{
        _cleanup_free_ char *path = NULL, *why = NULL;
        char hex[SHA256_HEX_SIZE];
        int found, r;

        found = find_kernel(root_fd, request, &path, &why);
        if (found < 0)
                return found;
        if (!path)
                return 0;
        r = fingerprint_file(cache, root_fd, path, hex);
        if (r == -ENOMEM)
                return r;
        if (r >= 0 && streq(hex, manifest->base.kernel_sha256))
                return 0;
        if (found > 0 && r >= 0) {
                r = strv_extend(&findings->changed, path);
                return r < 0 ? r : 1;
        }
        if (!why)
                r = strprintf(&why, "'%s' cannot be read: %s", path, strerror(-r));
        free(TAKE_PTR(findings->warning));
        if (why)
                r = strprintf(&findings->warning, "%s; its copy in base image '%s' stays in use",
                              why, manifest->base.id);
        return r < 0 ? r : 0;
}

static int describe_changes(char *const *changed, char **ret_why)
{
        size_t n = strv_length(changed);

        return n == 1 ? strprintf(ret_why, "'%s' has changed", changed[0])
                      : strprintf(ret_why, "'%s' has changed (and %zu more)", changed[0], n - 1);
}

/* Returns 1 if the image serves, maybe with a warning; 0 with the reason. The cheap checks first.
 */
static int is_usable(int root_fd, FingerprintCache *cache, const Manifest *manifest,
                     const BaseRequest *request, bool may_have_changed, ImageFindings *findings)
{
        _cleanup_free_ char *damage = NULL;
        int r;

        r = serves_request(root_fd, &manifest->base, request, findings);
        if (r <= 0)
                return r;
        r = manifest_inputs_changed(root_fd, cache, manifest, &findings->changed);
        if (r < 0)
                return r;
        r = kernel_changed(root_fd, cache, manifest, request, findings);
        if (r < 0)
                return r;
        if (findings->changed) {
                r = describe_changes(findings->changed, &findings->why);
                if (r < 0 || !may_have_changed)
                        return MIN(r, 0);
        }
        r = image_is_whole(root_fd, cache, &manifest->base, &damage);
        if (r != 0)
                return r;
        free(findings->why);
        findings->why = TAKE_PTR(damage);
        return 0;
}

static void move_findings(ImageFindings *from, ImageFindings *to)
{
        image_findings_done(to);
        *to = *from;
        *from = (ImageFindings){ 0 };
}

/* Returns as is_usable(); the base of @manifest is moved to *ret if it is. */
static int take_if_usable(int root_fd, FingerprintCache *cache, Manifest *manifest,
                          const BaseRequest *request, bool may_have_changed, BaseImage *ret,
                          ImageFindings *findings)
{
        int r = is_usable(root_fd, cache, manifest, request, may_have_changed, findings);

        if (r > 0) {
                *ret = manifest->base;
                manifest->base = (BaseImage){ 0 };
        }
        return r;
}

int image_find(int root_fd, FingerprintCache *cache, const BaseRequest *request, BaseImage *ret,
               ImageFindings *ret_findings)
{
        _cleanup_(manifest_list_done) ManifestList list = { 0 };
        _cleanup_(image_findings_done) ImageFindings found = { 0 }, newest = { 0 };
        int r;

        r = read_manifests(root_fd, request->kernel_release, &list);
        for (size_t i = 0; r == 0 && i < list.n_items; i++) {
                r = take_if_usable(root_fd, cache, &list.items[i], request, false, ret, &found);
                if (i == 0 || r > 0)
                        move_findings(&found, &newest);
                image_findings_done(&found);
        }
        /* What is in use, not what was made since: while files change, those that it is made of may
         * not fit together. */
        for (size_t i = 0; r == 0 && request->keep_id && i < list.n_items; i++) {
                if (!streq(request->keep_id, BASE_KEEP_NEWEST) &&
                    !streq(list.items[i].base.id, request->keep_id))
                        continue;
                r = take_if_usable(root_fd, cache, &list.items[i], request, true, ret, &found);
                if (r > 0)
                        move_findings(&found, &newest);
                image_findings_done(&found);
        }
        if (r < 0)
                return r;
        if (r == 0 && !newest.why &&
            strprintf(&newest.why, "there is no base image for kernel %s",
                      request->kernel_release) < 0)
                return -ENOMEM;
        *ret_findings = newest;
        newest = (ImageFindings){ 0 };
        return r;
}

int image_inputs(int root_fd, const char *base_id, char ***ret)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        int r;

        r = read_manifest(root_fd, base_id, &manifest);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        return manifest_input_paths(&manifest, ret);
}

int image_build_bytes(int root_fd, uint64_t *ret_bytes)
{
        _cleanup_(manifest_list_done) ManifestList list = { 0 };
        int r;

        r = read_manifests(root_fd, NULL, &list);
        if (r < 0)
                return r;
        *ret_bytes = BUILD_BYTES;
        for (size_t i = 0; i < list.n_items; i++) {
                const BaseImage *base = &list.items[i].base;
                uint64_t sum;

                /* dracut's folder, the image that it writes and its copy, and the kernel. */
                if (base->unpacked_bytes == 0 ||
                    __builtin_add_overflow(base->unpacked_bytes, base->kernel_bytes, &sum) ||
                    __builtin_add_overflow(sum, base->size_bytes, &sum) ||
                    __builtin_add_overflow(sum, base->size_bytes, &sum))
                        continue;
                *ret_bytes = sum;
                break;
        }
        return 0;
}

/* The newest of each kernel that is installed: what a boot of that one arms at once. Its image may
 * be in a /boot that is not mounted now. */
static int keep_newest(int root_fd, const ManifestList *list, char ***keep)
{
        _cleanup_strv_ char **seen = NULL;
        int r;

        for (size_t i = 0; i < list->n_items; i++) {
                const BaseImage *base = &list->items[i].base;

                if (base->plan_version != PLAN_VERSION || !base->kernel_sha256 ||
                    strv_contains(seen, base->kernel_release))
                        continue;
                r = strv_extend(&seen, base->kernel_release);
                if (r < 0)
                        return r;
                r = modules_installed(root_fd, base->kernel_release);
                if (r > 0)
                        r = strv_extend(keep, base->id);
                if (r < 0)
                        return r;
        }
        return 0;
}

int image_prune(int root_fd, char *const *keep_ids)
{
        _cleanup_(manifest_list_done) ManifestList list = { 0 };
        _cleanup_strv_ char **ids = NULL, **keep = NULL;
        int r;

        r = root_list(root_fd, PATH_BASES, &ids);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = strv_copy(keep_ids, &keep);
        if (r < 0)
                return r;
        r = read_manifests(root_fd, NULL, &list);
        if (r < 0)
                return r;
        r = keep_newest(root_fd, &list, &keep);
        if (r < 0)
                return r;
        for (char **id = ids; id && *id; id++) {
                _cleanup_free_ char *path = NULL;

                if (strv_contains(keep, *id))
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
