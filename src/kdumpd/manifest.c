/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of the manifest file and the comparison of its inputs. */
#include "manifest.h"

#include "json-fields.h"
#include "sha256.h"
#include "strv.h"

static const JsonField base_fields[] = {
        { "kernel_release", JSON_FIELD_STRING, offsetof(BaseImage, kernel_release),
          .required = true },
        { "plan_version", JSON_FIELD_UINT, offsetof(BaseImage, plan_version), .required = true },
        { "drivers", JSON_FIELD_STRINGS, offsetof(BaseImage, drivers) },
        { "binaries", JSON_FIELD_STRINGS, offsetof(BaseImage, binaries) },
        { "dracut_args", JSON_FIELD_STRINGS, offsetof(BaseImage, dracut_args) },
        { "sha256", JSON_FIELD_STRING, offsetof(BaseImage, sha256), .required = true },
        { "size_bytes", JSON_FIELD_U64, offsetof(BaseImage, size_bytes), .required = true },
};

static const JsonField own_fields[] = {
        { "created_usec", JSON_FIELD_U64, offsetof(Manifest, created_usec), .required = true },
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

int manifest_add_input(int root_fd, Manifest *manifest, const char *path)
{
        _cleanup_(input_done) ManifestInput input = { 0 };
        char hex[SHA256_HEX_SIZE] = "";
        int r;

        r = sha256_file(root_fd, path, hex);
        if (r < 0 && r != -ENOENT)
                return r;
        input.path = strdup(path);
        input.sha256 = strdup(hex);
        if (!input.path || !input.sha256)
                return -ENOMEM;
        return take_input(manifest, &input);
}

int manifest_inputs_changed(int root_fd, const Manifest *manifest, const char **ret_path)
{
        for (size_t i = 0; i < manifest->n_inputs; i++) {
                const ManifestInput *input = &manifest->inputs[i];
                char hex[SHA256_HEX_SIZE];
                int r;

                r = sha256_file(root_fd, input->path, hex);
                /* What is gone is still in the image, and a new one could not be made without it.
                 */
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                if (streq(hex, input->sha256))
                        continue;
                *ret_path = input->path;
                return 1;
        }
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
        struct json_object *own = NULL;
        int r;

        r = json_fields_write(base_fields, ELEMENTSOF(base_fields), &manifest->base, &object);
        if (r < 0)
                return r;
        own = json_object_new_uint64(manifest->created_usec);
        r = json_object_take(object, "created_usec", own);
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
        r = json_fields_read(base_fields, ELEMENTSOF(base_fields), object, "", &manifest.base,
                             &message);
        if (r < 0)
                return r;
        r = json_fields_read(own_fields, ELEMENTSOF(own_fields), object, "", &manifest, &message);
        if (r < 0)
                return r;
        r = inputs_read(object, &manifest);
        if (r < 0)
                return r;

        *ret = manifest;
        manifest = (Manifest){ 0 };
        return 0;
}
