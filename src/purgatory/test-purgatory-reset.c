/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "serial.h"
#include "test-bed.h"
#include "test.h"

#define KHZ UINT64_C(2000000) /* as bed_init() has it */

/* Nothing to start, and this plan. */
static void begin(Bed *bed, const uint8_t *plan, size_t n)
{
        bed_init_usual(bed);
        bed->block.targets[0].entry = bed->block.targets[1].entry = 0;
        memset(bed->block.resets, 0, sizeof(bed->block.resets));
        if (n > 0)
                memcpy(bed->block.resets, plan, n);
        bed_seal_block(bed);
}

static const struct {
        uint8_t code;
        BedEnd end;
        BedWrite writes[2]; /* of one try; port 0 ends them */
        size_t n_writes;    /* if it does nothing */
} methods[] = {
        { PURGATORY_RESET_FADT, BED_RESET, { { BED_FADT_PORT, BED_FADT_VALUE } }, 1 },
        { PURGATORY_RESET_CF9, BED_RESET, { { 0xcf9, 0xf3 }, { 0xcf9, 0xf7 } }, 2 },
        { PURGATORY_RESET_KBD, BED_RESET, { { 0x64, 0xfe } }, 10 },
        { PURGATORY_RESET_PORT92, BED_RESET, { { 0x92, 0x02 }, { 0x92, 0x03 } }, 2 },
        { PURGATORY_RESET_TRIPLE, BED_TRIPLE_FAULT, {}, 0 },
};

static void assert_writes(const Bed *bed, const BedWrite *expected)
{
        for (size_t i = 0; i < 2 && expected[i].port; i++) {
                assert_true(i < bed->n_writes);
                assert_int_equal(bed->writes[i].port, expected[i].port);
                assert_int_equal(bed->writes[i].value, expected[i].value);
        }
}

static void test_each_method_alone_resets(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                _cleanup_bed_ Bed bed;

                begin(&bed, &methods[i].code, 1);
                bed.works = methods[i].code;
                bed_run(&bed);
                assert_int_equal(bed.end, methods[i].end);
                assert_writes(&bed, methods[i].writes);
                assert_int_equal(bed_status(&bed)->resets, 1);
                assert_int_equal(bed.bios_word[0] | bed.bios_word[1] << 8, 0x1234);
                assert_int_equal(bed_status(&bed)->stage, PURGATORY_STAGE_RESET);
        }
}

static void test_a_method_that_does_nothing_is_given_its_time(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                _cleanup_bed_ Bed bed;
                unsigned waits = methods[i].code == PURGATORY_RESET_KBD ? 2 : 1;

                begin(&bed, &methods[i].code, 1);
                bed.triple_fault_does_nothing = true;
                bed_run(&bed);
                assert_int_equal(bed.end, BED_HALTED);
                assert_int_equal(bed.n_writes, methods[i].n_writes);
                assert_in_range(bed.tsc, KHZ * 200 * waits, KHZ * 230 * waits);
                /* The triple fault at the end of each plan is one, too. */
                assert_int_equal(bed_status(&bed)->resets, 2);
        }
}

static void test_the_plan_is_gone_through_in_turn(void **state)
{
        static const uint8_t plan[] = { PURGATORY_RESET_PORT92,
                                        77,
                                        PURGATORY_RESET_FADT,
                                        PURGATORY_RESET_CF9,
                                        255,
                                        PURGATORY_RESET_TRIPLE,
                                        PURGATORY_RESET_PORT92,
                                        PURGATORY_RESET_KBD };
        static const uint16_t ports[] = { 0x92, 0x92, BED_FADT_PORT, 0xcf9, 0xcf9, 0x92,
                                          0x92, 0x64, 0x64,          0x64,  0x64,  0x64,
                                          0x64, 0x64, 0x64,          0x64,  0x64 };
        _cleanup_bed_ Bed bed;

        begin(&bed, plan, sizeof(plan));
        bed.triple_fault_does_nothing = true;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_HALTED);
        assert_int_equal(bed.n_writes, ELEMENTSOF(ports));
        for (size_t i = 0; i < ELEMENTSOF(ports); i++)
                assert_int_equal(bed.writes[i].port, ports[i]);
        /* Unknown ones do not count, and nobody waits for them. */
        assert_int_equal(bed_status(&bed)->resets, 7);
        assert_in_range(bed.tsc, KHZ * 1400, KHZ * 1500);
}

