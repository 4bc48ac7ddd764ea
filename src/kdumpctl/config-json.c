/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of the effective configuration in JSON. */
#include "config-json.h"

#include <syslog.h>

#include "config-value.h"
#include "json-fields.h"

/* One directive as it is shown */
typedef struct Item {
        const char *name;
        char *value; /* NULL: not set */
        const char *file, *note;
        unsigned line;
} Item;

static const JsonField item_fields[] = {
        { .name = "name",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(Item, name),
          .clean = true },
        { .name = "value",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(Item, value),
          .clean = true },
        { .name = "note",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(Item, note),
          .clean = true },
        { .name = "file",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(Item, file),
          .clean = true },
};

static int item_to_json(const Item *item, bool acted_on, json_object **ret)
{
        _cleanup_json_ json_object *object = NULL;
        int r;

        r = json_fields_write(item_fields, ELEMENTSOF(item_fields), item, &object);
        if (r >= 0 && item->file)
                r = json_object_take(object, "line", json_object_new_uint64(item->line));
        if (r >= 0)
                r = json_object_take(object, "default", json_object_new_boolean(!item->file));
        if (r >= 0)
                r = json_object_take(object, "acted_on", json_object_new_boolean(acted_on));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* Takes @value, also on failure. */
static int array_take(json_object *array, json_object *value)
{
        if (value && json_object_array_add(array, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int add_setting(json_object *array, Directive directive, const void *base,
                       const ConfigSource *source)
{
        const DirectiveInfo *info = directive_info(directive);
        Item item = { .name = info->name, .file = source->file, .line = source->line };
        json_object *object = NULL;
        int r;

        r = info->type->format((const uint8_t *) base + info->offset, &item.value);
        if (r < 0)
                return r;
        if (!item.value)
                item.note = info->default_note;
        r = item_to_json(&item, info->acted_on, &object);
        free(item.value);
        return r < 0 ? r : array_take(array, object);
}

static int add_target(json_object *array, const Config *config, size_t i)
{
        const Target *target = &config->targets[i];
        const char *name =
                target->type == TARGET_FS ? target->fstype : target_type_to_string(target->type);
        Directive directive =
                target->type == TARGET_PATH ? DIRECTIVE_PATH : directive_from_string(name);
        const ConfigSource *source = &config->target_sources[i];
        Item item = {
                .name = name, .value = target->what, .file = source->file, .line = source->line
        };
        _cleanup_json_ json_object *object = NULL, *settings = json_object_new_array();
        int r;

        if (!settings)
                return -ENOMEM;
        if (target->type == TARGET_PATH)
                item.note = "the file system that holds path";
        r = item_to_json(&item, directive_info(directive)->acted_on, &object);
        for (Directive d = 0; d < _DIRECTIVE_TARGET_SETTING_MAX && r >= 0; d++) {
                source = &config->setting_sources[i].of[d];
                if (directive_is_for(d, target->type) || source->file)
                        r = add_setting(settings, d, target, source);
        }
        if (r >= 0)
                r = json_object_take(object, "settings", TAKE_PTR(settings));
        return r < 0 ? r : array_take(array, TAKE_PTR(object));
}

static int add_config(json_object *object, const Config *config)
{
        _cleanup_json_ json_object *targets = json_object_new_array();
        _cleanup_json_ json_object *settings = json_object_new_array();
        int r = targets && settings ? 0 : -ENOMEM;

        for (size_t i = 0; i < config->n_targets && r >= 0; i++)
                r = add_target(targets, config, i);
        for (Directive d = 0; d < _DIRECTIVE_MAX && r >= 0; d++)
                if (directive_info(d)->kind == DIRECTIVE_KIND_SETTING)
                        r = add_setting(settings, d, config, &config->sources[d]);
        if (r >= 0)
                r = json_object_take(object, "targets", TAKE_PTR(targets));
        if (r >= 0)
                r = json_object_take(object, "settings", TAKE_PTR(settings));
        return r;
}

typedef struct Remark {
        const char *level, *text;
} Remark;

static int add_messages(json_object *object, const ConfigMessages *messages)
{
        static const JsonField fields[] = {
                { .name = "level", .type = JSON_FIELD_STRING, .offset = offsetof(Remark, level) },
                { .name = "text",
                  .type = JSON_FIELD_STRING,
                  .offset = offsetof(Remark, text),
                  .clean = true },
        };
        _cleanup_json_ json_object *array = json_object_new_array();
        int r = array ? 0 : -ENOMEM;

        for (size_t i = 0; i < messages->n_items && r >= 0; i++) {
                const ConfigMessage *message = &messages->items[i];
                Remark remark = { message->level <= LOG_ERR ? "error" : "warning", message->text };
                json_object *item = NULL;

                r = json_fields_write(fields, ELEMENTSOF(fields), &remark, &item);
                if (r >= 0)
                        r = array_take(array, item);
        }
        return r < 0 ? r : json_object_take(object, "messages", TAKE_PTR(array));
}

int config_to_json(const Config *config, const ConfigMessages *messages, char **ret)
{
        _cleanup_json_ json_object *object = json_object_new_object();
        int r = object ? 0 : -ENOMEM;

        if (r >= 0)
                r = json_object_take(object, "valid", json_object_new_boolean(config != NULL));
        if (r >= 0)
                r = add_messages(object, messages);
        if (r >= 0 && config)
                r = add_config(object, config);
        return r < 0 ? r : json_object_format(object, ret);
}
