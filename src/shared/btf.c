/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of BTF (include/uapi/linux/btf.h). It is that of the running kernel, or what
 * claims to be: nothing in it is believed. */
#include "btf.h"

#include <endian.h>

#define BTF_MAGIC 0xeb9f
#define HEADER_BYTES 24
#define TYPE_BYTES 12
#define MEMBER_BYTES 12

/* Unnamed structs and unions in each other, and names and qualifiers of a type; a path of members.
 */
#define DEPTH_MAX 16

/* Members that are looked at to find one: unnamed ones may be shared, and more than once. */
#define N_STEPS_MAX (1U << 20)

typedef enum BtfKind {
        BTF_INT = 1,
        BTF_PTR,
        BTF_ARRAY,
        BTF_STRUCT,
        BTF_UNION,
        BTF_ENUM,
        BTF_FWD,
        BTF_TYPEDEF,
        BTF_VOLATILE,
        BTF_CONST,
        BTF_RESTRICT,
        BTF_FUNC,
        BTF_FUNC_PROTO,
        BTF_VAR,
        BTF_DATASEC,
        BTF_FLOAT,
        BTF_DECL_TAG,
        BTF_TYPE_TAG,
        BTF_ENUM64,
        _BTF_KIND_MAX,
} BtfKind;

struct Btf {
        const uint8_t *types;
        const char *strings; /* ends with a NUL */
        uint32_t n_string_bytes;
        uint32_t *offsets; /* in @types, of the type with this number less 1 */
        uint32_t n_types;
};

typedef struct BtfType {
        const uint8_t *entries; /* what follows it: members, enumerators */
        uint32_t name_offset, size_or_type;
        uint32_t n_entries;
        BtfKind kind;
        bool flag;
} BtfType;

static uint32_t load_u32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return le32toh(value);
}

static uint16_t load_u16(const uint8_t *at)
{
        uint16_t value;

        memcpy(&value, at, sizeof(value));
        return le16toh(value);
}

/* How many bytes follow a type of this kind, and are there for each of its entries. */
static const struct {
        uint8_t fixed_bytes, entry_bytes;
} kinds[_BTF_KIND_MAX] = {
        [BTF_INT] = { 4, 0 },     [BTF_ARRAY] = { 12, 0 },   [BTF_STRUCT] = { 0, 12 },
        [BTF_UNION] = { 0, 12 },  [BTF_ENUM] = { 0, 8 },     [BTF_FUNC_PROTO] = { 0, 8 },
        [BTF_VAR] = { 4, 0 },     [BTF_DATASEC] = { 0, 12 }, [BTF_DECL_TAG] = { 4, 0 },
        [BTF_ENUM64] = { 0, 12 },
};

static BtfType type_load(const uint8_t *at)
{
        uint32_t info = load_u32(at + 4);

        return (BtfType){ .entries = at + TYPE_BYTES,
                          .name_offset = load_u32(at),
                          .size_or_type = load_u32(at + 8),
                          .n_entries = info & 0xffff,
                          .kind = info >> 24 & 0x1f,
                          .flag = info >> 31 };
}

/* Fills @offsets, which has room for all types there can be. */
static int types_index(Btf *btf, uint32_t n_bytes)
{
        uint64_t at = 0;

        while (at < n_bytes) {
                BtfType type;

                if (n_bytes - at < TYPE_BYTES)
                        return -EBADMSG;
                type = type_load(btf->types + at);
                if (type.kind == 0 || type.kind >= _BTF_KIND_MAX)
                        return -EOPNOTSUPP;
                btf->offsets[btf->n_types++] = (uint32_t) at;
                at += TYPE_BYTES + kinds[type.kind].fixed_bytes +
                      (uint64_t) type.n_entries * kinds[type.kind].entry_bytes;
        }
        return at == n_bytes ? 0 : -EBADMSG;
}

int btf_new(const void *data, size_t size, Btf **ret)
{
        _cleanup_(btf_freep) Btf *btf = NULL;
        const uint8_t *bytes = data;
        uint64_t header_bytes, types_at, n_type_bytes, strings_at, n_string_bytes;
        int r;

        if (size > BTF_BYTES_MAX)
                return -EFBIG;
        if (size < HEADER_BYTES)
                return -EBADMSG;
        if (load_u16(bytes) != BTF_MAGIC || bytes[2] != 1)
                return -EOPNOTSUPP;
        header_bytes = load_u32(bytes + 4);
        types_at = header_bytes + load_u32(bytes + 8);
        n_type_bytes = load_u32(bytes + 12);
        strings_at = header_bytes + load_u32(bytes + 16);
        n_string_bytes = load_u32(bytes + 20);
        if (header_bytes < HEADER_BYTES || types_at + n_type_bytes > size ||
            strings_at + n_string_bytes > size || n_string_bytes == 0 ||
            bytes[strings_at + n_string_bytes - 1] != 0)
                return -EBADMSG;

        btf = calloc(1, sizeof(*btf));
        if (!btf)
                return -ENOMEM;
        btf->types = bytes + types_at;
        btf->strings = (const char *) bytes + strings_at;
        btf->n_string_bytes = (uint32_t) n_string_bytes;
        btf->offsets = calloc(n_type_bytes / TYPE_BYTES + 1, sizeof(*btf->offsets));
        if (!btf->offsets)
                return -ENOMEM;
        r = types_index(btf, (uint32_t) n_type_bytes);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(btf);
        return 0;
}

