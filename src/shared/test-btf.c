/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the reader of BTF. */
#include "btf.h"

#include <endian.h>
#include <fcntl.h>

#include "io.h"
#include "test.h"

#define KIND(kind, flag, n) ((uint32_t) (flag) << 31 | (uint32_t) (kind) << 24 | (n))
#define STRUCT 4
#define UNION 5
#define ENUM 6

typedef struct Blob {
        uint8_t data[4096];
        size_t size, types_at;
        uint32_t n_types;
        char strings[1024];
        uint32_t n_strings;
} Blob;

static void put(Blob *blob, uint32_t word)
{
        word = htole32(word);
        memcpy(blob->data + blob->size, &word, sizeof(word));
        blob->size += sizeof(word);
}

/* The offset of a name; 0 for none. */
static uint32_t name_put(Blob *blob, const char *name)
{
        uint32_t at = blob->n_strings;

        memcpy(blob->strings + at, name, strlen(name) + 1);
        blob->n_strings += (uint32_t) strlen(name) + 1;
        return at;
}

static void blob_begin(Blob *blob)
{
        memset(blob, 0, sizeof(*blob));
        blob->n_strings = 1;
        blob->size = 24;
}

/* Returns the number of the type; its entries follow. */
static uint32_t type_put(Blob *blob, const char *name, uint32_t info, uint32_t size_or_type)
{
        put(blob, name ? name_put(blob, name) : 0);
        put(blob, info);
        put(blob, size_or_type);
        return ++blob->n_types;
}

static void member_put(Blob *blob, const char *name, uint32_t type, uint32_t offset)
{
        put(blob, name ? name_put(blob, name) : 0);
        put(blob, type);
        put(blob, offset);
}

static void blob_end(Blob *blob)
{
        size_t size = blob->size;
        uint32_t n_type_bytes = (uint32_t) size - 24;

        memcpy(blob->data + size, blob->strings, blob->n_strings);
        blob->size = 0;
        put(blob, 0x0001eb9f);
        put(blob, 24);
        put(blob, 0);
        put(blob, n_type_bytes);
        put(blob, n_type_bytes);
        put(blob, blob->n_strings);
        blob->size = size + blob->n_strings;
}

/* struct page { int flags; union { struct { int lru, next; }; int head; }; int bits:3; };
 * struct folio { const struct page page; }; enum { PG_lru = 4 }; */
static void blob_make(Blob *blob)
{
        uint32_t number, inner, either, page, constant;

        blob_begin(blob);
        number = type_put(blob, "int", KIND(1, 0, 0), 4);
        put(blob, 32);
        inner = type_put(blob, NULL, KIND(STRUCT, 0, 2), 8);
        member_put(blob, "lru", number, 0);
        member_put(blob, "next", number, 32);
        either = type_put(blob, NULL, KIND(UNION, 0, 2), 8);
        member_put(blob, NULL, inner, 0);
        member_put(blob, "head", number, 0);
        page = type_put(blob, "page", KIND(STRUCT, 1, 3), 16);
        member_put(blob, "flags", number, 0);
        member_put(blob, NULL, either, 32);
        member_put(blob, "bits", number, 3U << 24 | 96);
        constant = type_put(blob, NULL, KIND(10, 0, 0), page);
        type_put(blob, "folio", KIND(STRUCT, 0, 1), 20);
        member_put(blob, "page", constant, 32);
        type_put(blob, NULL, KIND(ENUM, 0, 2), 4);
        put(blob, name_put(blob, "PG_locked"));
        put(blob, 0);
        put(blob, name_put(blob, "PG_lru"));
        put(blob, 4);
        blob_end(blob);
}

