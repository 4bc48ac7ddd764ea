/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-bed.h"
#include "test.h"

static void begin(Bed *bed, PurgatoryStage stage, PurgatoryProvoke action)
{
        bed_init_usual(bed);
        bed->block.provoke_stage = stage;
        bed->block.provoke_action = action;
        bed_seal_block(bed);
}

static void assert_jumped(Bed *bed, unsigned target)
{
        assert_int_equal(bed->end, BED_JUMPED);
        assert_int_equal(bed_status(bed)->started, target + 1);
        assert_int_equal(bed->boot_params, bed->block.targets[target].boot_params);
        assert_true(bed_is_intact(bed, target));
}

static const struct {
        PurgatoryStage stage;
        PurgatoryProvoke action;
        unsigned target; /* that is started */
        uint64_t vector; /* of the exception; 0: there is none */
} provoked[] = {
        { PURGATORY_STAGE_CHECK, PURGATORY_PROVOKE_UD, 1, 6 },
        { PURGATORY_STAGE_CHECK, PURGATORY_PROVOKE_PF, 1, 14 },
        { PURGATORY_STAGE_REPAIR, PURGATORY_PROVOKE_UD, 1, 6 },
        { PURGATORY_STAGE_REPAIR, PURGATORY_PROVOKE_PF, 1, 14 },
        { PURGATORY_STAGE_JUMP, PURGATORY_PROVOKE_UD, 1, 6 },
        /* Not on target 0, or never there */
        { PURGATORY_STAGE_NONE, PURGATORY_PROVOKE_UD, 0, 0 },
        { PURGATORY_STAGE_ENTRY, PURGATORY_PROVOKE_UD, 0, 0 },
        { PURGATORY_STAGE_BLOCK, PURGATORY_PROVOKE_UD, 0, 0 },
        { PURGATORY_STAGE_RESET, PURGATORY_PROVOKE_UD, 0, 0 },
        { PURGATORY_STAGE_CHECK, PURGATORY_PROVOKE_NOTHING, 0, 0 },
        { PURGATORY_STAGE_CHECK, 77, 0, 0 },
        { 99, PURGATORY_PROVOKE_UD, 0, 0 },
};

static void test_an_exception_gives_up_a_target(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(provoked); i++) {
                const PurgatoryException *first;
                _cleanup_bed_ Bed bed;

                begin(&bed, provoked[i].stage, provoked[i].action);
                /* For something to repair, in a chunk that both targets need. */
                bed_flip(&bed, bed.block.extents[0].paddr + 3 * PURGATORY_CHUNK_BYTES, 0);
                bed_run(&bed);
                assert_jumped(&bed, provoked[i].target);
                assert_int_equal(bed_status(&bed)->exceptions, provoked[i].vector != 0);
                first = &bed_status(&bed)->first_exception;
                assert_int_equal(first->vector, provoked[i].vector);
                assert_int_equal(first->target, 0);
                if (provoked[i].vector == 0)
                        continue;
                assert_int_equal(first->stage, provoked[i].stage);
                assert_int_equal(first->error, 2);
                assert_int_equal(first->rip, 0x1000 + provoked[i].vector);
                assert_non_null(strstr(bed.serial, "an exception struck target 0\r\n"));
        }
}

/* The fallback is what is left: tests do not take it away. */
static void test_no_exception_is_provoked_in_the_fallback(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, PURGATORY_STAGE_JUMP, PURGATORY_PROVOKE_UD);
        bed_flip(&bed, bed.block.extents[1].paddr, 0);
        bed_flip(&bed, bed.block.extents[1].mirror_paddr, 0);
        bed_run(&bed);
        assert_jumped(&bed, 1);
        assert_int_equal(bed_status(&bed)->exceptions, 0);
}

static void test_an_exception_without_a_fallback_resets(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, PURGATORY_STAGE_CHECK, PURGATORY_PROVOKE_UD);
        bed.block.targets[1].entry = 0;
        bed_seal_block(&bed);
        bed.works = PURGATORY_RESET_CF9;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_RESET);
        assert_int_equal(bed_status(&bed)->started, 0);
        assert_int_equal(bed_status(&bed)->exceptions, 1);
}

