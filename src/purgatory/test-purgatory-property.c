/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elf-headers.h"
#include "test-bed.h"
#include "test.h"

#define LAYOUTS 2000U
#define MEMORY_BYTES (UINT64_C(1) << 20)
#define EXTENTS_MAX 7U
#define NO_TARGET PURGATORY_TARGETS_MAX

/* What some thousand layouts had in common with each other; all of it must have happened. */
typedef struct Tally {
        unsigned started[PURGATORY_TARGETS_MAX + 1], repaired, lost, second_block, second_leaves;
        unsigned exceptions, damaged_header;
} Tally;

static bool one_in(uint64_t *seed, unsigned n)
{
        return bed_random(seed) % n == 0;
}

static uint64_t random_bytes(uint64_t *seed)
{
        static const uint64_t few[] = { 1,
                                        63,
                                        64,
                                        4096,
                                        PURGATORY_CHUNK_BYTES - 1,
                                        PURGATORY_CHUNK_BYTES,
                                        PURGATORY_CHUNK_BYTES + 1,
                                        2 * PURGATORY_CHUNK_BYTES };

        return one_in(seed, 4) ? few[bed_random(seed) % ELEMENTSOF(few)]
                               : 1 + bed_random(seed) % 3000;
}

static void layout_make(Bed *bed, uint64_t *seed)
{
        unsigned n = 2 + (unsigned) (bed_random(seed) % (EXTENTS_MAX - 1));
        uint64_t big_bytes = 0;

        bed_init(bed, MEMORY_BYTES);
        for (unsigned i = 0; i < n; i++) {
                uint64_t bytes = random_bytes(seed);
                uint32_t targets = i == 0 ? 3 : 1 + (uint32_t) (bed_random(seed) % 3);

                big_bytes += bytes;
                if (big_bytes > 5 * PURGATORY_CHUNK_BYTES)
                        bytes = 1 + bytes % 1000;
                bed_add(bed, bytes, targets, !one_in(seed, 4));
        }
        if (one_in(seed, 3))
                bed_add_live_elf(bed, !one_in(seed, 4));
        for (unsigned i = 0; i < PURGATORY_TARGETS_MAX; i++) {
                const PurgatoryExtent *kernel = bed->block.extents;

                if (i == 1 && one_in(seed, 4))
                        continue;
                bed->block.targets[i].entry = kernel->paddr + bed_random(seed) % kernel->bytes;
                bed->block.targets[i].boot_params = kernel->paddr + kernel->bytes - 1;
        }
        if (one_in(seed, 10))
                bed->header.status_paddr = 0;
        bed->wild_faults = one_in(seed, 2);
        bed_seal(bed);
}

static void range_flip(Bed *bed, uint64_t *seed, uint64_t paddr, uint64_t bytes)
{
        bed_flip(bed, paddr + bed_random(seed) % bytes, (unsigned) (bed_random(seed) % 8));
}

static void extent_flip(Bed *bed, uint64_t *seed)
{
        const PurgatoryExtent *extent =
                bed->block.extents + bed_random(seed) % bed->block.n_extents;
        uint64_t offset = bed_random(seed) % extent->bytes;
        unsigned where = (unsigned) (bed_random(seed) % 4);

        if (where != 1)
                range_flip(bed, seed, extent->paddr + offset, 1);
        if (where != 0 && where != 3 && extent->mirror_paddr != 0)
                range_flip(bed, seed, extent->mirror_paddr + offset, 1);
}

/* Half of the time one of its addresses */
static void header_flip(Bed *bed, uint64_t *seed)
{
        if (one_in(seed, 2))
                range_flip(bed, seed, bed->header_paddr, sizeof(PurgatoryHeader));
        else
                range_flip(bed, seed, bed->header_paddr + offsetof(PurgatoryHeader, block_paddr),
                           offsetof(PurgatoryHeader, block_bytes) -
                                   offsetof(PurgatoryHeader, block_paddr));
}

static void damage(Bed *bed, uint64_t *seed)
{
        for (uint64_t n = bed_random(seed) % 8; n > 0; n--) {
                unsigned copy = (unsigned) (bed_random(seed) % PURGATORY_COPIES);

                if (one_in(seed, 10))
                        range_flip(bed, seed, bed->header.block_paddr[copy],
                                   sizeof(PurgatoryBlock));
                else if (one_in(seed, 8))
                        header_flip(bed, seed);
                else if (one_in(seed, 8))
                        range_flip(bed, seed, bed->block.leaves_paddr[copy],
                                   (uint64_t) bed->block.n_leaves * PURGATORY_DIGEST_BYTES);
                else
                        extent_flip(bed, seed);
        }
}

