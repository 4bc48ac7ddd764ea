/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-bed.h"
#include "test.h"

#define CHUNK ((uint64_t) PURGATORY_CHUNK_BYTES)

/* Wrong blocks, with a digest that fits. Extents: see bed_init_usual(); 6 are live headers. */
typedef void (*Change)(PurgatoryBlock *block, const Bed *bed);

#define CHANGE(name, statement)                                                                    \
        static void name(PurgatoryBlock *block, const Bed *bed)                                    \
        {                                                                                          \
                PurgatoryExtent *extents = block->extents;                                         \
                (void) extents;                                                                    \
                statement;                                                                         \
        }

CHANGE(other_magic, block->magic++)
CHANGE(other_version, block->version++)
CHANGE(other_bytes, block->bytes += 8)
CHANGE(other_flags, block->flags = 1)
CHANGE(no_extents, block->n_extents = 0)
CHANGE(too_many_extents, block->n_extents = PURGATORY_EXTENTS_MAX + 1)
CHANGE(all_ones_extents, block->n_extents = UINT32_MAX)
CHANGE(one_extent_too_many, block->n_extents++)
CHANGE(one_leaf_missing, block->n_leaves--)
CHANGE(no_leaves, block->n_leaves = 0)
CHANGE(too_many_leaves, block->n_leaves = 65537)
CHANGE(empty_extent, extents[1].bytes = 0)
CHANGE(longer_extent, extents[1].bytes += 100 * CHUNK)
CHANGE(endless_extent, extents[1].bytes = UINT64_MAX)
CHANGE(wrapping_extent, extents[1].bytes = (UINT64_C(1) << 63) - 1)
CHANGE(huge_first_leaf, extents[1].first_leaf = UINT32_MAX)
CHANGE(first_leaf_too_high, extents[0].first_leaf = block->n_leaves - 3)
CHANGE(no_targets, extents[1].targets = 0)
CHANGE(third_target, extents[1].targets = 5)
CHANGE(unknown_extent_flag, extents[1].flags = 2)
CHANGE(extent_outside, extents[1].paddr = BED_PADDR - 4096)
CHANGE(extent_at_zero, extents[1].paddr = 0)
CHANGE(extent_at_the_very_end, extents[1].paddr = UINT64_MAX - 100)
CHANGE(extent_over_another, extents[2].paddr = extents[0].paddr + 3 * CHUNK + 99)
CHANGE(extent_in_another, extents[2].paddr = extents[0].paddr + 4096)
CHANGE(extent_over_its_mirror, extents[2].paddr = extents[2].mirror_paddr)
CHANGE(extent_over_a_mirror, extents[2].paddr = extents[3].mirror_paddr)
CHANGE(extent_over_status, extents[5].paddr = bed->header.status_paddr + 511)
CHANGE(extent_over_blob, extents[5].paddr = bed->header_paddr + BED_BLOB_BYTES - 77)
CHANGE(extent_over_leaves, extents[5].paddr = block->leaves_paddr[0])
CHANGE(extent_over_other_leaves, extents[5].paddr = block->leaves_paddr[1] - 76)
CHANGE(mirror_outside, extents[1].mirror_paddr = 8)
CHANGE(mirror_partly_outside, extents[1].mirror_paddr = BED_PADDR + bed->bytes - 4096)
CHANGE(mirror_at_the_very_end, extents[1].mirror_paddr = UINT64_MAX - 100)
CHANGE(mirror_over_a_mirror, extents[1].mirror_paddr = extents[0].mirror_paddr + 1)
CHANGE(mirror_over_leaves, extents[2].mirror_paddr = block->leaves_paddr[0])
CHANGE(live_longer_than_its_room, block->live_elf_max_bytes = 287)
CHANGE(live_room_over_others, block->live_elf_max_bytes = BED_LIVE_ELF_BYTES + 1)
CHANGE(live_room_outside, block->live_elf_max_bytes = UINT32_MAX)
CHANGE(live_mirror_outside, extents[6].mirror_paddr = BED_PADDR + bed->bytes - 300)

static const struct {
        const char *name;
        Change change;
} refused[] = {
#define ROW(change)                                                                                \
        {                                                                                          \
#change, change                                                                    \
        }
        ROW(other_magic),
        ROW(other_version),
        ROW(other_bytes),
        ROW(other_flags),
        ROW(no_extents),
        ROW(too_many_extents),
        ROW(all_ones_extents),
        ROW(one_extent_too_many),
        ROW(one_leaf_missing),
        ROW(no_leaves),
        ROW(too_many_leaves),
        ROW(empty_extent),
        ROW(longer_extent),
        ROW(endless_extent),
        ROW(wrapping_extent),
        ROW(huge_first_leaf),
        ROW(first_leaf_too_high),
        ROW(no_targets),
        ROW(third_target),
        ROW(unknown_extent_flag),
        ROW(extent_outside),
        ROW(extent_at_zero),
        ROW(extent_at_the_very_end),
        ROW(extent_over_another),
        ROW(extent_in_another),
        ROW(extent_over_its_mirror),
        ROW(extent_over_a_mirror),
        ROW(extent_over_status),
        ROW(extent_over_blob),
        ROW(extent_over_leaves),
        ROW(extent_over_other_leaves),
        ROW(mirror_outside),
        ROW(mirror_partly_outside),
        ROW(mirror_at_the_very_end),
        ROW(mirror_over_a_mirror),
        ROW(mirror_over_leaves),
        ROW(live_longer_than_its_room),
        ROW(live_room_over_others),
        ROW(live_room_outside),
        ROW(live_mirror_outside),
};