/* Memory that nobody can read is in what both need. */
static void test_an_exception_in_each_target_resets(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        bed.fault_paddr = bed.block.extents[0].paddr + 5;
        bed.fault_skip = 1; /* asked for while the block is checked, but not read then */
        bed.works = PURGATORY_RESET_PORT92;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_RESET);
        assert_int_equal(bed.n_exceptions, 2);
        assert_int_equal(bed_status(&bed)->exceptions, 2);
        assert_int_equal(bed_status(&bed)->first_exception.target, 0);
        assert_int_equal(bed_status(&bed)->first_exception.cr2, bed.fault_paddr);
        assert_int_equal(bed_status(&bed)->started, 0);
}

static const struct {
        unsigned block_copy, leaves_copy; /* whose memory cannot be read; 0: all others */
        bool status;
        PurgatoryStage stage; /* in which it strikes */
} faults[] = {
        { .block_copy = 1, .stage = PURGATORY_STAGE_ENTRY },
        { .leaves_copy = 1, .stage = PURGATORY_STAGE_BLOCK },
        { .status = true, .stage = PURGATORY_STAGE_NONE },
        /* Nobody asks for these. */
        { .block_copy = 2 },
        { .leaves_copy = 2 },
};

static void test_an_exception_costs_one_copy_only(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                unsigned block_copy = faults[i].block_copy, leaves_copy = faults[i].leaves_copy;
                bool strikes = faults[i].status || block_copy == 1 || leaves_copy == 1;
                const PurgatoryStatus *status;
                _cleanup_bed_ Bed bed;

                bed_init_usual(&bed);
                bed.fault_paddr = block_copy > 0    ? bed.header.block_paddr[block_copy - 1]
                                  : leaves_copy > 0 ? bed.block.leaves_paddr[leaves_copy - 1]
                                                    : bed.header.status_paddr;
                /* Asked for while the block is checked, but not read then */
                bed.fault_skip = leaves_copy > 0;
                bed_run(&bed);
                assert_jumped(&bed, 0);
                status = bed_status(&bed);
                assert_int_equal(bed.n_exceptions, strikes);
                assert_int_equal(status->exceptions, strikes);
                assert_int_equal(status->first_exception.stage, faults[i].stage);
                assert_int_equal(status->first_exception.cr2, strikes ? bed.fault_paddr : 0);
                assert_int_equal(status->block_copy, block_copy == 1 ? 2 : 1);
                assert_int_equal(status->leaves_copy, leaves_copy == 1 ? 2 : 1);
                assert_int_equal(status == &bed.purgatory.own_status, faults[i].status);
                assert_int_equal(status->cr4, 0x20);
                assert_int_equal(strstr(bed.serial, "struck its description\r\n") != NULL, strikes);
        }
}

static void test_an_exception_in_each_block_resets(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        bed.wild_faults = true;
        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                bed.header.block_paddr[i] = UINT64_C(1) << (40 + i);
        memcpy(bed_header(&bed), &bed.header, sizeof(bed.header));
        bed_run(&bed);
        /* By the header's plan */
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed.n_writes, 0);
        assert_int_equal(bed.n_exceptions, PURGATORY_COPIES);
        assert_int_equal(bed_status(&bed)->first_exception.stage, PURGATORY_STAGE_ENTRY);
        assert_int_equal(bed_status(&bed)->first_exception.cr2, UINT64_C(1) << 40);
}

static void test_an_exception_in_each_leaf_table_resets(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        bed.block.leaves_paddr[1] = bed.block.leaves_paddr[0];
        bed_seal_block(&bed);
        bed.fault_paddr = bed.block.leaves_paddr[0];
        bed.fault_skip = PURGATORY_COPIES;
        bed.works = PURGATORY_RESET_KBD;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_RESET);
        assert_int_equal(bed.n_exceptions, PURGATORY_COPIES);
        assert_int_equal(bed_status(&bed)->first_exception.stage, PURGATORY_STAGE_BLOCK);
        assert_int_equal(bed_status(&bed)->leaves_copy, 0);
}

