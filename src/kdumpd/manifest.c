/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of the manifest file and the comparison of its inputs. */
#include "manifest.h"

#include "fingerprint.h"
#include "json-fields.h"
#include "module-list.h"
#include "strv.h"

static const JsonField manifest_fields[] = {
        { "kernel_release", JSON_FIELD_STRING, offsetof(Manifest, base.kernel_release),
          .required = true },
        { "plan_version", JSON_FIELD_UINT, offsetof(Manifest, base.plan_version),
          .required = true },
        { "drivers", JSON_FIELD_STRINGS, offsetof(Manifest, base.drivers) },
        { "binaries", JSON_FIELD_STRINGS, offsetof(Manifest, base.binaries) },
        { "dracut_args", JSON_FIELD_STRINGS, offsetof(Manifest, base.dracut_args) },
        { "sha256", JSON_FIELD_STRING, offsetof(Manifest, base.sha256), .required = true },
        { "size_bytes", JSON_FIELD_U64, offsetof(Manifest, base.size_bytes), .required = true },
        /* Not required: images that were made before they were recorded are known by the lack. */
        { "kernel_sha256", JSON_FIELD_STRING, offsetof(Manifest, base.kernel_sha256) },
        { "kernel_bytes", JSON_FIELD_U64, offsetof(Manifest, base.kernel_bytes) },
        { "unpacked_bytes", JSON_FIELD_U64, offsetof(Manifest, base.unpacked_bytes) },
        { "created_usec", JSON_FIELD_U64, offsetof(Manifest, created_usec), .required = true },
        { "kernel_source", JSON_FIELD_STRING, offsetof(Manifest, kernel_source) },
        { "modules", JSON_FIELD_STRINGS, offsetof(Manifest, modules) },
        { "modules_sha256", JSON_FIELD_STRING, offsetof(Manifest, modules_sha256) },
        { "modules_dep_sha256", JSON_FIELD_STRING, offsetof(Manifest, modules_dep_sha256) },
};

static const JsonField input_fields[] = {
        { "path", JSON_FIELD_STRING, offsetof(ManifestInput, path), .required = true },
        { "sha256", JSON_FIELD_STRING, offsetof(ManifestInput, sha256), .required = true },
};

void base_image_done(BaseImage *base)
{
        free(base->id);
        free(base->kernel_release);
        strv_free(base->drivers);
        strv_free(base->binaries);
        strv_free(base->dracut_args);
        free(base->path);
        free(base->sha256);
        free(base->kernel_path);
        free(base->kernel_sha256);
        *base = (BaseImage){ 0 };
}

static void input_done(ManifestInput *input)
{
        free(input->path);
        free(input->sha256);
        *input = (ManifestInput){ 0 };
}

void manifest_done(Manifest *manifest)
{
        base_image_done(&manifest->base);
        for (size_t i = 0; i < manifest->n_inputs; i++)
                input_done(&manifest->inputs[i]);
        free(manifest->inputs);
        free(manifest->kernel_source);
        strv_free(manifest->modules);
        free(manifest->modules_sha256);
        free(manifest->modules_dep_sha256);
        *manifest = (Manifest){ 0 };
}

/* Takes what is in @input. */
static int take_input(Manifest *manifest, ManifestInput *input)
{
        ManifestInput *bigger;

        bigger = reallocarray(manifest->inputs, manifest->n_inputs + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        manifest->inputs = bigger;
        manifest->inputs[manifest->n_inputs++] = *input;
        *input = (ManifestInput){ 0 };
        return 0;
}

int manifest_add_hash(Manifest *manifest, const char *path, const char *sha256)
{
        _cleanup_(input_done) ManifestInput input = { 0 };

        for (size_t i = 0; i < manifest->n_inputs; i++)
                if (streq(manifest->inputs[i].path, path))
                        return 0;
        if (manifest->n_inputs >= MANIFEST_INPUTS_MAX)
                return -ENOBUFS;
        input.path = strdup(path);
        input.sha256 = strdup(sha256);
        if (!input.path || !input.sha256)
                return -ENOMEM;
        return take_input(manifest, &input);
}

int manifest_add_input(int root_fd, Manifest *manifest, const char *path)
{
        char hex[SHA256_HEX_SIZE] = "";
        int r;

        r = fingerprint_file(NULL, root_fd, path, hex);
        if (r < 0 && r != -ENOENT)
                return r;
        return manifest_add_hash(manifest, path, hex);
}

static int modules_path(const Manifest *manifest, char **ret)
{
        return module_list_path(manifest->base.kernel_release, ret);
}

/* Returns 1 if modules.dep says something else of our modules; 0 if not. */
static int modules_changed(int root_fd, FingerprintCache *cache, const Manifest *manifest)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        char hex[SHA256_HEX_SIZE];
        int r;

        if (!manifest->modules_sha256 || !manifest->modules_dep_sha256)
                return 0;
        r = modules_path(manifest, &path);
        if (r < 0)
                return r;
        r = fingerprint_file(cache, root_fd, path, hex);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (streq(hex, manifest->modules_dep_sha256))
                return 0;
        r = module_list_read(root_fd, manifest->base.kernel_release, &text);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = module_list_hash(text, manifest->modules, hex);
        if (r < 0)
                return r;
        return !streq(hex, manifest->modules_sha256);
}