/* The same as it was sealed? */
static bool is_as_sealed(const Bed *bed, uint64_t paddr, uint64_t bytes)
{
        return memcmp(bed->memory + (paddr - BED_PADDR), bed->sealed + (paddr - BED_PADDR),
                      bytes) == 0;
}

static bool one_table_is_as_sealed(const Bed *bed)
{
        uint64_t bytes = (uint64_t) bed->block.n_leaves * PURGATORY_DIGEST_BYTES;

        return is_as_sealed(bed, bed->block.leaves_paddr[0], bytes) ||
               is_as_sealed(bed, bed->block.leaves_paddr[1], bytes);
}

/* Does one of the header's addresses, as they are now, lead to a good block? */
static bool one_block_is_found(Bed *bed)
{
        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                for (unsigned copy = 0; copy < PURGATORY_COPIES; copy++)
                        if (bed_header(bed)->block_paddr[i] == bed->header.block_paddr[copy] &&
                            is_as_sealed(bed, bed->header.block_paddr[copy],
                                         sizeof(PurgatoryBlock)))
                                return true;
        return false;
}

/* Can it be had, from one copy of each chunk? */
static bool extent_can_be_had(Bed *bed, const PurgatoryExtent *extent)
{
        bool is_live = extent->flags & PURGATORY_EXTENT_LIVE_ELF;
        uint64_t before = is_live ? PURGATORY_ELF_COPY_OFFSET : 0;

        if (is_live && elf_headers_make_sense(bed_at(bed, extent->paddr), BED_LIVE_ELF_BYTES,
                                              BED_RAM_START, BED_RAM_END))
                return true;
        for (uint64_t at = 0; at < extent->bytes; at += PURGATORY_CHUNK_BYTES) {
                uint64_t bytes = MIN(extent->bytes - at, (uint64_t) PURGATORY_CHUNK_BYTES);

                if (!is_as_sealed(bed, extent->paddr + at, bytes) &&
                    (extent->mirror_paddr == 0 ||
                     !is_as_sealed(bed, extent->mirror_paddr + before + at, bytes)))
                        return false;
        }
        return true;
}

/* What must be started, by no more than this: a good block, good leaves, and one copy of each chunk
 * of the target. */
static unsigned target_expected(Bed *bed)
{
        if (!one_block_is_found(bed) || !one_table_is_as_sealed(bed))
                return NO_TARGET;
        for (unsigned target = 0; target < PURGATORY_TARGETS_MAX; target++) {
                bool good = bed->block.targets[target].entry != 0;

                for (unsigned i = 0; i < bed->block.n_extents && good; i++)
                        good = !(bed->block.extents[i].targets >> target & 1) ||
                               extent_can_be_had(bed, bed->block.extents + i);
                if (good)
                        return target;
        }
        return NO_TARGET;
}

/* Nothing but extents and the status may have been written to. */
static void assert_rest_is_unchanged(Bed *bed, uint8_t *before)
{
        for (unsigned i = 0; i < bed->block.n_extents; i++) {
                const PurgatoryExtent *extent = bed->block.extents + i;

                memcpy(before + (extent->paddr - BED_PADDR), bed_at(bed, extent->paddr),
                       extent->bytes);
        }
        if (bed->header.status_paddr != 0)
                memcpy(before + (bed->header.status_paddr - BED_PADDR),
                       bed_at(bed, bed->header.status_paddr), sizeof(PurgatoryStatus));
        assert_memory_equal(before, bed->memory, bed->bytes);
}