/* As many as there can be with something left to start. */
static void test_an_exception_in_everything_leads_to_the_fallback(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, PURGATORY_STAGE_CHECK, PURGATORY_PROVOKE_UD);
        bed.wild_faults = true;
        bed_header(&bed)->status_paddr = UINT64_C(1) << 40;
        bed_header(&bed)->block_paddr[0] = UINT64_C(1) << 41;
        bed.fault_paddr = bed.block.leaves_paddr[0];
        bed.fault_skip = 1;
        bed_run(&bed);
        assert_jumped(&bed, 1);
        assert_int_equal(bed.n_exceptions, 4);
        assert_int_equal(bed_status(&bed)->block_copy, 2);
        assert_int_equal(bed_status(&bed)->leaves_copy, 2);
}

/* A method that faults is not tried again, the others are. */
static void test_exceptions_do_not_stop_a_reset(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        bed.block.targets[0].entry = bed.block.targets[1].entry = 0;
        for (unsigned i = 0; i < PURGATORY_RESETS_MAX; i++)
                bed.block.resets[i] = PURGATORY_RESET_CF9;
        bed_seal_block(&bed);
        bed.fault_port = 0xcf9;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed.n_exceptions, PURGATORY_RESETS_MAX);
        assert_non_null(strstr(bed.serial, "resetting"));
        assert_null(strstr(strstr(bed.serial, "resetting") + 1, "resetting"));

        bed_done(&bed);
        bed_init_usual(&bed);
        bed.block.targets[0].entry = bed.block.targets[1].entry = 0;
        bed_seal_block(&bed);
        bed.fault_port = 0xcf9;
        bed.works = PURGATORY_RESET_KBD;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_RESET);
        assert_int_equal(bed.n_exceptions, 1);
        assert_int_equal(bed.writes[0].port, BED_FADT_PORT);
        assert_int_equal(bed.writes[1].port, 0x64);
}

/* The target's first instructions run with our handlers: by then it may have changed anything. */
static void kernel_overwrites_itself(Bed *bed)
{
        bed_flip(bed, bed->block.extents[0].paddr + 10, 1);
}

static void kernel_overwrites_both_copies(Bed *bed)
{
        bed_flip(bed, bed->block.extents[0].paddr + 10, 1);
        bed_flip(bed, bed->block.extents[0].mirror_paddr + 10, 2);
}

static void test_an_exception_behind_the_jump_has_all_checked_again(void **state)
{
        _cleanup_bed_ Bed repaired, lost;

        bed_init_usual(&repaired);
        bed_init_usual(&lost);
        repaired.at_jump = kernel_overwrites_itself;
        bed_run(&repaired);
        assert_jumped(&repaired, 1);
        assert_int_equal(bed_status(&repaired)->chunks_repaired, 1);
        assert_int_equal(bed_status(&repaired)->first_exception.stage, PURGATORY_STAGE_JUMP);

        lost.at_jump = kernel_overwrites_both_copies;
        bed_run(&lost);
        assert_int_equal(lost.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed_status(&lost)->started, 0);
        assert_int_equal(bed_status(&lost)->chunks_lost, 1);
}

static const PurgatoryStage stages[] = { PURGATORY_STAGE_BLOCK, PURGATORY_STAGE_CHECK,
                                         PURGATORY_STAGE_REPAIR, PURGATORY_STAGE_JUMP };

static void test_an_nmi_is_waited_for_and_counted(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(stages); i++) {
                _cleanup_bed_ Bed bed;

                begin(&bed, stages[i], PURGATORY_PROVOKE_NMI_WAIT);
                bed_flip(&bed, bed.block.extents[0].paddr, 0);
                bed.nmi_in_stage = stages[i];
                bed_run(&bed);
                assert_jumped(&bed, 0);
                assert_int_equal(bed_status(&bed)->nmis, 1);
                assert_int_equal(bed_status(&bed)->chunks_repaired, 1);
                assert_int_equal(bed_status(&bed)->exceptions, 0);
                /* It came at once, or so. */
                assert_true(bed.tsc < UINT64_C(2000000) * 1000);
        }
}