CHANGE(nothing, (void) block)
CHANGE(extent_right_behind_status, extents[5].paddr = bed->header.status_paddr + 512)
CHANGE(live_room_just_enough, block->live_elf_max_bytes = 288)
CHANGE(no_other_leaves, block->leaves_paddr[1] = 0)
CHANGE(no_first_leaves, block->leaves_paddr[0] = 0)
CHANGE(first_leaves_outside, block->leaves_paddr[0] = 4096)
CHANGE(first_leaves_at_the_very_end, block->leaves_paddr[0] = UINT64_MAX - 3)

/* Blocks that are not refused, also at the edge */
static const struct {
        const char *name;
        Change change;
        unsigned leaves_copy;
} trusted[] = {
        { "nothing", nothing, 1 },
        { "extent_right_behind_status", extent_right_behind_status, 0 },
        { "live_room_just_enough", live_room_just_enough, 1 },
        { "no_other_leaves", no_other_leaves, 1 },
        { "no_first_leaves", no_first_leaves, 2 },
        { "first_leaves_outside", first_leaves_outside, 2 },
        { "first_leaves_at_the_very_end", first_leaves_at_the_very_end, 2 },
};

/* What is jumped to, or is given to it, was not checked. */
CHANGE(no_entry, block->targets[0].entry = 0)
CHANGE(entry_before_kernel, block->targets[0].entry = extents[0].paddr - 1)
CHANGE(entry_behind_kernel, block->targets[0].entry = extents[0].paddr + extents[0].bytes)
CHANGE(entry_in_fallback, block->targets[0].entry = extents[3].paddr)
CHANGE(no_boot_params, block->targets[0].boot_params = 0)
CHANGE(boot_params_of_fallback, block->targets[0].boot_params = extents[4].paddr)

static const Change not_started[] = {
        no_entry,          entry_before_kernel, entry_behind_kernel,
        entry_in_fallback, no_boot_params,      boot_params_of_fallback
};

static void changed_run(Bed *bed, Change change)
{
        bed_init_usual(bed);
        bed_add_live_elf(bed, true);
        bed_seal(bed);
        change(&bed->block, bed);
        bed_seal_block(bed);
        bed_run(bed);
        assert_false(bed->bad_access);
}

static void test_blocks_that_make_no_sense_are_not_trusted(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                _cleanup_bed_ Bed bed;

                print_message("  %s\n", refused[i].name);
                changed_run(&bed, refused[i].change);
                assert_int_equal(bed.end, BED_TRIPLE_FAULT);
                assert_null(bed.purgatory.block);
                assert_int_equal(bed_status(&bed)->block_copy, 0);
                /* Nothing but the status was written to. */
                memset(bed_at(&bed, bed.header.status_paddr), 0, sizeof(PurgatoryStatus));
                memset(bed.sealed + (bed.header.status_paddr - BED_PADDR), 0,
                       sizeof(PurgatoryStatus));
                assert_memory_equal(bed.memory, bed.sealed, bed.bytes);
        }
}

static void test_blocks_at_the_edge_are_trusted(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(trusted); i++) {
                _cleanup_bed_ Bed bed;

                print_message("  %s\n", trusted[i].name);
                changed_run(&bed, trusted[i].change);
                assert_non_null(bed.purgatory.block);
                assert_int_equal(bed_status(&bed)->block_copy, 1);
                if (trusted[i].leaves_copy == 0)
                        continue;
                assert_int_equal(bed_status(&bed)->leaves_copy, trusted[i].leaves_copy);
                assert_int_equal(bed.end, BED_JUMPED);
                assert_int_equal(bed_status(&bed)->started, 1);
        }
}

static void test_a_target_outside_of_what_is_checked_is_not_started(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(not_started); i++) {
                _cleanup_bed_ Bed bed;

                changed_run(&bed, not_started[i]);
                assert_int_equal(bed.end, BED_JUMPED);
                assert_int_equal(bed_status(&bed)->started, 2);
                assert_int_equal(bed_status(&bed)->results[1], PURGATORY_RESULT_UNKNOWN);
        }
}

