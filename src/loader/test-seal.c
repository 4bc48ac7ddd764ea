/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of leaves, of the purgatory's block and status, and of the blob as it is loaded. */
#include "test.h"

#include <openssl/evp.h>

#include "seal.h"

static const char zeros_digest[] =
        "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31"; /* of 65536 */
static const char abc_digest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static const uint8_t zeros[65536];

static const LoaderFacts facts = {
        .tsc_khz = 2893202,
        .serial_port = 0x2f8,
        .fadt_reset_port = 0xcf9,
        .fadt_reset_value = 0x0e,
        .boot_id = { 1, 2, 3, [15] = 16 },
};

/* All roles, each with @bytes at an address of its own. */
static void make_layout(uint64_t bytes, bool live, Layout *ret)
{
        *ret = (Layout){ .live_elfcorehdr = live };
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                ret->extents[role] = (LayoutExtent){
                        .present = true,
                        .paddr = 0x10000000 + (uint64_t) role * 0x100000,
                        .bytes = bytes,
                        .room_bytes = 0x40000,
                        .mirror_paddr = 0x20000000 + (uint64_t) role * 0x100000,
                        .targets = role == EXTENT_INITRD ? 1 : 3,
                };
        ret->extents[EXTENT_PURGATORY].mirror_paddr = 0;
}

static void assert_digest(const uint8_t *digest, const char *expected)
{
        char hex[65];

        for (size_t i = 0; i < 32; i++)
                (void) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
        assert_string_equal(hex, expected);
}

static void test_leaves_in_the_order_of_roles(void **state)
{
        static const struct {
                uint64_t bytes; /* of the initrd */
                uint64_t n;
                const char *digests[4];
        } table[] = {
                { 3, 2, { abc_digest, abc_digest } },
                { 0, 1, { abc_digest } },
                { 65536, 2, { zeros_digest, abc_digest } },
                { 65539, 3, { zeros_digest, abc_digest, abc_digest } },
                { 131072, 3, { zeros_digest, zeros_digest, abc_digest } },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ uint8_t *initrd = calloc(1, 131072), *leaves = NULL;
                const uint8_t *content[_EXTENT_ROLE_MAX] = {
                        [EXTENT_INITRD] = initrd,
                        [EXTENT_CMDLINE] = (const uint8_t *) "abc",
                };
                Layout layout = {};

                assert_non_null(initrd);
                if (table[i].bytes % 65536 == 3)
                        memcpy(initrd + table[i].bytes - 3, "abc", 3);
                layout.extents[EXTENT_INITRD] =
                        (LayoutExtent){ .present = true, .bytes = table[i].bytes };
                layout.extents[EXTENT_CMDLINE] = (LayoutExtent){ .present = true, .bytes = 3 };
                assert_int_equal(seal_leaves(&layout), table[i].n);
                leaves = malloc(table[i].n * 32 + 1);
                assert_non_null(leaves);
                leaves[table[i].n * 32] = 0xee;
                assert_int_equal(seal_write_leaves(&layout, content, leaves), 0);
                for (size_t j = 0; j < table[i].n; j++)
                        assert_digest(leaves + 32 * j, table[i].digests[j]);
                assert_int_equal(leaves[table[i].n * 32], 0xee);
        }
}

static void test_what_changes_has_no_leaves(void **state)
{
        Layout layout;

        for (int live = 0; live <= 1; live++) {
                make_layout(65537, live, &layout);
                for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                        bool expected = role != EXTENT_STATUS && role != EXTENT_LEAVES &&
                                        role != EXTENT_BLOCK && role != EXTENT_PURGATORY;

                        assert_int_equal(seal_covers(&layout, role), expected);
                        layout.extents[role].present = false;
                        assert_false(seal_covers(&layout, role));
                        layout.extents[role].present = true;
                }
                assert_int_equal(seal_leaves(&layout), 22);
        }
}

static void check_extent(const Layout *layout, const PurgatoryExtent *extent, uint32_t leaf)
{
        const LayoutExtent *from = &layout->extents[extent->role];
        bool live = layout->live_elfcorehdr && extent->role == EXTENT_ELFCOREHDR;

        assert_true(extent->paddr == from->paddr);
        assert_true(extent->bytes == from->bytes);
        assert_true(extent->mirror_paddr == from->mirror_paddr);
        assert_int_equal(extent->targets, from->targets);
        assert_int_equal(extent->flags, live ? PURGATORY_EXTENT_LIVE_ELF : 0);
        assert_int_equal(extent->first_leaf, leaf);
}

static void check_extents(const Layout *layout, const PurgatoryBlock *block)
{
        uint32_t leaf = 0;

        assert_int_equal(block->n_extents, 11);
        for (size_t i = 0; i < block->n_extents; i++) {
                const PurgatoryExtent *extent = &block->extents[i];

                if (i > 0)
                        assert_true(extent->role > block->extents[i - 1].role);
                check_extent(layout, extent, leaf);
                leaf += 2;
        }
        assert_int_equal(block->n_leaves, leaf);
        assert_true(mem_is_zero(&block->extents[11], 21 * sizeof(PurgatoryExtent)));
}