static void mirror_goes_bad(Bed *bed)
{
        bed_flip(bed, bed->block.extents[1].mirror_paddr + 77, 4);
}

/* Damage may come at any time: what counts is what was found behind the copy. */
static void test_what_was_copied_is_checked_again(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, PURGATORY_STAGE_REPAIR, PURGATORY_PROVOKE_NMI_WAIT);
        bed_flip(&bed, bed.block.extents[1].paddr, 0);
        bed.nmi_in_stage = PURGATORY_STAGE_REPAIR;
        bed.at_nmi = mirror_goes_bad;
        bed_run(&bed);
        assert_jumped(&bed, 1);
        assert_int_equal(bed_status(&bed)->results[1], PURGATORY_RESULT_LOST);
        assert_int_equal(bed_status(&bed)->chunks_repaired, 0);
        assert_int_equal(bed_status(&bed)->chunks_lost, 1);
}

static void test_an_nmi_is_waited_for_ten_seconds(void **state)
{
        uint64_t khz = 2000000;
        _cleanup_bed_ Bed bed;

        begin(&bed, PURGATORY_STAGE_CHECK, PURGATORY_PROVOKE_NMI_WAIT);
        bed.block.tsc_khz = (uint32_t) khz;
        bed_seal_block(&bed);
        bed_run(&bed);
        assert_jumped(&bed, 0);
        assert_int_equal(bed_status(&bed)->nmis, 0);
        assert_in_range(bed.tsc, khz * 10000, khz * 11000);
}

/* Without a frequency of the TSC the wait is counted in reads of a port. */
static void test_an_nmi_is_not_waited_for_for_ever(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, PURGATORY_STAGE_RESET, PURGATORY_PROVOKE_NMI_WAIT);
        bed.block.tsc_khz = 0;
        bed.block.targets[0].entry = bed.block.targets[1].entry = 0;
        bed_seal_block(&bed);
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_in_range(bed.n_calls, 10000000, 12000000);
}

/* An NMI may strike between any two instructions; it only counts. */
static void test_an_nmi_at_any_time_changes_nothing(void **state)
{
        for (unsigned call = 1; call < 200; call += 7) {
                _cleanup_bed_ Bed bed;

                bed_init_usual(&bed);
                bed.nmi_at_call = call;
                bed_run(&bed);
                assert_jumped(&bed, 0);
                assert_int_equal(bed_status(&bed)->nmis, call <= bed.n_calls);
        }
}

static void test_an_nmi_before_the_beginning_does_no_harm(void **state)
{
        Purgatory purgatory = {};

        purgatory_nmi(&purgatory);
        assert_null(purgatory.status);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_exception_gives_up_a_target),
                cmocka_unit_test(test_no_exception_is_provoked_in_the_fallback),
                cmocka_unit_test(test_an_exception_without_a_fallback_resets),
                cmocka_unit_test(test_an_exception_in_each_target_resets),
                cmocka_unit_test(test_an_exception_costs_one_copy_only),
                cmocka_unit_test(test_an_exception_in_each_block_resets),
                cmocka_unit_test(test_an_exception_in_each_leaf_table_resets),
                cmocka_unit_test(test_an_exception_in_everything_leads_to_the_fallback),
                cmocka_unit_test(test_exceptions_do_not_stop_a_reset),
                cmocka_unit_test(test_an_exception_behind_the_jump_has_all_checked_again),
                cmocka_unit_test(test_an_nmi_is_waited_for_and_counted),
                cmocka_unit_test(test_what_was_copied_is_checked_again),
                cmocka_unit_test(test_an_nmi_is_waited_for_ten_seconds),
                cmocka_unit_test(test_an_nmi_is_not_waited_for_for_ever),
                cmocka_unit_test(test_an_nmi_at_any_time_changes_nothing),
                cmocka_unit_test(test_an_nmi_before_the_beginning_does_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