/* Each copy has its own digest; one that makes no sense does not spoil the other. */
static void test_the_second_block_is_used_if_the_first_makes_no_sense(void **state)
{
        _cleanup_bed_ Bed bed;
        PurgatoryBlock right;

        bed_init_usual(&bed);
        right = bed.block;
        bed.block.extents[0].paddr = bed.header.status_paddr;
        bed_seal_block(&bed);
        memcpy(bed_at(&bed, bed.header.block_paddr[1]), &right, sizeof(right));
        bed_run(&bed);
        assert_int_equal(bed.end, BED_JUMPED);
        assert_int_equal(bed_status(&bed)->block_copy, 2);
        assert_int_equal(bed_status(&bed)->started, 1);
}

static void test_a_block_address_that_cannot_be_is_skipped(void **state)
{
        static const uint64_t bad[] = {
                0, 8, BED_PADDR + 4, UINT64_C(1) << 52, UINT64_MAX, UINT64_MAX - 7
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_bed_ Bed bed;

                bed_init_usual(&bed);
                bed_header(&bed)->block_paddr[0] = bad[i];
                bed_run(&bed);
                assert_int_equal(bed.end, BED_JUMPED);
                assert_int_equal(bed_status(&bed)->block_copy, 2);
                assert_false(bed.bad_access);
        }
}

/* No loader puts it there; what reads it may trap. */
static void test_a_block_at_an_odd_address_is_not_trusted(void **state)
{
        _cleanup_bed_ Bed bed;
        uint64_t paddr;

        bed_init_usual(&bed);
        paddr = bed_take(&bed, 8192) + 4;
        bed_seal_block(&bed);
        memcpy(bed_at(&bed, paddr), &bed.block, sizeof(bed.block));
        bed_header(&bed)->block_paddr[0] = paddr;
        bed_run(&bed);
        assert_int_equal(bed_status(&bed)->block_copy, 2);
}

static void small_bed_make(Bed *bed)
{
        bed_init(bed, UINT64_C(1) << 17);
        bed_add(bed, 3000, 3, true);
        bed_add(bed, 100, 3, false);
        for (unsigned i = 0; i < PURGATORY_TARGETS_MAX; i++) {
                bed->block.targets[i].entry = bed->block.extents[0].paddr + 0x200;
                bed->block.targets[i].boot_params = bed->block.extents[1].paddr;
        }
        bed_seal(bed);
}

/* Nothing is a second copy of it: whatever it says, one good block is found, and no port is written
 * to that was not meant. */
static void test_no_damaged_bit_of_the_header_is_in_the_way(void **state)
{
        unsigned n_second = 0, n_own = 0, n_exceptions = 0;

        for (unsigned bit = 0; bit < 8 * sizeof(PurgatoryHeader); bit++) {
                _cleanup_bed_ Bed bed;

                small_bed_make(&bed);
                bed.wild_faults = true;
                bed_flip(&bed, bed.header_paddr + bit / 8, bit % 8);
                bed_run(&bed);
                assert_false(bed.bad_access);
                assert_int_equal(bed.end, BED_JUMPED);
                assert_int_equal(bed_status(&bed)->started, 1);
                assert_int_equal(bed.n_writes, 0);
                assert_non_null(
                        strstr(bed.serial, "checking the crash kernel; its header is damaged\r\n"));
                n_second += bed_status(&bed)->block_copy == 2;
                n_own += bed_status(&bed) == &bed.purgatory.own_status;
                n_exceptions += bed_status(&bed)->exceptions > 0;
        }
        /* 64 bits of an address each; what an address of the other copy leads to is good, too. */
        assert_in_range(n_second, 63, 64);
        assert_int_equal(n_own, 64);
        /* Those above what there is of memory, and below what a CPU can address */
        assert_in_range(n_exceptions, 60, 80);
}

static void test_a_header_that_is_whole_is_not_complained_of(void **state)
{
        _cleanup_bed_ Bed bed;

        small_bed_make(&bed);
        bed_run(&bed);
        assert_true(bed.purgatory.header_is_whole);
        assert_ptr_equal(strstr(bed.serial, "kdumpd: checking the crash kernel\r\n"), bed.serial);
        assert_null(strstr(bed.serial, "damaged"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_blocks_that_make_no_sense_are_not_trusted),
                cmocka_unit_test(test_blocks_at_the_edge_are_trusted),
                cmocka_unit_test(test_a_target_outside_of_what_is_checked_is_not_started),
                cmocka_unit_test(test_the_second_block_is_used_if_the_first_makes_no_sense),
                cmocka_unit_test(test_a_block_at_an_odd_address_is_not_trusted),
                cmocka_unit_test(test_a_block_address_that_cannot_be_is_skipped),
                cmocka_unit_test(test_no_damaged_bit_of_the_header_is_in_the_way),
                cmocka_unit_test(test_a_header_that_is_whole_is_not_complained_of),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