Btf *btf_free(Btf *btf)
{
        if (!btf)
                return NULL;
        free(btf->offsets);
        free(btf);
        return NULL;
}

/* "" for what has no name, and for one that is malformed. */
static const char *string_get(const Btf *btf, uint32_t offset)
{
        return offset < btf->n_string_bytes ? btf->strings + offset : "";
}

static int type_find(const Btf *btf, const char *name, BtfType *ret)
{
        for (uint32_t i = 0; i < btf->n_types; i++) {
                BtfType type = type_load(btf->types + btf->offsets[i]);

                if ((type.kind == BTF_STRUCT || type.kind == BTF_UNION) &&
                    streq(string_get(btf, type.name_offset), name)) {
                        *ret = type;
                        return 0;
                }
        }
        return -ENODATA;
}

/* The struct or union that type @id is, under whatever other names. */
static int type_resolve(const Btf *btf, uint32_t id, BtfType *ret)
{
        for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
                BtfType type;

                if (id == 0)
                        return -ENODATA; /* void */
                if (id > btf->n_types)
                        return -EBADMSG;
                type = type_load(btf->types + btf->offsets[id - 1]);
                switch (type.kind) {
                case BTF_STRUCT:
                case BTF_UNION:
                        *ret = type;
                        return 0;
                case BTF_TYPEDEF:
                case BTF_VOLATILE:
                case BTF_CONST:
                case BTF_RESTRICT:
                case BTF_TYPE_TAG:
                        id = type.size_or_type;
                        break;
                default:
                        return -ENODATA;
                }
        }
        return -EBADMSG;
}

typedef struct BtfPlace {
        uint64_t bit_offset;
        uint32_t type; /* its number */
} BtfPlace;

/* The member whose name is the first @n bytes of @name. */
static int member_find(const Btf *btf, const BtfType *type, const char *name, size_t n,
                       unsigned depth, unsigned *n_steps, BtfPlace *ret)
{
        if (depth >= DEPTH_MAX)
                return -EBADMSG;

        for (uint32_t i = 0; i < type->n_entries; i++) {
                const uint8_t *entry = type->entries + i * MEMBER_BYTES;
                const char *own = string_get(btf, load_u32(entry));
                uint32_t offset = load_u32(entry + 8), bits = type->flag ? offset >> 24 : 0;
                BtfType inner;
                int r;

                if (++*n_steps > N_STEPS_MAX)
                        return -EBADMSG;
                if (type->flag)
                        offset &= 0xffffff;
                if (own[0] != '\0') {
                        if (strncmp(own, name, n) != 0 || own[n] != '\0')
                                continue;
                        if (bits != 0)
                                return -ENODATA;
                        *ret = (BtfPlace){ offset, load_u32(entry + 4) };
                        return 0;
                }

                r = type_resolve(btf, load_u32(entry + 4), &inner);
                if (r >= 0)
                        r = member_find(btf, &inner, name, n, depth + 1, n_steps, ret);
                if (r >= 0)
                        ret->bit_offset += offset;
                if (r != -ENODATA)
                        return r;
        }
        return -ENODATA;
}

int btf_struct_size(const Btf *btf, const char *name, uint64_t *ret_bytes)
{
        BtfType type;
        int r;

        r = type_find(btf, name, &type);
        if (r < 0)
                return r;
        *ret_bytes = type.size_or_type;
        return 0;
}

int btf_member_offset(const Btf *btf, const char *name, const char *member, uint64_t *ret_bytes)
{
        BtfPlace place;
        BtfType type;
        uint64_t bit_offset = 0;
        unsigned n_steps = 0;
        int r;

        r = type_find(btf, name, &type);
        for (unsigned depth = 0; r >= 0 && depth < DEPTH_MAX; depth++) {
                size_t n = strcspn(member, ".");

                r = member_find(btf, &type, member, n, 0, &n_steps, &place);
                if (r < 0)
                        return r;
                bit_offset += place.bit_offset;
                if (member[n] == '\0') {
                        if (bit_offset % 8 != 0)
                                return -ENODATA;
                        *ret_bytes = bit_offset / 8;
                        return 0;
                }
                member += n + 1;
                r = type_resolve(btf, place.type, &type);
        }
        return r < 0 ? r : -EBADMSG;
}

int btf_enumerator(const Btf *btf, const char *name, uint32_t *ret)
{
        for (uint32_t i = 0; i < btf->n_types; i++) {
                BtfType type = type_load(btf->types + btf->offsets[i]);

                if (type.kind != BTF_ENUM)
                        continue;
                for (uint32_t j = 0; j < type.n_entries; j++) {
                        const uint8_t *entry =
                                type.entries + (size_t) j * kinds[BTF_ENUM].entry_bytes;

                        if (streq(string_get(btf, load_u32(entry)), name)) {
                                *ret = load_u32(entry + 4);
                                return 0;
                        }
                }
        }
        return -ENODATA;
}