static void assert_outcome(Bed *bed, unsigned target)
{
        const PurgatoryStatus *status = bed_status(bed);

        assert_false(bed->bad_access);
        if (target == NO_TARGET) {
                assert_int_equal(bed->end, BED_TRIPLE_FAULT);
                assert_int_equal(status->started, 0);
                return;
        }
        assert_int_equal(bed->end, BED_JUMPED);
        assert_int_equal(bed->n_writes, 0);
        assert_int_equal(status->started, target + 1);
        assert_int_equal(bed->entry, bed->block.targets[target].entry);
        assert_int_equal(bed->boot_params, bed->block.targets[target].boot_params);
        assert_true(bed_is_intact(bed, target));
        if (target > 0)
                assert_true(status->chunks_lost > 0);
        for (unsigned i = 0; i < bed->block.n_extents; i++)
                if (bed->block.extents[i].targets >> target & 1)
                        assert_in_range(status->results[i], PURGATORY_RESULT_GOOD,
                                        PURGATORY_RESULT_REPAIRED);
}

static void tally_add(Tally *tally, Bed *bed, unsigned target)
{
        const PurgatoryStatus *status = bed_status(bed);

        tally->started[target]++;
        tally->repaired += status->chunks_repaired > 0;
        tally->lost += status->chunks_lost > 0;
        tally->second_block += status->block_copy == 2;
        tally->second_leaves += status->leaves_copy == 2;
        tally->exceptions += status->exceptions > 0;
        tally->damaged_header += !bed->purgatory.header_is_whole;
}

static void test_what_can_be_had_is_started_and_nothing_else(void **state)
{
        _cleanup_free_ uint8_t *before = malloc(MEMORY_BYTES);
        Tally tally = {};

        assert_non_null(before);
        for (unsigned layout = 1; layout <= LAYOUTS; layout++) {
                uint64_t seed = layout * UINT64_C(0x9e3779b97f4a7c15);
                _cleanup_bed_ Bed bed;
                unsigned target;

                layout_make(&bed, &seed);
                damage(&bed, &seed);
                memcpy(before, bed.memory, bed.bytes);
                target = target_expected(&bed);
                bed_run(&bed);
                assert_outcome(&bed, target);
                assert_rest_is_unchanged(&bed, before);
                tally_add(&tally, &bed, target);
        }
        for (unsigned i = 0; i < ELEMENTSOF(tally.started); i++)
                assert_true(tally.started[i] > LAYOUTS / 50);
        assert_true(tally.repaired > LAYOUTS / 10);
        assert_true(tally.lost > LAYOUTS / 10);
        assert_true(tally.second_block > LAYOUTS / 100);
        assert_true(tally.second_leaves > LAYOUTS / 100);
        assert_true(tally.damaged_header > LAYOUTS / 10);
        assert_true(tally.exceptions > LAYOUTS / 50);
}

static void provoke(Bed *bed, uint64_t *seed)
{
        bed->block.provoke_stage = (uint32_t) (bed_random(seed) % (PURGATORY_STAGE_RESET + 1));
        bed->block.provoke_action = PURGATORY_PROVOKE_UD + (uint32_t) (bed_random(seed) % 2);
        bed->nmi_at_call = bed_random(seed) % 500;
        bed_seal_block(bed);
        damage(bed, seed);
        if (one_in(seed, 4)) {
                bed->fault_paddr = bed->block.extents[bed_random(seed) % 3].paddr;
                bed->fault_skip = (unsigned) (bed_random(seed) % 4);
        }
}

/* Exceptions and NMIs may cost a target, but have nothing bad started. */
static void test_with_exceptions_nothing_bad_is_started(void **state)
{
        Tally tally = {};

        for (unsigned layout = 1; layout <= LAYOUTS / 2; layout++) {
                uint64_t seed = layout * UINT64_C(0xd1b54a32d192ed03);
                unsigned expected, target;
                _cleanup_bed_ Bed bed;

                layout_make(&bed, &seed);
                provoke(&bed, &seed);
                expected = target_expected(&bed);
                bed_run(&bed);
                target = bed.end == BED_JUMPED ? bed_status(&bed)->started - 1 : NO_TARGET;
                assert_in_range(target, expected, NO_TARGET);
                if (bed_status(&bed)->exceptions == 0)
                        assert_int_equal(target, expected);
                else if (target != NO_TARGET)
                        assert_true(bed_is_intact(&bed, target));
                else
                        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
                tally_add(&tally, &bed, target);
        }
        assert_true(tally.exceptions > LAYOUTS / 50);
        assert_true(tally.started[1] > LAYOUTS / 50);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_can_be_had_is_started_and_nothing_else),
                cmocka_unit_test(test_with_exceptions_nothing_bad_is_started),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
