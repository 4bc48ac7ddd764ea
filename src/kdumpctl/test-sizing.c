/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the arithmetic of the reservation. */
#include "sizing.h"
#include "test.h"

#define MIB (UINT64_C(1) << 20)
#define NAME ((char *) "dump")

typedef struct Row {
        const char *what;
        uint64_t floor_mib, kernel_mib, modules_mib, packed_mib, unpacked_mib;
        unsigned n_cpus;
        uint64_t ram_mib, total_mib, peak_mib; /* of a capture; all 0: there is none */
        uint64_t recommended_mib;
        SizingSource source;
        uint64_t computed_mib, measured_mib; /* rounded down */
} Row;

static const Row rows[] = {
        { "nothing known", 256, 0, 0, 0, 0, 0, 0, 0, 0, 256, SIZING_TABLE, 0, 0 },
        { "a guest of Debian 12", 256, 64, 0, 13, 35, 0, 0, 0, 0, 256, SIZING_TABLE, 146, 0 },
        { "computed in steps", 128, 64, 0, 13, 35, 0, 0, 0, 0, 160, SIZING_COMPUTED, 146, 0 },
        { "with modules", 128, 64, 20, 13, 35, 0, 0, 0, 0, 176, SIZING_COMPUTED, 166, 0 },
        { "more CPUs", 128, 64, 0, 13, 35, 5, 0, 0, 0, 192, SIZING_COMPUTED, 178, 0 },
        { "one CPU", 128, 64, 0, 13, 35, 1, 0, 0, 0, 160, SIZING_COMPUTED, 146, 0 },
        { "unpacked size not known", 128, 64, 0, 13, 0, 0, 0, 0, 0, 160, SIZING_COMPUTED, 150, 0 },
        { "a large image", 256, 64, 0, 100, 300, 0, 0, 0, 0, 512, SIZING_COMPUTED, 503, 0 },
        { "no kernel known", 128, 0, 5, 13, 35, 0, 0, 0, 0, 128, SIZING_TABLE, 0, 0 },
        { "no image known", 128, 64, 5, 0, 0, 0, 0, 0, 0, 128, SIZING_TABLE, 0, 0 },
        { "measured", 128, 0, 0, 0, 0, 0, 256, 200, 100, 192, SIZING_MEASURED, 0, 181 },
        { "measured is less", 256, 0, 0, 0, 0, 0, 256, 200, 100, 256, SIZING_TABLE, 0, 181 },
        { "measured is more than computed", 128, 64, 0, 13, 35, 0, 256, 200, 160, 256,
          SIZING_MEASURED, 146, 256 },
        { "computed is more than measured", 128, 64, 0, 13, 35, 0, 256, 200, 40, 160,
          SIZING_COMPUTED, 146, 106 },
        { "RAM not known", 128, 64, 0, 0, 0, 0, 0, 200, 100, 192, SIZING_MEASURED, 0, 189 },
        { "peak above all there is", 128, 0, 0, 0, 0, 0, 256, 200, 201, 128, SIZING_TABLE, 0, 0 },
        { "no total", 128, 0, 0, 0, 0, 0, 256, 0, 100, 128, SIZING_TABLE, 0, 0 },
        { "no peak", 128, 0, 0, 0, 0, 0, 256, 200, 0, 128, SIZING_TABLE, 0, 0 },
};