static void test_members_and_enumerators(void **state)
{
        static const struct {
                const char *type, *member;
                int r;
                uint64_t offset;
        } rows[] = {
                { "page", "flags", 0, 0 },
                { "page", "lru", 0, 4 },
                { "page", "next", 0, 8 },
                { "page", "head", 0, 4 },
                { "page", "bits", -ENODATA, 0 },
                { "page", "lr", -ENODATA, 0 },
                { "page", "lru_", -ENODATA, 0 },
                { "page", "", -ENODATA, 0 },
                { "pag", "flags", -ENODATA, 0 },
                { "folio", "page", 0, 4 },
                { "folio", "page.next", 0, 12 },
                { "folio", "page.", -ENODATA, 0 },
                { "folio", "page.no", -ENODATA, 0 },
                { "page", "flags.x", -ENODATA, 0 },
        };
        _cleanup_(btf_freep) Btf *btf = NULL;
        uint64_t bytes;
        uint32_t value;
        Blob blob;

        blob_make(&blob);
        assert_int_equal(btf_new(blob.data, blob.size, &btf), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                bytes = 0;
                assert_int_equal(btf_member_offset(btf, rows[i].type, rows[i].member, &bytes),
                                 rows[i].r);
                assert_int_equal(bytes, rows[i].offset);
        }
        assert_int_equal(btf_struct_size(btf, "page", &bytes), 0);
        assert_int_equal(bytes, 16);
        assert_int_equal(btf_struct_size(btf, "int", &bytes), -ENODATA);
        assert_int_equal(btf_enumerator(btf, "PG_lru", &value), 0);
        assert_int_equal(value, 4);
        assert_int_equal(btf_enumerator(btf, "PG_none", &value), -ENODATA);
}

/* Types that contain themselves, twice as often at each level. */
static void test_endless_types(void **state)
{
        _cleanup_(btf_freep) Btf *btf = NULL, *loop = NULL;
        uint64_t bytes;
        Blob blob;

        blob_begin(&blob);
        type_put(&blob, "page", KIND(STRUCT, 0, 2), 8);
        member_put(&blob, NULL, 1, 0);
        member_put(&blob, NULL, 1, 0);
        blob_end(&blob);
        assert_int_equal(btf_new(blob.data, blob.size, &btf), 0);
        assert_int_equal(btf_member_offset(btf, "page", "flags", &bytes), -EBADMSG);

        blob_begin(&blob);
        type_put(&blob, "page", KIND(STRUCT, 0, 1), 8);
        member_put(&blob, NULL, 2, 0);
        type_put(&blob, NULL, KIND(10, 0, 0), 2);
        blob_end(&blob);
        assert_int_equal(btf_new(blob.data, blob.size, &loop), 0);
        assert_int_equal(btf_member_offset(loop, "page", "flags", &bytes), -EBADMSG);
}

/* Whatever single byte is wrong, and wherever it ends: nothing is read that is not there. */
static void test_damage(void **state)
{
        _cleanup_free_ uint8_t *copy = NULL;
        uint64_t bytes;
        uint32_t value;
        Blob blob;

        blob_make(&blob);
        for (size_t size = 0; size < blob.size; size++) {
                Btf *btf = NULL;

                free(copy);
                copy = malloc(MAX(size, (size_t) 1));
                assert_non_null(copy);
                memcpy(copy, blob.data, size);
                assert_true(btf_new(copy, size, &btf) < 0);
        }
        free(copy);
        copy = malloc(blob.size);
        assert_non_null(copy);
        for (size_t i = 0; i < blob.size * 256; i++) {
                _cleanup_(btf_freep) Btf *btf = NULL;

                memcpy(copy, blob.data, blob.size);
                copy[i / 256] = (uint8_t) i;
                if (btf_new(copy, blob.size, &btf) < 0)
                        continue;
                (void) btf_member_offset(btf, "folio", "page.next", &bytes);
                (void) btf_enumerator(btf, "PG_none", &value);
        }
}

/* What is sure to be so in any kernel of x86_64 or arm64. */
static void test_this_kernel(void **state)
{
        _cleanup_free_ char *data = NULL;
        _cleanup_(btf_freep) Btf *btf = NULL;
        uint64_t bytes;
        uint32_t value;
        size_t size;

        if (file_read(AT_FDCWD, "/sys/kernel/btf/vmlinux", BTF_BYTES_MAX, &data, &size) < 0)
                skip();
        assert_int_equal(btf_new(data, size, &btf), 0);
        assert_int_equal(btf_struct_size(btf, "page", &bytes), 0);
        assert_in_range(bytes, 56, 256);
        assert_int_equal(btf_member_offset(btf, "page", "flags", &bytes), 0);
        assert_int_equal(bytes, 0);
        assert_int_equal(btf_member_offset(btf, "page", "_refcount", &bytes), 0);
        assert_int_equal(bytes % 4, 0);
        assert_int_equal(btf_member_offset(btf, "uts_namespace", "name.release", &bytes), 0);
        assert_in_range(bytes, 2 * 65, 2 * 65 + 64);
        assert_int_equal(btf_enumerator(btf, "PG_locked", &value), 0);
        assert_int_equal(value, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_members_and_enumerators),
                cmocka_unit_test(test_endless_types),
                cmocka_unit_test(test_damage),
                cmocka_unit_test(test_this_kernel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
