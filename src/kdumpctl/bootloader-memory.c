/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of the file that remembers which values we wrote. */
#include "bootloader-memory.h"

#include "bootloader-file.h"
#include "json-fields.h"
#include "rootdir.h"

static const char *const origin_names[] = {
        [BOOT_ORIGIN_DEFAULT] = "default",
        [BOOT_ORIGIN_USER] = "user",
};

static const JsonField item_fields[] = {
        { "place", JSON_FIELD_STRING, offsetof(BootMemoryItem, place), .required = true },
        { "value", JSON_FIELD_STRING, offsetof(BootMemoryItem, value), .required = true },
        { "origin", JSON_FIELD_ENUM, offsetof(BootMemoryItem, origin), .names = origin_names,
          .n_names = ELEMENTSOF(origin_names) },
};

static void item_done(BootMemoryItem *item)
{
        free(item->place);
        free(item->value);
        *item = (BootMemoryItem){ 0 };
}

void boot_memory_done(BootMemory *memory)
{
        for (size_t i = 0; i < memory->n_items; i++)
                item_done(&memory->items[i]);
        free(memory->items);
        *memory = (BootMemory){ 0 };
}

/* Takes what is in @item. */
static int take_item(BootMemory *memory, BootMemoryItem *item)
{
        BootMemoryItem *bigger;

        bigger = reallocarray(memory->items, memory->n_items + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        memory->items = bigger;
        memory->items[memory->n_items++] = *item;
        *item = (BootMemoryItem){ 0 };
        return 0;
}

int boot_memory_add(BootMemory *memory, const char *place, const char *value, BootOrigin origin)
{
        _cleanup_(item_done) BootMemoryItem item = { .place = strdup(place),
                                                     .value = strdup(value),
                                                     .origin = origin };

        if (!item.place || !item.value)
                return -ENOMEM;
        return take_item(memory, &item);
}

void boot_memory_truncate(BootMemory *memory, size_t n_items)
{
        while (memory->n_items > n_items)
                item_done(&memory->items[--memory->n_items]);
}

void boot_memory_remove(BootMemory *memory, const char *place)
{
        size_t n = 0;

        for (size_t i = 0; i < memory->n_items; i++)
                if (streq(memory->items[i].place, place))
                        item_done(&memory->items[i]);
                else
                        memory->items[n++] = memory->items[i];
        memory->n_items = n;
}

static bool same_folder(const char *a, const char *b)
{
        const char *a_slash = strrchr(a, '/'), *b_slash = strrchr(b, '/');

        return a_slash && b_slash && a_slash - a == b_slash - b &&
               strncmp(a, b, (size_t) (a_slash - a)) == 0;
}

static bool item_is(const BootMemoryItem *item, const char *place, const char *value, bool folder)
{
        return streq(item->value, value) &&
               (folder ? same_folder(item->place, place) : streq(item->place, place));
}

bool boot_memory_has(const BootMemory *memory, const char *place, const char *value, bool folder)
{
        for (size_t i = 0; i < memory->n_items; i++)
                if (item_is(&memory->items[i], place, value, folder))
                        return true;
        return false;
}

bool boot_memory_has_default(const BootMemory *memory, const char *place, const char *value,
                             bool folder)
{
        bool found = false;

        for (size_t i = 0; i < memory->n_items; i++) {
                if (!item_is(&memory->items[i], place, value, folder))
                        continue;
                if (memory->items[i].origin != BOOT_ORIGIN_DEFAULT)
                        return false;
                found = true;
        }
        return found;
}

bool boot_memory_has_defaults(const BootMemory *memory)
{
        for (size_t i = 0; i < memory->n_items; i++)
                if (memory->items[i].origin == BOOT_ORIGIN_DEFAULT)
                        return true;
        return false;
}

static int parse_items(struct json_object *object, BootMemory *memory, char **reterr_message)
{
        struct json_object *list = json_member(object, "written");
        size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
        int r;

        for (size_t i = 0; i < n && i < JSON_LIST_MAX; i++) {
                _cleanup_(item_done) BootMemoryItem item = { 0 };
                struct json_object *entry = json_object_array_get_idx(list, i);

                r = json_fields_read(item_fields, ELEMENTSOF(item_fields), entry, "written[].",
                                     &item, reterr_message);
                if (r < 0)
                        return r;
                r = take_item(memory, &item);
                if (r < 0)
                        return r;
        }
        return 0;
}

int boot_memory_read(int root_fd, BootMemory *ret, char **reterr_message)
{
        _cleanup_(boot_memory_done) BootMemory memory = { 0 };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL;
        size_t size;
        int r;

        r = root_read(root_fd, PATH_BOOT_MEMORY, JSON_BYTES_MAX, &json, &size);
        if (r == -ENOENT) {
                *ret = (BootMemory){ 0 };
                return 0;
        }
        if (r < 0)
                return r;
        r = json_object_parse(json, size, &object, reterr_message);
        if (r < 0)
                return r;
        r = parse_items(object, &memory, reterr_message);
        if (r < 0)
                return r;
        *ret = memory;
        memory = (BootMemory){ 0 };
        return 0;
}

static int format_items(const BootMemory *memory, struct json_object *list)
{
        int r;

        for (size_t i = 0; i < memory->n_items; i++) {
                struct json_object *item = NULL;

                r = json_fields_write(item_fields, ELEMENTSOF(item_fields), &memory->items[i],
                                      &item);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, item) < 0) {
                        (void) json_object_put(item);
                        return -ENOMEM;
                }
        }
        return 0;
}

int boot_memory_write(int root_fd, const BootMemory *memory)
{
        _cleanup_json_ struct json_object *object = json_object_new_object();
        struct json_object *list = json_object_new_array();
        _cleanup_free_ char *json = NULL;
        int r;

        if (!object) {
                (void) json_object_put(list);
                return -ENOMEM;
        }
        r = json_object_take(object, "written", list);
        if (r < 0)
                return r;
        r = format_items(memory, list);
        if (r < 0)
                return r;
        r = json_object_format(object, &json);
        if (r < 0)
                return r;
        return boot_file_write(root_fd, PATH_BOOT_MEMORY, json, strlen(json), 0600);
}
