/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way between structures and json-c, and the distrust of what was read. */
#include "json-fields.h"

#include "io.h"
#include "strv.h"
#include "utf8.h"

/* Nothing of ours nests deeper than plan, target list, target, list of words. */
#define JSON_DEPTH_MAX 8

static void json_tokener_freep(struct json_tokener **tokener)
{
        if (*tokener)
                json_tokener_free(*tokener);
}

static int refuse(char **reterr_message, const char *where, const char *name, const char *what)
{
        char *message;

        if (strprintf(&message, "'%s%s' %s", where, name, what) < 0)
                return -ENOMEM;
        *reterr_message = message;
        return -EBADMSG;
}

static int refuse_text(char **reterr_message, const char *why)
{
        char *message;

        if (strprintf(&message, "not a JSON object: %s", why) < 0)
                return -ENOMEM;
        *reterr_message = message;
        return -EBADMSG;
}

int json_object_parse(const char *json, size_t size, struct json_object **ret,
                      char **reterr_message)
{
        _cleanup_(json_tokener_freep) struct json_tokener *tokener = NULL;
        _cleanup_json_ struct json_object *object = NULL;
        size_t end;

        if (size > JSON_BYTES_MAX)
                return refuse_text(reterr_message, "the text is too long");
        tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!tokener)
                return -ENOMEM;
        /* Not JSON_TOKENER_VALIDATE_UTF8: a path may be any bytes. */
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);

        object = json_tokener_parse_ex(tokener, json, (int) size);
        if (json_tokener_get_error(tokener) == json_tokener_continue)
                return refuse_text(reterr_message, "the text ends early");
        if (json_tokener_get_error(tokener) != json_tokener_success)
                return refuse_text(reterr_message,
                                   json_tokener_error_desc(json_tokener_get_error(tokener)));
        if (!json_object_is_type(object, json_type_object))
                return refuse_text(reterr_message, "it is something else");
        for (end = json_tokener_get_parse_end(tokener); end < size; end++)
                if (!memchr(" \t\r\n", json[end], 4))
                        return refuse_text(reterr_message, "something follows it");

        *ret = TAKE_PTR(object);
        return 0;
}

struct json_object *json_member(struct json_object *object, const char *name)
{
        struct json_object *member = NULL;

        return json_object_object_get_ex(object, name, &member) ? member : NULL;
}

/* Is it a string that C can hold, of reasonable length? */
static bool string_is_plain(struct json_object *value)
{
        int length;

        if (!json_object_is_type(value, json_type_string))
                return false;
        length = json_object_get_string_len(value);
        return length <= JSON_STRING_BYTES_MAX &&
               !memchr(json_object_get_string(value), '\0', (size_t) length);
}

static int read_string(struct json_object *value, char **ret)
{
        char *copy;

        if (!string_is_plain(value))
                return -EBADMSG;
        copy = strdup(json_object_get_string(value));
        if (!copy)
                return -ENOMEM;
        free(*ret);
        *ret = copy;
        return 0;
}

static int read_strings(struct json_object *value, char ***ret)
{
        _cleanup_strv_ char **list = NULL;
        size_t n;
        int r;

        if (!json_object_is_type(value, json_type_array))
                return -EBADMSG;
        n = json_object_array_length(value);
        if (n > JSON_LIST_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++) {
                struct json_object *item = json_object_array_get_idx(value, i);

                if (!string_is_plain(item))
                        return -EBADMSG;
                r = strv_extend(&list, json_object_get_string(item));
                if (r < 0)
                        return r;
        }
        strv_free(*ret);
        *ret = TAKE_PTR(list);
        return 0;
}

static int read_number(const JsonField *field, struct json_object *value, uint64_t *ret)
{
        uint64_t number;

        if (!json_object_is_type(value, json_type_int))
                return -EBADMSG;
        if (json_object_get_int64(value) < 0)
                return -EBADMSG;
        number = json_object_get_uint64(value);
        if (field->max > 0 && number > field->max)
                return -EBADMSG;
        if (field->type == JSON_FIELD_UINT && number > UINT32_MAX)
                return -EBADMSG;
        *ret = number;
        return 0;
}

/* Enums are read and written as int: each of ours has a negative value, so that is their type. */
static int read_enum(const JsonField *field, struct json_object *value, int *ret)
{
        if (!string_is_plain(value))
                return -EBADMSG;
        for (size_t i = 0; i < field->n_names; i++)
                if (streq_ptr(field->names[i], json_object_get_string(value))) {
                        *ret = (int) i;
                        return 0;
                }
        return -EBADMSG;
}

