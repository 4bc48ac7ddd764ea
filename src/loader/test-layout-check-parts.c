/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the proof of calls that list parts of segments. */
#include "layout-check.h"
#include "test-layout.h"

typedef struct Call {
        LoaderFacts facts;
        Layout layout;
        LayoutCheckSegment segments[LAYOUT_SEGMENTS_MAX + 1];
        size_t n;
        uint64_t entry;
} Call;

/* The small ones, all of the first big one, and two parts of the others. */
static Call call_make(bool live)
{
        _cleanup_free_ char *message = NULL;
        Call call = { .facts = test_facts(GIB, 256 * MIB) };
        const LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();

        policy.live_elfcorehdr = live;
        call.facts.elfcorehdr_room_bytes = live ? 6 * PAGE : 0;
        assert_int_equal(layout_make(&call.facts, &inputs, &policy, &call.layout, &message), 0);
        for (size_t i = 0; i < call.layout.n_segments; i++) {
                Range range = call.layout.segments[i].range;
                LayoutCheckSegment *segment = call.segments + call.n;
                uint64_t half = range.start + range_bytes(range) / 2 / PAGE * PAGE;

                if (call.layout.segments[i].small || i == 0) {
                        *segment = (LayoutCheckSegment){ range, range_bytes(range) };
                        call.n++;
                } else if (call.n < 12) {
                        segment[0] =
                                (LayoutCheckSegment){ { range.start, range.start + PAGE }, PAGE };
                        segment[1] = (LayoutCheckSegment){ { half, range.end }, range.end - half };
                        call.n += 2;
                }
        }
        call.entry = call.layout.entry;
        return call;
}

static int call_check(const Call *call, char **reterr_message)
{
        return layout_check_parts(&call->layout, &call->facts, call->segments, call->n, call->entry,
                                  reterr_message);
}

static void assert_refused(const Call *call, const char *words)
{
        _cleanup_free_ char *message = NULL;

        assert_int_equal(call_check(call, &message), -EINVAL);
        assert_non_null(message);
        if (!strstr(message, words))
                fail_msg("'%s' is not in '%s'", words, message);
}

static void test_parts_of_big_segments_are_proved(void **state)
{
        for (int live = 0; live < 2; live++) {
                _cleanup_free_ char *message = NULL;
                Call call = call_make(live);

                assert_true(call.n > 8);
                if (call_check(&call, &message) < 0)
                        fail_msg("%s", message);
        }
}

/* Numbers of segments of the call: kernel, small mirrors, two parts of the fallback image. */
enum {
        SEGMENT_KERNEL,
        SEGMENT_SMALL_MIRRORS,
        SEGMENT_PART,
        SEGMENT_LAST_PART,
};

static void test_parts_that_would_disarm_are_refused(void **state)
{
        static const struct {
                size_t offset;
                int64_t add;
                const char *words;
        } faults[] = {
                { offsetof(Call, n), 8, "the kernel takes" },
                { offsetof(Call, n), -1, "of 3 small segments 2" },
                { offsetof(Call, entry), 1, "is not the purgatory's" },
                { offsetof(Call, segments[SEGMENT_PART].range.start), 8, "not made of pages" },
                { offsetof(Call, segments[SEGMENT_PART].range.start), -4096, "not of the layout" },
                { offsetof(Call, segments[SEGMENT_PART].range.end), 64 * 1048576, "overlap" },
                { offsetof(Call, segments[SEGMENT_PART].buffer_bytes), -1, "are to be copied" },
                { offsetof(Call, segments[SEGMENT_LAST_PART].buffer_bytes), -4096,
                  "are to be copied" },
                { offsetof(Call, segments[SEGMENT_SMALL_MIRRORS].range.end), -4096,
                  "not of the layout" },
                { offsetof(Call, facts.mem_total_bytes), -2040 * INT64_C(1048576), "half" },
                { offsetof(Call, facts.max_paddr), INT64_C(1) << 39, "for its tables" },
                { offsetof(Call, layout.hole.end), 4 * 1048576, "not of the layout" },
                { offsetof(Call, layout.n_segments), 8, "the layout has 17 segments" },
        };

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                Call call = call_make(false);
                uint64_t value;

                memcpy(&value, (char *) &call + faults[i].offset, sizeof(value));
                value += (uint64_t) faults[i].add;
                memcpy((char *) &call + faults[i].offset, &value, sizeof(value));
                if (faults[i].offset == offsetof(Call, segments[SEGMENT_SMALL_MIRRORS].range.end))
                        call.segments[SEGMENT_SMALL_MIRRORS].buffer_bytes -= PAGE;
                assert_refused(&call, faults[i].words);
        }
}

static void test_parts_are_sorted(void **state)
{
        Call call = call_make(false);
        LayoutCheckSegment part = call.segments[SEGMENT_PART];

        call.segments[SEGMENT_PART] = call.segments[SEGMENT_LAST_PART];
        call.segments[SEGMENT_LAST_PART] = part;
        assert_refused(&call, "not sorted");
}

/* The kernel rewrites the last segment that begins as they do. */
static void test_live_headers_are_last(void **state)
{
        Call call = call_make(true);

        call.layout.extents[EXTENT_ELFCOREHDR].paddr -= PAGE;
        assert_refused(&call, "not in the last segment");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts_of_big_segments_are_proved),
                cmocka_unit_test(test_parts_that_would_disarm_are_refused),
                cmocka_unit_test(test_parts_are_sorted),
                cmocka_unit_test(test_live_headers_are_last),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
