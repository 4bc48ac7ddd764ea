/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Structures as JSON objects: one table of fields serves both reading and writing. */
#pragma once

#include <json-c/json.h>

#include "macro.h"

/* Bounds of what is read, far above what we write. */
#define JSON_BYTES_MAX (UINT32_C(1) << 20)
#define JSON_STRING_BYTES_MAX 65536
#define JSON_LIST_MAX 4096

typedef enum JsonType {
        JSON_FIELD_STRING,  /* char * */
        JSON_FIELD_STRINGS, /* char ** */
        JSON_FIELD_U64,     /* uint64_t */
        JSON_FIELD_UINT,    /* unsigned */
        JSON_FIELD_ENUM,    /* an enum, written as names[value] */
        _JSON_FIELD_MAX,
        _JSON_FIELD_INVALID = -EINVAL,
} JsonType;

typedef struct JsonField {
        const char *name;
        JsonType type;
        size_t offset;
        bool required;
        bool clean;               /* texts: what is not UTF-8 is written as '?' */
        uint64_t max;             /* JSON_FIELD_UINT, JSON_FIELD_U64: the largest value; 0: any */
        const char *const *names; /* JSON_FIELD_ENUM */
        size_t n_names;
} JsonField;

static inline void json_object_putp(struct json_object **object)
{
        if (*object)
                (void) json_object_put(*object);
}
#define _cleanup_json_ _cleanup_(json_object_putp)

/* Parses one JSON object that fills @json of @size bytes (blanks round it are fine). Returns 0;
 * -EBADMSG with *reterr_message (the caller frees it). Neither this nor what follows logs. */
int json_object_parse(const char *json, size_t size, struct json_object **ret,
                      char **reterr_message);

/* The member @name, NULL if it is missing or null. Owned by @object. */
struct json_object *json_member(struct json_object *object, const char *name);

/* Reads the fields into the zeroed structure @base. Members that are missing or null stay zero
 * unless they are required; those without a field are ignored. @where ("" or "targets[1].") is put
 * before names in messages. On failure -EBADMSG with *reterr_message, or -ENOMEM; what was read
 * until then is the caller's to free. */
int json_fields_read(const JsonField *fields, size_t n_fields, struct json_object *object,
                     const char *where, void *base, char **reterr_message);

/* Makes an object of the structure @base. NULL strings and empty lists are left out. */
int json_fields_write(const JsonField *fields, size_t n_fields, const void *base,
                      struct json_object **ret);

/* Adds @value to @object and drops the caller's reference in any case. */
int json_object_take(struct json_object *object, const char *name, struct json_object *value);

/* The text of @object, with a newline at its end. The caller frees it. */
int json_object_format(struct json_object *object, char **ret);