static int read_field(const JsonField *field, struct json_object *value, void *base)
{
        void *p = (uint8_t *) base + field->offset;
        uint64_t number;
        int r;

        switch (field->type) {
        case JSON_FIELD_STRING:
                return read_string(value, p);
        case JSON_FIELD_STRINGS:
                return read_strings(value, p);
        case JSON_FIELD_ENUM:
                return read_enum(field, value, p);
        case JSON_FIELD_U64:
                return read_number(field, value, p);
        case JSON_FIELD_UINT:
                r = read_number(field, value, &number);
                if (r < 0)
                        return r;
                *(unsigned *) p = (unsigned) number;
                return 0;
        default:
                return -EINVAL;
        }
}

static const char *what_is_wrong(const JsonField *field)
{
        switch (field->type) {
        case JSON_FIELD_STRING:
                return "is not a text";
        case JSON_FIELD_STRINGS:
                return "is not a list of texts";
        case JSON_FIELD_ENUM:
                return "is none of the known words";
        default:
                return "is not a number in range";
        }
}

int json_fields_read(const JsonField *fields, size_t n_fields, struct json_object *object,
                     const char *where, void *base, char **reterr_message)
{
        int r;

        for (const JsonField *field = fields; field < fields + n_fields; field++) {
                struct json_object *value = json_member(object, field->name);

                if (!value && field->required)
                        return refuse(reterr_message, where, field->name, "is missing");
                if (!value)
                        continue;
                r = read_field(field, value, base);
                if (r == -EBADMSG)
                        return refuse(reterr_message, where, field->name, what_is_wrong(field));
                if (r < 0)
                        return r;
        }
        return 0;
}

int json_object_take(struct json_object *object, const char *name, struct json_object *value)
{
        if (!value)
                return -ENOMEM;
        if (json_object_object_add(object, name, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static struct json_object *clean_string_new(const char *text)
{
        _cleanup_free_ char *copy = strdup(text);

        if (!copy)
                return NULL;
        utf8_clean(copy);
        return json_object_new_string(copy);
}

static int strings_new(char *const *list, bool clean, struct json_object **ret)
{
        _cleanup_json_ struct json_object *array = json_object_new_array();

        if (!array)
                return -ENOMEM;
        for (; *list; list++) {
                struct json_object *item =
                        clean ? clean_string_new(*list) : json_object_new_string(*list);

                if (!item)
                        return -ENOMEM;
                if (json_object_array_add(array, item) < 0) {
                        (void) json_object_put(item);
                        return -ENOMEM;
                }
        }
        *ret = TAKE_PTR(array);
        return 0;
}

/* *ret = NULL if there is nothing to write. */
static int field_new(const JsonField *field, const void *base, struct json_object **ret)
{
        const void *p = (const uint8_t *) base + field->offset;
        const char *text = NULL;
        char *const *list;
        int value;

        *ret = NULL;
        switch (field->type) {
        case JSON_FIELD_STRING:
                text = *(char *const *) p;
                break;
        case JSON_FIELD_STRINGS:
                list = *(char *const *const *) p;
                return list && *list ? strings_new(list, field->clean, ret) : 0;
        case JSON_FIELD_ENUM:
                value = *(const int *) p;
                if (value < 0 || (size_t) value >= field->n_names)
                        return -EINVAL;
                text = field->names[value];
                break;
        case JSON_FIELD_U64:
                *ret = json_object_new_uint64(*(const uint64_t *) p);
                return *ret ? 0 : -ENOMEM;
        case JSON_FIELD_UINT:
                *ret = json_object_new_uint64(*(const unsigned *) p);
                return *ret ? 0 : -ENOMEM;
        default:
                return -EINVAL;
        }
        if (text)
                *ret = field->clean ? clean_string_new(text) : json_object_new_string(text);
        return text && !*ret ? -ENOMEM : 0;
}

int json_fields_write(const JsonField *fields, size_t n_fields, const void *base,
                      struct json_object **ret)
{
        _cleanup_json_ struct json_object *object = json_object_new_object();
        int r;

        if (!object)
                return -ENOMEM;
        for (const JsonField *field = fields; field < fields + n_fields; field++) {
                struct json_object *value;

                r = field_new(field, base, &value);
                if (r < 0)
                        return r;
                if (!value)
                        continue;
                r = json_object_take(object, field->name, value);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(object);
        return 0;
}

int json_object_format(struct json_object *object, char **ret)
{
        const char *text = json_object_to_json_string_ext(
                object,
                JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

        if (!text)
                return -ENOMEM;
        return strprintf(ret, "%s\n", text);
}
