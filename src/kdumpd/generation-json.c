/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of generation.json. */
#include "generation.h"
#include "json-fields.h"
#include "strv.h"

/* These must be there: a generation that lacks one cannot be loaded. */
#define FIELD(field, type_)                                                                        \
        {                                                                                          \
                .name = #field, .type = (type_), .offset = offsetof(Generation, field),            \
                .required = true                                                                   \
        }

#define OPTIONAL(field, type_)                                                                     \
        {                                                                                          \
                .name = #field, .type = (type_), .offset = offsetof(Generation, field)             \
        }

static const JsonField fields[] = {
        FIELD(number, JSON_FIELD_U64),
        FIELD(kernel_release, JSON_FIELD_STRING),
        FIELD(kernel_path, JSON_FIELD_STRING),
        FIELD(kernel_sha256, JSON_FIELD_STRING),
        FIELD(base_id, JSON_FIELD_STRING),
        FIELD(base_path, JSON_FIELD_STRING),
        FIELD(base_sha256, JSON_FIELD_STRING),
        FIELD(overlay_sha256, JSON_FIELD_STRING),
        FIELD(cmdline, JSON_FIELD_STRING),
        FIELD(base_bytes, JSON_FIELD_U64),
        FIELD(overlay_bytes, JSON_FIELD_U64),
        FIELD(base_realtime_usec, JSON_FIELD_U64),
        FIELD(created_realtime_usec, JSON_FIELD_U64),
        { .name = "targets",
          .type = JSON_FIELD_STRINGS,
          .offset = offsetof(Generation, targets),
          .clean = true },
        OPTIONAL(fallback_sha256, JSON_FIELD_STRING),
        OPTIONAL(fallback_cmdline, JSON_FIELD_STRING),
        OPTIONAL(fallback_archive_sha256, JSON_FIELD_STRING),
        { .name = "fallback_target",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(Generation, fallback_target),
          .clean = true },
        OPTIONAL(fallback_bytes, JSON_FIELD_U64),
};

void generation_drop_fallback(Generation *generation)
{
        free(TAKE_PTR(generation->fallback_sha256));
        free(TAKE_PTR(generation->fallback_cmdline));
        free(TAKE_PTR(generation->fallback_archive_sha256));
        free(TAKE_PTR(generation->fallback_target));
        generation->fallback_bytes = 0;
}

void generation_done(Generation *generation)
{
        if (!generation)
                return;
        free(generation->kernel_release);
        free(generation->kernel_path);
        free(generation->kernel_sha256);
        free(generation->base_id);
        free(generation->base_path);
        free(generation->base_sha256);
        free(generation->overlay_sha256);
        free(generation->cmdline);
        strv_free(generation->targets);
        generation_drop_fallback(generation);
        *generation = (Generation){ 0 };
}

int generation_copy(const Generation *from, Generation *ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(generation_done) Generation copy = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        r = json_fields_write(fields, ELEMENTSOF(fields), from, &object);
        if (r < 0)
                return r;
        r = json_fields_read(fields, ELEMENTSOF(fields), object, "", &copy, &message);
        if (r < 0)
                return r;
        *ret = copy;
        copy = (Generation){ 0 };
        return 0;
}

int generation_to_json(const Generation *generation, char **ret_json)
{
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = json_fields_write(fields, ELEMENTSOF(fields), generation, &object);
        if (r < 0)
                return r;
        return json_object_format(object, ret_json);
}

int generation_from_json(const char *json, size_t size, Generation *ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(generation_done) Generation generation = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(fields, ELEMENTSOF(fields), object, "", &generation, &message);
        if (r < 0)
                return r;
        /* An image without its command line, or the other way round, is none. */
        if (!generation.fallback_sha256 || !generation.fallback_cmdline)
                generation_drop_fallback(&generation);
        *ret = generation;
        generation = (Generation){ 0 };
        return 0;
}
