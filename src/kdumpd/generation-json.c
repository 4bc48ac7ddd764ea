/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of generation.json. */
#include <json-c/json.h>

#include "generation.h"
#include "io.h"
#include "strv.h"

typedef struct Member {
        const char *name;
        size_t offset;
} Member;

static const Member text_members[] = {
        { "kernel_release", offsetof(Generation, kernel_release) },
        { "kernel_path", offsetof(Generation, kernel_path) },
        { "kernel_sha256", offsetof(Generation, kernel_sha256) },
        { "base_id", offsetof(Generation, base_id) },
        { "base_path", offsetof(Generation, base_path) },
        { "base_sha256", offsetof(Generation, base_sha256) },
        { "overlay_sha256", offsetof(Generation, overlay_sha256) },
        { "cmdline", offsetof(Generation, cmdline) },
};

static const Member number_members[] = {
        { "number", offsetof(Generation, number) },
        { "base_bytes", offsetof(Generation, base_bytes) },
        { "overlay_bytes", offsetof(Generation, overlay_bytes) },
        { "base_realtime_usec", offsetof(Generation, base_realtime_usec) },
        { "created_realtime_usec", offsetof(Generation, created_realtime_usec) },
};

static char **text_at(const Generation *generation, const Member *member)
{
        return (char **) (void *) ((char *) (uintptr_t) generation + member->offset);
}

static uint64_t *number_at(const Generation *generation, const Member *member)
{
        return (uint64_t *) (void *) ((char *) (uintptr_t) generation + member->offset);
}

void generation_done(Generation *generation)
{
        if (!generation)
                return;
        for (size_t i = 0; i < ELEMENTSOF(text_members); i++)
                free(*text_at(generation, text_members + i));
        strv_free(generation->targets);
        *generation = (Generation){ 0 };
}

int generation_copy(const Generation *from, Generation *ret)
{
        _cleanup_(generation_done) Generation copy = { 0 };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(text_members); i++) {
                const char *text = *text_at(from, text_members + i);

                if (!text)
                        continue;
                *text_at(&copy, text_members + i) = strdup(text);
                if (!*text_at(&copy, text_members + i))
                        return -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(number_members); i++)
                *number_at(&copy, number_members + i) = *number_at(from, number_members + i);
        r = strv_copy(from->targets, &copy.targets);
        if (r < 0)
                return r;
        *ret = copy;
        copy = (Generation){ 0 };
        return 0;
}

static void json_putp(json_object **object)
{
        json_object_put(*object);
}

/* Takes @value, also on failure. */
static int add(json_object *object, const char *name, json_object *value)
{
        if (value && json_object_object_add(object, name, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int add_targets(json_object *object, char *const *targets)
{
        json_object *array = json_object_new_array();
        int r;

        r = add(object, "targets", array);
        for (char *const *s = targets; r == 0 && s && *s; s++) {
                json_object *text = json_object_new_string(*s);

                if (!text || json_object_array_add(array, text) < 0) {
                        json_object_put(text);
                        r = -ENOMEM;
                }
        }
        return r;
}

int generation_to_json(const Generation *generation, char **ret_json)
{
        _cleanup_(json_putp) json_object *object = json_object_new_object();
        int r = 0;

        if (!object)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(text_members); i++) {
                const char *text = *text_at(generation, text_members + i);

                r = add(object, text_members[i].name, json_object_new_string(text ?: ""));
        }
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(number_members); i++)
                r = add(object, number_members[i].name,
                        json_object_new_uint64(*number_at(generation, number_members + i)));
        if (r == 0)
                r = add_targets(object, generation->targets);
        if (r < 0)
                return r;
        return strprintf(ret_json, "%s\n",
                         json_object_to_json_string_ext(
                                 object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Each of our members must be there: a generation that lacks one cannot be loaded. */
static json_object *member(json_object *object, const char *name, json_type type)
{
        json_object *value;

        if (!json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, type))
                return NULL;
        return value;
}

static int generation_from_object(json_object *object, Generation *generation)
{
        json_object *value;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(text_members); i++) {
                value = member(object, text_members[i].name, json_type_string);
                if (!value)
                        return -EBADMSG;
                *text_at(generation, text_members + i) = strdup(json_object_get_string(value));
                if (!*text_at(generation, text_members + i))
                        return -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(number_members); i++) {
                value = member(object, number_members[i].name, json_type_int);
                if (!value)
                        return -EBADMSG;
                *number_at(generation, number_members + i) = json_object_get_uint64(value);
        }
        value = member(object, "targets", json_type_array);
        if (!value)
                return -EBADMSG;
        for (size_t i = 0; i < json_object_array_length(value); i++) {
                r = strv_extend(&generation->targets,
                                json_object_get_string(json_object_array_get_idx(value, i)) ?: "");
                if (r < 0)
                        return r;
        }
        return 0;
}

int generation_from_json(const char *json, size_t size, Generation *ret)
{
        _cleanup_(json_putp) json_object *object = NULL;
        _cleanup_(generation_done) Generation generation = { 0 };
        json_tokener *tokener;
        int r;

        if (size == 0 || size > INT32_MAX)
                return -EBADMSG;
        tokener = json_tokener_new();
        if (!tokener)
                return -ENOMEM;
        object = json_tokener_parse_ex(tokener, json, (int) size);
        json_tokener_free(tokener);
        if (!json_object_is_type(object, json_type_object))
                return -EBADMSG;

        r = generation_from_object(object, &generation);
        if (r < 0)
                return r;
        *ret = generation;
        generation = (Generation){ 0 };
        return 0;
}