static void test_what_is_behind_the_end_of_a_plan_is_not_done(void **state)
{
        static const uint8_t plan[] = { PURGATORY_RESET_FADT, PURGATORY_RESET_END,
                                        PURGATORY_RESET_CF9 };
        _cleanup_bed_ Bed bed;

        begin(&bed, plan, sizeof(plan));
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed.n_writes, 1);
}

static void test_an_empty_plan_ends_in_a_triple_fault(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, NULL, 0);
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed.n_writes, 0);
}

static void test_without_a_trusted_block_the_header_has_the_plan(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        /* Only a block knows the port of the first. */
        bed.header.resets[0] = PURGATORY_RESET_FADT;
        bed.header.resets[1] = PURGATORY_RESET_KBD;
        bed_seal_block(&bed);
        bed_flip(&bed, bed.header.block_paddr[0], 0);
        bed_flip(&bed, bed.header.block_paddr[1], 0);
        bed.works = PURGATORY_RESET_KBD;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_RESET);
        assert_int_equal(bed.n_writes, 1);
        assert_int_equal(bed_status(&bed)->resets, 1);
}

static void test_a_method_without_its_port_is_skipped(void **state)
{
        static const uint8_t plan[] = { PURGATORY_RESET_FADT };
        _cleanup_bed_ Bed bed;

        begin(&bed, plan, sizeof(plan));
        bed.block.fadt_port = 0;
        bed_seal_block(&bed);
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed.n_writes, 0);
        assert_int_equal(bed_status(&bed)->resets, 1);
}

static void test_no_bios_word_no_harm(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, NULL, 0);
        bed.without_bios_word = true;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed.bios_word[0], 0);
}

/* A keyboard controller that is always busy (as one that is not there: all ones). */
static void test_a_busy_controller_is_not_waited_for_for_ever(void **state)
{
        static const uint8_t plan[] = { PURGATORY_RESET_KBD, PURGATORY_RESET_PORT92 };
        _cleanup_bed_ Bed bed;

        begin(&bed, plan, sizeof(plan));
        bed.kbd_is_busy = true;
        bed.works = PURGATORY_RESET_PORT92;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_RESET);
        assert_in_range(bed.n_calls, 100000, 200000);
}

static void test_a_controller_that_is_ready_is_not_waited_for(void **state)
{
        static const uint8_t plan[] = { PURGATORY_RESET_KBD };
        _cleanup_bed_ Bed bed;

        begin(&bed, plan, sizeof(plan));
        bed.works = PURGATORY_RESET_KBD;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_RESET);
        assert_true(bed.n_calls < 1000);
}

/* Waits end by their count of reads if the TSC tells nothing: none known, or it stands still. */
static void test_waits_end_without_a_tsc(void **state)
{
        for (unsigned i = 0; i < 2; i++) {
                static const uint8_t plan[] = { PURGATORY_RESET_FADT };
                _cleanup_bed_ Bed bed;

                begin(&bed, plan, sizeof(plan));
                bed.tsc_step = 0;
                if (i == 0)
                        bed.block.tsc_khz = 0;
                bed_seal_block(&bed);
                bed_run(&bed);
                assert_int_equal(bed.end, BED_TRIPLE_FAULT);
                assert_in_range(bed.n_calls, 200000, 10000000);
        }
}

static void test_a_port_that_does_not_answer_is_dropped_after_one_char(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, NULL, 0);
        bed.serial_is_busy = true;
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_int_equal(bed.n_serial, 0);
        assert_int_equal(bed.n_line_status_reads, 100000);
}