int manifest_inputs_changed(int root_fd, FingerprintCache *cache, const Manifest *manifest,
                            char ***ret_changed)
{
        _cleanup_strv_ char **changed = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        for (size_t i = 0; i < manifest->n_inputs; i++) {
                const ManifestInput *input = &manifest->inputs[i];
                char hex[SHA256_HEX_SIZE];

                r = fingerprint_file(cache, root_fd, input->path, hex);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || streq(hex, input->sha256))
                        continue;
                r = strv_extend(&changed, input->path);
                if (r < 0)
                        return r;
        }
        r = modules_changed(root_fd, cache, manifest);
        if (r > 0)
                r = modules_path(manifest, &path);
        if (r >= 0 && path)
                r = strv_extend(&changed, path);
        if (r < 0)
                return r;
        if (!changed)
                return 0;
        *ret_changed = TAKE_PTR(changed);
        return 1;
}

int manifest_input_paths(const Manifest *manifest, char ***ret)
{
        _cleanup_strv_ char **paths = NULL;
        _cleanup_free_ char *modules = NULL;
        int r;

        for (size_t i = 0; i < manifest->n_inputs; i++) {
                r = strv_extend(&paths, manifest->inputs[i].path);
                if (r < 0)
                        return r;
        }
        if (manifest->kernel_source) {
                r = strv_extend(&paths, manifest->kernel_source);
                if (r < 0)
                        return r;
        }
        r = modules_path(manifest, &modules);
        if (r < 0)
                return r;
        r = strv_extend(&paths, modules);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

static int inputs_write(const Manifest *manifest, struct json_object *object)
{
        struct json_object *list = json_object_new_array();
        int r;

        r = json_object_take(object, "inputs", list);
        if (r < 0)
                return r;
        for (size_t i = 0; i < manifest->n_inputs; i++) {
                struct json_object *input = NULL;

                r = json_fields_write(input_fields, ELEMENTSOF(input_fields), &manifest->inputs[i],
                                      &input);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, input) < 0) {
                        (void) json_object_put(input);
                        return -ENOMEM;
                }
        }
        return 0;
}

int manifest_to_json(const Manifest *manifest, char **ret_json)
{
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = json_fields_write(manifest_fields, ELEMENTSOF(manifest_fields), manifest, &object);
        if (r < 0)
                return r;
        r = inputs_write(manifest, object);
        if (r < 0)
                return r;
        return json_object_format(object, ret_json);
}

static int inputs_read(struct json_object *object, Manifest *manifest)
{
        struct json_object *list = json_member(object, "inputs");
        int r;

        if (!json_object_is_type(list, json_type_array))
                return -EBADMSG;
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                _cleanup_(input_done) ManifestInput input = { 0 };
                _cleanup_free_ char *message = NULL;

                r = json_fields_read(input_fields, ELEMENTSOF(input_fields),
                                     json_object_array_get_idx(list, i), "inputs[].", &input,
                                     &message);
                if (r < 0)
                        return r;
                r = take_input(manifest, &input);
                if (r < 0)
                        return r;
        }
        return 0;
}

int manifest_from_json(const char *json, size_t size, Manifest *ret)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(manifest_fields, ELEMENTSOF(manifest_fields), object, "", &manifest,
                             &message);
        if (r < 0)
                return r;
        r = inputs_read(object, &manifest);
        if (r < 0)
                return r;

        *ret = manifest;
        manifest = (Manifest){ 0 };
        return 0;
}
