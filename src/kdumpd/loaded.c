/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the file that says where the loaded image is. */
#include "loaded.h"

#include "io.h"
#include "json-fields.h"
#include "paths.h"
#include "rootdir.h"

#define LOADED_BYTES_MAX ((size_t) 64 * 1024)
#define HEX_SIZE (2 * PURGATORY_DIGEST_BYTES + 1)

/* As it is written. */
typedef struct LoadedFile {
        uint64_t block_paddr, block_mirror_paddr, purgatory_paddr, purgatory_bytes;
        uint64_t live_paddr, live_end_paddr;
        char *block_sha256, *purgatory_sha256;
} LoadedFile;

#define FIELD(field, type_)                                                                        \
        {                                                                                          \
                .name = #field, .type = (type_), .offset = offsetof(LoadedFile, field),            \
                .required = true                                                                   \
        }

static const JsonField fields[] = {
        FIELD(block_paddr, JSON_FIELD_U64),     FIELD(block_mirror_paddr, JSON_FIELD_U64),
        FIELD(purgatory_paddr, JSON_FIELD_U64), FIELD(purgatory_bytes, JSON_FIELD_U64),
        FIELD(live_paddr, JSON_FIELD_U64),      FIELD(live_end_paddr, JSON_FIELD_U64),
        FIELD(block_sha256, JSON_FIELD_STRING), FIELD(purgatory_sha256, JSON_FIELD_STRING),
};

static void file_done(LoadedFile *file)
{
        free(file->block_sha256);
        free(file->purgatory_sha256);
}

static int digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EBADMSG;
}

static int digest_from_hex(const char *hex, uint8_t ret[static PURGATORY_DIGEST_BYTES])
{
        if (strlen(hex) != HEX_SIZE - 1)
                return -EBADMSG;
        for (size_t i = 0; i < PURGATORY_DIGEST_BYTES; i++) {
                int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EBADMSG;
                ret[i] = (uint8_t) (high << 4 | low);
        }
        return 0;
}

static void digest_to_hex(const uint8_t *digest, char ret[static HEX_SIZE])
{
        for (size_t i = 0; i < PURGATORY_DIGEST_BYTES; i++)
                (void) snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

int loaded_read(int root_fd, LoadedPlace *ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(file_done) LoadedFile file = { 0 };
        _cleanup_free_ char *json = NULL, *message = NULL;
        LoadedPlace place;
        size_t size;
        int r;

        r = root_read(root_fd, PATH_LOADED_JSON, LOADED_BYTES_MAX, &json, &size);
        if (r < 0)
                return r;
        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(fields, ELEMENTSOF(fields), object, "", &file, &message);
        if (r < 0)
                return r;
        place = (LoadedPlace){
                .block_paddr = { file.block_paddr, file.block_mirror_paddr },
                .purgatory_paddr = file.purgatory_paddr,
                .purgatory_bytes = file.purgatory_bytes,
                .live = { file.live_paddr, file.live_end_paddr },
        };
        r = digest_from_hex(file.block_sha256, place.block_digest);
        if (r < 0)
                return r;
        r = digest_from_hex(file.purgatory_sha256, place.purgatory_digest);
        if (r < 0)
                return r;
        *ret = place;
        return 0;
}

int loaded_write(int root_fd, const LoadedPlace *place)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL;
        char block[HEX_SIZE], purgatory[HEX_SIZE];
        LoadedFile file;
        int r;

        if (!place) {
                r = unlinkat(root_fd, root_relative(PATH_LOADED_JSON), 0) < 0 ? -errno : 0;
                return r == -ENOENT ? 0 : r;
        }
        digest_to_hex(place->block_digest, block);
        digest_to_hex(place->purgatory_digest, purgatory);
        file = (LoadedFile){
                .block_paddr = place->block_paddr[0],
                .block_mirror_paddr = place->block_paddr[1],
                .purgatory_paddr = place->purgatory_paddr,
                .purgatory_bytes = place->purgatory_bytes,
                .live_paddr = place->live.start,
                .live_end_paddr = place->live.end,
                .block_sha256 = block,
                .purgatory_sha256 = purgatory,
        };
        r = json_fields_write(fields, ELEMENTSOF(fields), &file, &object);
        if (r < 0)
                return r;
        r = json_object_format(object, &json);
        if (r < 0)
                return r;
        r = mkdir_parents(root_fd, root_relative(PATH_RUN_DIR), 0755);
        if (r < 0)
                return r;
        return file_write_atomic(root_fd, root_relative(PATH_LOADED_JSON), json, strlen(json),
                                 0600);
}