static void test_without_a_port_nothing_is_said(void **state)
{
        static const uint16_t bad[] = { 0, 0xfffb, 0xffff };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_bed_ Bed bed;

                begin(&bed, NULL, 0);
                bed.header.serial_port = bed.block.serial_port = bad[i];
                bed_seal_block(&bed);
                bed_run(&bed);
                assert_int_equal(bed.end, BED_TRIPLE_FAULT);
                assert_int_equal(bed.n_serial, 0);
                assert_int_equal(bed.n_writes, 0);
        }
}

/* There is more to say that the block is right than the header. */
static void test_the_port_of_a_trusted_block_counts(void **state)
{
        _cleanup_bed_ Bed bed;

        begin(&bed, NULL, 0);
        bed.header.serial_port = 0;
        bed_seal_block(&bed);
        bed_run(&bed);
        assert_string_equal(bed.serial, "kdumpd: resetting the machine\r\n");
}

/* An exception in one target, and a loss in the other: the most that it can have to say. */
static void test_what_is_said_is_short(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        bed.block.provoke_stage = PURGATORY_STAGE_JUMP;
        bed.block.provoke_action = PURGATORY_PROVOKE_UD;
        bed_seal_block(&bed);
        bed_flip(&bed, bed.block.extents[3].paddr, 0);
        bed_flip(&bed, bed.block.extents[3].mirror_paddr, 0);
        bed_run(&bed);
        assert_int_equal(bed.end, BED_TRIPLE_FAULT);
        assert_string_equal(bed.serial,
                            "kdumpd: checking the crash kernel\r\n"
                            "kdumpd: starting target 0: chunks 8, repaired 0, lost 0\r\n"
                            "kdumpd: an exception struck target 0\r\n"
                            "kdumpd: target 1 is damaged\r\n"
                            "kdumpd: resetting the machine\r\n");
        assert_true(bed.n_serial < 300);
}

static void test_numbers_are_said_in_decimal(void **state)
{
        static const struct {
                uint32_t number;
                const char *text;
        } rows[] = {
                { 0, "0" },
                { 9, "9" },
                { 10, "10" },
                { 99, "99" },
                { 100, "100" },
                { 1234567890, "1234567890" },
                { 4294967295U, "4294967295" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_bed_ Bed bed;

                bed_init_usual(&bed);
                bed.purgatory.machine = &bed.machine;
                bed.purgatory.serial_port = BED_SERIAL_PORT;
                serial_number(&bed.purgatory, rows[i].number);
                assert_string_equal(bed.serial, rows[i].text);
        }
}

static void test_no_more_than_so_much_is_said(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        bed.purgatory.machine = &bed.machine;
        bed.purgatory.serial_port = BED_SERIAL_PORT;
        for (unsigned i = 0; i < 100; i++)
                serial_text(&bed.purgatory, "123456789");
        assert_int_equal(bed.n_serial, 400);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_method_alone_resets),
                cmocka_unit_test(test_a_method_that_does_nothing_is_given_its_time),
                cmocka_unit_test(test_the_plan_is_gone_through_in_turn),
                cmocka_unit_test(test_what_is_behind_the_end_of_a_plan_is_not_done),
                cmocka_unit_test(test_an_empty_plan_ends_in_a_triple_fault),
                cmocka_unit_test(test_without_a_trusted_block_the_header_has_the_plan),
                cmocka_unit_test(test_a_method_without_its_port_is_skipped),
                cmocka_unit_test(test_no_bios_word_no_harm),
                cmocka_unit_test(test_a_busy_controller_is_not_waited_for_for_ever),
                cmocka_unit_test(test_a_controller_that_is_ready_is_not_waited_for),
                cmocka_unit_test(test_waits_end_without_a_tsc),
                cmocka_unit_test(test_a_port_that_does_not_answer_is_dropped_after_one_char),
                cmocka_unit_test(test_without_a_port_nothing_is_said),
                cmocka_unit_test(test_the_port_of_a_trusted_block_counts),
                cmocka_unit_test(test_what_is_said_is_short),
                cmocka_unit_test(test_numbers_are_said_in_decimal),
                cmocka_unit_test(test_no_more_than_so_much_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