static void check_block(const Layout *layout, const PurgatoryBlock *block, const char *leaves)
{
        static const uint8_t resets[8] = { 1, 2, 3, 4, 5 };
        uint8_t digest[32];

        assert_true(block->magic == PURGATORY_BLOCK_MAGIC);
        assert_int_equal(block->version, 1);
        assert_int_equal(block->bytes, 1536);
        assert_int_equal(block->flags, 0);
        assert_int_equal(block->tsc_khz, 2893202);
        assert_int_equal(block->leaves_paddr[0], layout->extents[EXTENT_LEAVES].paddr);
        assert_int_equal(block->leaves_paddr[1], layout->extents[EXTENT_LEAVES].mirror_paddr);
        assert_digest(block->leaves_digest, leaves);
        assert_int_equal(block->ram_start, 0);
        assert_int_equal(block->live_elf_max_bytes, layout->live_elfcorehdr ? 0x40000 : 0);
        assert_int_equal(block->serial_port, 0x2f8);
        assert_int_equal(block->fadt_port, 0xcf9);
        assert_int_equal(block->fadt_value, 0x0e);
        assert_memory_equal(block->resets, resets, 8);
        assert_int_equal(block->provoke_stage, 0);
        assert_int_equal(block->provoke_action, 0);
        assert_int_equal(EVP_Digest(block, 1504, digest, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(block->digest, digest, 32);
}

static void test_block(void **state)
{
        static const char digest[] = /* of 22 leaves that are all zero */
                "2dd23156fbb26642d6f2194611e536f77213eb212f6a23654f9d5319a82ac556";
        static const uint8_t leaves[22 * 32];

        for (int live = 0; live <= 1; live++) {
                PurgatoryBlock block;
                Layout layout;

                memset(&block, 0xee, sizeof(block));
                make_layout(65537, live, &layout);
                assert_int_equal(seal_block(&layout, &facts, NULL, leaves, &block), 0);
                check_block(&layout, &block, digest);
                check_extents(&layout, &block);
                assert_int_equal(block.targets[0].entry, 0x10000200);
                assert_int_equal(block.targets[0].boot_params,
                                 layout.extents[EXTENT_BOOT_PARAMS].paddr);
                assert_int_equal(block.targets[1].entry, 0x10000200);
                assert_int_equal(block.targets[1].boot_params,
                                 layout.extents[EXTENT_FALLBACK_BOOT_PARAMS].paddr);
                assert_true(block.ram_end == UINT64_C(1) << 46);
        }
}

static void test_without_a_fallback_there_is_one_target(void **state)
{
        PurgatoryBlock block;
        Layout layout;

        make_layout(1, false, &layout);
        layout.extents[EXTENT_FALLBACK_BOOT_PARAMS].present = false;
        layout.extents[EXTENT_LEAVES].mirror_paddr = 0;
        assert_int_equal(seal_block(&layout, &facts, NULL, zeros, &block), 0);
        assert_int_equal(block.n_extents, 10);
        assert_int_equal(block.targets[0].entry, 0x10000200);
        assert_true(mem_is_zero(&block.targets[1], sizeof(block.targets[1])));
        assert_int_equal(block.leaves_paddr[1], 0);
}

static void test_memory_reaches_further_with_five_levels(void **state)
{
        const LoaderFacts la57 = { .la57 = true };
        PurgatoryBlock block;
        Layout layout;

        make_layout(1, true, &layout);
        assert_int_equal(seal_block(&layout, &la57, NULL, zeros, &block), 0);
        assert_true(block.ram_end == UINT64_C(1) << 52);
}

static void test_resets(void **state)
{
        static const uint8_t other[8] = { 5, 1, 0 }, full[8] = { 1, 1, 1, 1, 1, 1, 1, 5 },
                             unknown[8] = { 1, 6 };
        static const struct {
                const uint8_t *resets;
                int r;
        } table[] = { { other, 0 }, { full, 0 }, { unknown, -EINVAL } };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                PurgatoryHeader header = { .magic = PURGATORY_HEADER_MAGIC,
                                           .version = 1,
                                           .bytes = sizeof(header) };
                _cleanup_free_ uint8_t *blob = NULL;
                _cleanup_free_ char *error = NULL;
                PurgatoryBlock block;
                Layout layout;

                make_layout(1, false, &layout);
                assert_int_equal(seal_block(&layout, &facts, table[i].resets, zeros, &block),
                                 table[i].r);
                assert_int_equal(seal_purgatory(&layout, &facts, table[i].resets,
                                                (const uint8_t *) &header, sizeof(header), &blob,
                                                &error),
                                 table[i].r);
                if (table[i].r < 0)
                        continue;
                assert_memory_equal(block.resets, table[i].resets, 8);
                memcpy(&header, blob, sizeof(header));
                assert_memory_equal(header.resets, table[i].resets, 8);
        }
}

static void test_status_says_what_was_armed(void **state)
{
        PurgatoryStatus status;

        memset(&status, 0xee, sizeof(status));
        seal_status(&facts, 77, 1700000000000000, &status);
        assert_true(status.magic == PURGATORY_STATUS_MAGIC);
        assert_int_equal(status.version, 1);
        assert_int_equal(status.bytes, 512);
        assert_memory_equal(status.boot_id, facts.boot_id, 16);
        assert_int_equal(status.generation, 77);
        assert_true(status.armed_realtime_usec == 1700000000000000);
        assert_true(mem_is_zero(&status.stage, 512 - offsetof(PurgatoryStatus, stage)));
}

static void test_blob_is_told_where_all_is(void **state)
{
        static const uint8_t resets[8] = { 1, 2, 3, 4, 5 };
        uint8_t expected[PURGATORY_DIGEST_BYTES];
        PurgatoryHeader header = {
                .magic = PURGATORY_HEADER_MAGIC, .version = 1, .bytes = 8192, .entry = { 0xeb, 94 }
        };
        _cleanup_free_ uint8_t *blob = malloc(8192), *patched = NULL;
        _cleanup_free_ char *error = NULL;
        PurgatoryHeader out;
        Layout layout;

        assert_non_null(blob);
        memset(blob, 0x90, 8192);
        memcpy(blob, &header, sizeof(header));
        make_layout(1, false, &layout);
        assert_int_equal(seal_purgatory(&layout, &facts, NULL, blob, 8192, &patched, &error), 0);
        memcpy(&out, patched, sizeof(out));
        assert_int_equal(out.block_paddr[0], layout.extents[EXTENT_BLOCK].paddr);
        assert_int_equal(out.block_paddr[1], layout.extents[EXTENT_BLOCK].mirror_paddr);
        assert_int_equal(out.status_paddr, layout.extents[EXTENT_STATUS].paddr);
        assert_int_equal(out.block_bytes, sizeof(PurgatoryBlock));
        assert_int_equal(out.serial_port, 0x2f8);
        assert_memory_equal(out.resets, resets, 8);
        /* All else is as it was built. */
        assert_memory_equal(patched, blob, offsetof(PurgatoryHeader, block_paddr));
        assert_int_equal(EVP_Digest(patched, offsetof(PurgatoryHeader, digest), expected, NULL,
                                    EVP_sha256(), NULL),
                         1);
        assert_memory_equal(out.digest, expected, sizeof(expected));
        assert_memory_equal(patched + 96, blob + 96, 8192 - 96);
        assert_null(error);
}

static void test_what_is_no_purgatory(void **state)
{
        static const struct {
                uint64_t magic;
                uint32_t version, bytes;
                size_t size;
        } table[] = {
                { PURGATORY_HEADER_MAGIC + 1, 1, 128, 128 },
                { PURGATORY_HEADER_MAGIC, 2, 128, 128 },
                { PURGATORY_HEADER_MAGIC, 1, 127, 128 },
                { PURGATORY_HEADER_MAGIC, 1, 129, 128 },
                { PURGATORY_HEADER_MAGIC, 1, 95, 95 },
                { PURGATORY_HEADER_MAGIC, 1, 0, 0 },
        };
        Layout layout;

        make_layout(1, false, &layout);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const PurgatoryHeader header = { .magic = table[i].magic,
                                                 .version = table[i].version,
                                                 .bytes = table[i].bytes };
                _cleanup_free_ uint8_t *blob = calloc(1, MAX(table[i].size, (size_t) 1));
                _cleanup_free_ uint8_t *patched = NULL;
                _cleanup_free_ char *error = NULL;

                assert_non_null(blob);
                memcpy(blob, &header, MIN(sizeof(header), table[i].size));
                assert_int_equal(seal_purgatory(&layout, &facts, NULL, blob, table[i].size,
                                                &patched, &error),
                                 -EBADMSG);
                assert_non_null(error);
                assert_null(patched);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_leaves_in_the_order_of_roles),
                cmocka_unit_test(test_what_changes_has_no_leaves),
                cmocka_unit_test(test_block),
                cmocka_unit_test(test_without_a_fallback_there_is_one_target),
                cmocka_unit_test(test_memory_reaches_further_with_five_levels),
                cmocka_unit_test(test_resets),
                cmocka_unit_test(test_status_says_what_was_armed),
                cmocka_unit_test(test_blob_is_told_where_all_is),
                cmocka_unit_test(test_what_is_no_purgatory),
        };

        return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
