/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is kept of a NetImage on disk, and the comparison of two: they are equal if they would
 * be written the same. */
#include "net-image.h"

#include "io.h"
#include "paths.h"
#include "rootdir.h"
#include "strv.h"

#define PATH_NETWORK PATH_STATE_DIR "/network.json"
#define LINKS_MAX 256
#define FILES_MAX 8

static const JsonField file_fields[] = {
        { "path", JSON_FIELD_STRING, offsetof(NetFile, path), .required = true },
        { "text", JSON_FIELD_STRING, offsetof(NetFile, text), .required = true },
};
static const JsonField link_fields[] = {
        { "name", JSON_FIELD_STRING, offsetof(NetImageLink, name), .required = true },
        { "drivers", JSON_FIELD_STRINGS, offsetof(NetImageLink, drivers) },
};
static const JsonField way_fields[] = {
        { "address", JSON_FIELD_STRING, offsetof(NetImageWay, address), .required = true },
        { "links", JSON_FIELD_STRINGS, offsetof(NetImageWay, links) },
};
static const JsonField image_fields[] = {
        { "resolv_conf", JSON_FIELD_STRING, offsetof(NetImage, resolv_conf) },
};

/* Writes the @n structures of @size bytes at @base as a list. */
typedef int (*item_writer)(const void *item, struct json_object **ret);

static int write_list(struct json_object *object, const char *name, const void *base, size_t n,
                      size_t size, item_writer writer)
{
        struct json_object *list = json_object_new_array();
        int r;

        if (!list)
                return -ENOMEM;
        r = json_object_take(object, name, list);
        for (size_t i = 0; i < n && r >= 0; i++) {
                struct json_object *item;

                r = writer((const uint8_t *) base + i * size, &item);
                if (r >= 0 && json_object_array_add(list, item) < 0) {
                        (void) json_object_put(item);
                        r = -ENOMEM;
                }
        }
        return r;
}

static int write_file(const void *item, struct json_object **ret)
{
        return json_fields_write(file_fields, ELEMENTSOF(file_fields), item, ret);
}

static int write_way(const void *item, struct json_object **ret)
{
        return json_fields_write(way_fields, ELEMENTSOF(way_fields), item, ret);
}

static int write_link(const void *item, struct json_object **ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        const NetImageLink *link = item;
        int r;

        r = json_fields_write(link_fields, ELEMENTSOF(link_fields), link, &object);
        if (r >= 0)
                r = write_list(object, "files", link->files, link->n_files, sizeof(*link->files),
                               write_file);
        if (r >= 0 && link->expected.name) {
                struct json_object *expected;

                r = network_link_to_json(&link->expected, &expected);
                if (r >= 0)
                        r = json_object_take(object, "expected", expected);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

static int image_to_json(const NetImage *image, char **ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = json_fields_write(image_fields, ELEMENTSOF(image_fields), image, &object);
        if (r >= 0)
                r = write_list(object, "links", image->links, image->n_links, sizeof(*image->links),
                               write_link);
        if (r >= 0)
                r = write_list(object, "ways", image->ways, image->n_ways, sizeof(*image->ways),
                               write_way);
        if (r < 0)
                return r;
        return json_object_format(object, ret);
}

/* The member @name, a list of at most @max. */
static int get_list(struct json_object *object, const char *name, size_t max,
                    struct json_object **ret, size_t *ret_n)
{
        struct json_object *list = json_member(object, name);

        if (!list || !json_object_is_type(list, json_type_array) ||
            json_object_array_length(list) > max)
                return -EBADMSG;
        *ret = list;
        *ret_n = json_object_array_length(list);
        return 0;
}

static int read_fields(const JsonField *fields, size_t n, struct json_object *item, void *base)
{
        _cleanup_free_ char *message = NULL;

        if (!json_object_is_type(item, json_type_object))
                return -EBADMSG;
        return json_fields_read(fields, n, item, "", base, &message);
}

static int read_files(struct json_object *object, NetImageLink *link)
{
        struct json_object *list;
        size_t n;
        int r;

        r = get_list(object, "files", FILES_MAX, &list, &n);
        if (r < 0)
                return r;
        link->files = calloc(MAX(n, (size_t) 1), sizeof(*link->files));
        if (!link->files)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                NetFile *file = &link->files[link->n_files++];

                r = read_fields(file_fields, ELEMENTSOF(file_fields),
                                json_object_array_get_idx(list, i), file);
                if (r < 0)
                        return r;
                /* They may go nowhere else. */
                if (!startswith(file->path, NET_UNITS_FOLDER "/") ||
                    strchr(file->path + strlen(NET_UNITS_FOLDER "/"), '/'))
                        return -EBADMSG;
        }
        return 0;
}

static int read_link(struct json_object *item, NetImageLink *link)
{
        _cleanup_free_ char *message = NULL;
        struct json_object *expected;
        int r;

        r = read_fields(link_fields, ELEMENTSOF(link_fields), item, link);
        if (r >= 0)
                r = read_files(item, link);
        if (r < 0)
                return r;
        expected = json_member(item, "expected");
        return expected ? network_link_from_json(expected, "", &link->expected, &message) : 0;
}

static int read_links(struct json_object *object, NetImage *image)
{
        struct json_object *list;
        size_t n;
        int r;

        r = get_list(object, "links", LINKS_MAX, &list, &n);
        if (r < 0)
                return r;
        image->links = calloc(MAX(n, (size_t) 1), sizeof(*image->links));
        if (!image->links)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = read_link(json_object_array_get_idx(list, i), &image->links[image->n_links++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_ways(struct json_object *object, NetImage *image)
{
        struct json_object *list;
        size_t n;
        int r;

        r = get_list(object, "ways", LINKS_MAX, &list, &n);
        if (r < 0)
                return r;
        image->ways = calloc(MAX(n, (size_t) 1), sizeof(*image->ways));
        if (!image->ways)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                r = read_fields(way_fields, ELEMENTSOF(way_fields),
                                json_object_array_get_idx(list, i), &image->ways[image->n_ways++]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int net_image_read_saved(int root_fd, NetImage *ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(net_image_done) NetImage image = { 0 };
        _cleanup_free_ char *text = NULL, *message = NULL;
        size_t size;
        int r;

        r = root_read(root_fd, PATH_NETWORK, JSON_BYTES_MAX, &text, &size);
        if (r >= 0)
                r = json_object_parse(text, size, &object, &message);
        if (r >= 0)
                r = read_fields(image_fields, ELEMENTSOF(image_fields), object, &image);
        if (r >= 0)
                r = read_links(object, &image);
        if (r >= 0)
                r = read_ways(object, &image);
        if (r < 0)
                return r;
        *ret = image;
        image = (NetImage){ 0 };
        return 0;
}

int net_image_save(int root_fd, const NetImage *image)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = image_to_json(image, &text);
        if (r < 0)
                return r;
        return file_write_atomic(root_fd, root_relative(PATH_NETWORK), text, strlen(text), 0600);
}

bool net_image_equal(const NetImage *a, const NetImage *b)
{
        _cleanup_free_ char *text_a = NULL, *text_b = NULL;

        return image_to_json(a, &text_a) >= 0 && image_to_json(b, &text_b) >= 0 &&
               streq(text_a, text_b);
}