static void test_rows(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const Row *row = &rows[i];
                SizingCapture capture = { NAME, row->ram_mib * MIB, row->total_mib * MIB,
                                          row->peak_mib * MIB };
                SizingFacts facts = { .floor_bytes = row->floor_mib * MIB,
                                      .kernel_bytes = row->kernel_mib * MIB,
                                      .modules_bytes = row->modules_mib * MIB,
                                      .packed_bytes = row->packed_mib * MIB,
                                      .unpacked_bytes = row->unpacked_mib * MIB,
                                      .page_size_bytes = 4096,
                                      .n_cpus = row->n_cpus,
                                      .captures = &capture,
                                      .n_captures = 1 };
                Sizing sizing;

                sizing_compute(&facts, &sizing);
                if (sizing.recommended_bytes != row->recommended_mib * MIB ||
                    sizing.source != row->source ||
                    sizing.computed_bytes / MIB != row->computed_mib ||
                    sizing.measured_bytes / MIB != row->measured_mib ||
                    (sizing.capture != NULL) != (row->measured_mib > 0))
                        fail_msg("%s: %llu (%s), computed %llu, measured %llu", row->what,
                                 (unsigned long long) (sizing.recommended_bytes / MIB),
                                 sizing_source_to_string(sizing.source),
                                 (unsigned long long) (sizing.computed_bytes / MIB),
                                 (unsigned long long) (sizing.measured_bytes / MIB));
                assert_int_equal(sizing.unpacked_guessed,
                                 row->computed_mib > 0 && row->unpacked_mib == 0);
        }
}

static void test_worst_capture_counts(void **state)
{
        SizingCapture captures[] = {
                { NAME, 256 * MIB, 200 * MIB, 60 * MIB },
                { NAME, 256 * MIB, 200 * MIB, 80 * MIB },
                { NAME, 128 * MIB, 90 * MIB, 84 * MIB },
                { NAME, 256 * MIB, 200 * MIB, 300 * MIB },
        };
        SizingFacts facts = { .captures = captures, .n_captures = ELEMENTSOF(captures) };
        Sizing sizing;

        sizing_compute(&facts, &sizing);
        assert_ptr_equal(sizing.capture, &captures[1]);
        assert_int_equal(sizing.overhead_bytes, 56 * MIB);
        assert_int_equal(sizing.measured_bytes, 156 * MIB);
}

static void test_larger_pages_need_fewer_records(void **state)
{
        SizingFacts facts = { .kernel_bytes = 63 * MIB,
                              .packed_bytes = 10 * MIB,
                              .unpacked_bytes = 21 * MIB,
                              .page_size_bytes = 65536 };
        Sizing sizing;

        sizing_compute(&facts, &sizing);
        assert_int_equal(sizing.pages_bytes, 126 * MIB / 1023);
        facts.page_size_bytes = 0;
        sizing_compute(&facts, &sizing);
        assert_int_equal(sizing.pages_bytes, 126 * MIB / 63);
}

/* What files say may be anything. */
static void test_no_number_overflows(void **state)
{
        SizingCapture captures[] = {
                { NAME, UINT64_MAX, UINT64_MAX, UINT64_MAX },
                { NAME, UINT64_MAX, 2, 1 },
                { NAME, 1, UINT64_C(1) << 44, UINT64_C(1) << 44 },
        };
        SizingFacts facts = { .floor_bytes = UINT64_MAX,
                              .kernel_bytes = UINT64_MAX,
                              .modules_bytes = UINT64_MAX,
                              .packed_bytes = UINT64_MAX,
                              .page_size_bytes = UINT64_MAX,
                              .n_cpus = UINT32_MAX,
                              .captures = captures,
                              .n_captures = ELEMENTSOF(captures) };
        Sizing sizing;

        sizing_compute(&facts, &sizing);
        assert_ptr_equal(sizing.capture, &captures[2]);
        assert_true(sizing.recommended_bytes >= sizing.computed_bytes);
        assert_true(sizing.computed_bytes >= UINT64_C(6) << 44);
        assert_true(sizing.computed_bytes < UINT64_C(1) << 60);
}

static void test_source_names(void **state)
{
        assert_string_equal(sizing_source_to_string(SIZING_MEASURED), "measured");
        assert_null(sizing_source_to_string(_SIZING_MAX));
        assert_null(sizing_source_to_string(_SIZING_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_worst_capture_counts),
                cmocka_unit_test(test_larger_pages_need_fewer_records),
                cmocka_unit_test(test_no_number_overflows),
                cmocka_unit_test(test_source_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
