/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the layout's proof: each rule is broken alone, and named. */
#include "layout-check.h"
#include "test-layout.h"

typedef struct Bed {
        LoaderFacts facts;
        LayoutInputs inputs;
        LayoutPolicy policy;
        Layout layout;
} Bed;

static Bed bed_make_with(bool live)
{
        _cleanup_free_ char *message = NULL;
        Bed bed = {
                .facts = test_facts(GIB, 256 * MIB),
                .inputs = test_inputs(),
                .policy = test_policy(),
        };

        bed.policy.elfcorehdr_room_bytes = 4 * PAGE;
        bed.policy.live_elfcorehdr = live;
        bed.facts.elfcorehdr_room_bytes = 6 * PAGE;
        if (layout_make(&bed.facts, &bed.inputs, &bed.policy, &bed.layout, &message) < 0)
                fail_msg("%s", message);
        return bed;
}

static Bed bed_make(void)
{
        return bed_make_with(false);
}

static void assert_refused(const Bed *bed, const char *words)
{
        _cleanup_free_ char *message = NULL;

        assert_int_equal(layout_check(&bed->layout, &bed->facts, &bed->inputs, &message), -EINVAL);
        assert_non_null(message);
        if (!strstr(message, words))
                fail_msg("'%s' is not in '%s'", words, message);
}

/* A number of a Bed, of 64 bits, that is changed. */
#define AT(member) offsetof(Bed, layout.member)
#define EXTENT(role, member) offsetof(Bed, layout.extents[EXTENT_##role].member)

typedef struct Fault {
        size_t offset;
        int64_t add;
        const char *words;
} Fault;

static void assert_each_is_refused(const Fault *faults, size_t n, bool live)
{
        for (size_t i = 0; i < n; i++) {
                Bed bed = bed_make_with(live);
                uint64_t value;

                memcpy(&value, (char *) &bed + faults[i].offset, sizeof(value));
                value += (uint64_t) faults[i].add;
                memcpy((char *) &bed + faults[i].offset, &value, sizeof(value));
                assert_refused(&bed, faults[i].words);
        }
}

static void test_good_layouts_are_proved(void **state)
{
        for (int live = 0; live < 2; live++) {
                _cleanup_free_ char *message = NULL;
                Bed bed = bed_make_with(live);

                assert_int_equal(layout_check(&bed.layout, &bed.facts, &bed.inputs, &message), 0);
                assert_null(message);
        }
}

static void test_area_hole_and_window(void **state)
{
        static const Fault faults[] = {
                { AT(area.start), 4096, "is not the reserved one" },
                { AT(area.end), 4096, "is not the reserved one" },
                { offsetof(Bed, facts.crash.end), -4096, "is not the reserved one" },
                { AT(area.end), INT64_MAX, "above" },
                { AT(hole.start), 4096, "first pages of the area" },
                { AT(hole.end), 100, "first pages of the area" },
                { AT(hole.end), 300 * INT64_C(1048576), "first pages of the area" },
                { AT(hole.end), -4096, "for its tables" },
                { offsetof(Bed, facts.max_paddr), INT64_C(1) << 39, "for its tables" },
                { offsetof(Bed, facts.vmcoreinfo.bytes), 2000000, "for its tables" },
                { AT(hole.end), 4 * 1048576, "in the hole" },
                { AT(window.start), -4096, "does not hold the kernel" },
                { AT(window.end), 400 * INT64_C(1048576), "does not hold the kernel" },
                { AT(window.end), -4096, "the kernel needs" },
                { AT(window.end), 4096, "in the window" },
                { offsetof(Bed, inputs.kernel_pref_paddr), INT64_C(1) << 31, "would move itself" },
                { offsetof(Bed, inputs.kernel_alignment), 254 * INT64_C(1048576), "not aligned" },
        };

        assert_each_is_refused(faults, ELEMENTSOF(faults), false);
}

/* With pages of 1 GiB, a hole for each range of RAM and of firmware instead of each GiB. */
static void test_hole_of_a_large_machine(void **state)
{
        MemoryRange map[] = {
                { { 0, PAGE }, MEMORY_RAM },
                { { PAGE, 2 * PAGE }, MEMORY_ACPI },
                { { 2 * PAGE, 3 * PAGE }, MEMORY_NVS },
        };
        _cleanup_free_ char *message = NULL;
        Bed bed = bed_make();

        bed.facts.max_paddr = 1536 * GIB;
        bed.facts.map = map;
        bed.facts.n_map = ELEMENTSOF(map);
        bed.facts.ram.n = 200;
        bed.facts.efi.n_ranges = 30;
        assert_refused(&bed, "may need 2183168 for its tables");
        assert_int_equal(layout_make(&bed.facts, &bed.inputs, &bed.policy, &bed.layout, &message),
                         0);
        assert_int_equal(layout_check(&bed.layout, &bed.facts, &bed.inputs, &message), 0);
        bed.layout.hole.end -= PAGE;
        assert_refused(&bed, "for its tables");
}

static void test_sizes_and_places_of_extents(void **state)
{
        static const Fault faults[] = {
                { EXTENT(KERNEL, bytes), -1, "kernel has 8200703 bytes, and not 8200704" },
                { EXTENT(BOOT_PARAMS, bytes), 16, "and not 4096" },
                { EXTENT(FALLBACK_BOOT_PARAMS, bytes), -1, "and not 4096" },
                { EXTENT(STATUS_NODE, bytes), 8, "and not 16" },
                { EXTENT(STATUS, bytes), -8, "and not 512" },
                { EXTENT(LEAVES, bytes), 32, "leaves has" },
                { EXTENT(BLOCK, bytes), 32, "block has" },
                { EXTENT(CMDLINE, room_bytes), -1, "has a room of 210" },
                { EXTENT(CMDLINE, room_bytes), INT64_C(1) << 40, "has a room of" },
                { EXTENT(CMDLINE, paddr), INT64_MAX, "above" },
                { EXTENT(INITRD, paddr), 16, "not aligned to 4096" },
                { EXTENT(INITRD, mirror_paddr), 512, "not aligned to 4096" },
                { EXTENT(BLOCK, paddr), 8, "not aligned to 16" },
                { EXTENT(EFI_TABLE, paddr), 4, "not aligned to 8" },
                { EXTENT(KERNEL, mirror_paddr), INT64_C(1) << 30, "outside the area" },
                { EXTENT(INITRD, paddr), -80 * INT64_C(1048576), "in the hole" },
                { EXTENT(FALLBACK_INITRD, paddr), -INT64_C(1048576), "in the window" },
                { EXTENT(KERNEL, mirror_paddr), -4096, "overlaps" },
                { EXTENT(CMDLINE, paddr), -8, "overlaps" },
                { EXTENT(ELFCOREHDR, room_bytes), 4096, "outside the area" },
                { EXTENT(ELFCOREHDR, room_bytes), -8, "room of the ELF headers is not made" },
                { EXTENT(ELFCOREHDR, room_bytes), -4 * 4096 + 568, "room of the ELF headers" },
                { EXTENT(STATUS_NODE, mirror_paddr), -INT64_C(1), "not aligned" },
        };

        assert_each_is_refused(faults, ELEMENTSOF(faults), false);
}

static void test_pages_that_nobody_else_may_have(void **state)
{
        static const ExtentRole roles[] = { EXTENT_STATUS_NODE, EXTENT_PURGATORY,
                                            EXTENT_ELFCOREHDR };

        /* Where the purgatory has no more than its bytes, and another begins behind it. */
        for (size_t i = 0; i < ELEMENTSOF(roles); i++) {
                Bed bed = bed_make();
                LayoutExtent *extent = &bed.layout.extents[roles[i]];

                bed.layout.extents[EXTENT_STATUS].room_bytes = sizeof(PurgatoryStatus);
                extent->room_bytes = ALIGN_UP(extent->bytes, 16);
                bed.layout.extents[EXTENT_CMDLINE].paddr = extent->paddr + extent->room_bytes + 512;
                assert_refused(&bed, "shares a page");
        }
}

static void test_what_has_to_be_mirrored_and_what_may_not(void **state)
{
        Bed bed = bed_make();

        bed.layout.extents[EXTENT_LEAVES].mirror_paddr = 0;
        assert_refused(&bed, "no second copy");
        bed = bed_make();
        bed.layout.extents[EXTENT_BLOCK].mirror_paddr = 0;
        assert_refused(&bed, "no second copy");
        bed = bed_make();
        bed.layout.extents[EXTENT_PURGATORY].mirror_paddr = bed.layout.hole.end;
        assert_refused(&bed, "has a mirror");
}

static void test_targets_and_leaves(void **state)
{
        Bed bed = bed_make();

        bed.layout.extents[EXTENT_INITRD].targets = 3;
        assert_refused(&bed, "needed by targets 0x3, and not by 0x1");
        bed = bed_make();
        bed.layout.extents[EXTENT_STATUS].targets = 1;
        assert_refused(&bed, "status is needed");
        bed = bed_make();
        bed.layout.n_leaves++;
        bed.layout.extents[EXTENT_LEAVES].bytes += 32;
        bed.layout.extents[EXTENT_LEAVES].room_bytes += 32;
        assert_refused(&bed, "leaves, where");
        bed = bed_make();
        bed.layout.entry += 16;
        assert_refused(&bed, "is not the purgatory's");
        bed = bed_make();
        bed.layout.extents[EXTENT_STATUS].paddr += 64;
        bed.layout.extents[EXTENT_STATUS].room_bytes -= 64;
        assert_refused(&bed, "is not in its node");
}

static void test_what_is_left_out(void **state)
{
        Bed bed = bed_make();

        bed.layout.dropped = LAYOUT_DROPPED_KERNEL_MIRROR;
        assert_refused(&bed, "mirror of kernel was dropped");
        bed = bed_make();
        bed.layout.dropped = LAYOUT_DROPPED_FALLBACK;
        assert_refused(&bed, "needed by targets 0x3, and not by 0x1");
        bed = bed_make();
        bed.layout.dropped = 8;
        assert_refused(&bed, "cannot have been dropped");
        bed = bed_make();
        bed.inputs.fallback_initrd_bytes = 0;
        assert_refused(&bed, "targets");
        bed = bed_make();
        bed.layout.extents[EXTENT_EFI_TABLE].present = false;
        assert_refused(&bed, "efi-table has");
        bed.inputs.efi_table_bytes = bed.layout.extents[EXTENT_EFI_TABLE].bytes = 0;
        assert_refused(&bed, "is not there, but has a place");
        bed = bed_make();
        bed.layout.used_bytes = 257 * MIB;
        assert_refused(&bed, "are in use");
}

static void test_live_headers(void **state)
{
        static const Fault faults[] = {
                { offsetof(Bed, facts.elfcorehdr_room_bytes), 1, "wants 24577 to rewrite" },
                { offsetof(Bed, facts.elfcorehdr_room_bytes), -6 * 4096, "wants 0 to rewrite" },
                { AT(segments[8].range.end), -4096, "no content in the page" },
        };
        Bed bed;

        assert_each_is_refused(faults, ELEMENTSOF(faults), true);

        /* Room for as many bytes, but not for the copy, which begins later. */
        bed = bed_make_with(true);
        bed.inputs.elfcorehdr_bytes = bed.layout.extents[EXTENT_ELFCOREHDR].bytes = 6 * PAGE - 63;
        assert_refused(&bed, "has no room for 24577 bytes");
}

/* Numbers of the segments of the bed. */
enum {
        SEGMENT_KERNEL,
        SEGMENT_SMALL_MIRRORS,
        SEGMENT_FALLBACK_INITRD,
        SEGMENT_INITRD = 5,
        SEGMENT_SMALL = 7,
        SEGMENT_ELFCOREHDR,
};

static void test_segments_of_the_layout(void **state)
{
        static const Fault faults[] = {
                { AT(n_segments), -9, "0 segments" },
                { AT(n_segments), 8, "17 segments" },
                { AT(n_segments), -1, "elfcorehdr" },
                { AT(segments[0].range.start), 8, "not made of pages" },
                { AT(segments[0].range.end), -8, "not made of pages" },
                { AT(segments[0].range.end), INT64_C(1) << 31, "outside the area" },
                { AT(segments[0].range.end), INT64_MIN, "outside the area" },
                { AT(segments[0].range.end), 4096, "no content in the page" },
                { AT(segments[SEGMENT_FALLBACK_INITRD].range.start), -4096,
                  "no content in the page" },
                { AT(segments[SEGMENT_INITRD].range.start), 4096, "no content in the page" },
                { AT(segments[SEGMENT_SMALL].range.end), -4096, "no content in the page" },
                { AT(segments[SEGMENT_ELFCOREHDR].range.start), -4096, "segments overlap" },
                { AT(segments[SEGMENT_ELFCOREHDR].range.end), 4096, "no content in the page" },
                { offsetof(Bed, facts.mem_total_bytes), -2034 * INT64_C(1048576),
                  ") is more than half of the memory" },
                { offsetof(Bed, facts.mem_total_bytes), -2018 * INT64_C(1048576),
                  "all segments have" },
        };
        LayoutSegment kernel;
        Bed bed;

        assert_each_is_refused(faults, ELEMENTSOF(faults), false);

        bed = bed_make();
        kernel = bed.layout.segments[SEGMENT_KERNEL];
        bed.layout.segments[SEGMENT_KERNEL] = bed.layout.segments[SEGMENT_INITRD];
        bed.layout.segments[SEGMENT_INITRD] = kernel;
        assert_refused(&bed, "not sorted");

        bed = bed_make();
        bed.layout.segments[SEGMENT_SMALL].small = false;
        assert_refused(&bed, "not loaded each time");
        bed = bed_make();
        bed.layout.segments[SEGMENT_FALLBACK_INITRD].small = true;
        assert_refused(&bed, "loaded each time");

        bed = bed_make();
        bed.layout.segments[bed.layout.n_segments++].range = bed.layout.hole;
        assert_refused(&bed, "not sorted");
        bed = bed_make();
        bed.layout.segments[0].range = bed.layout.hole;
        assert_refused(&bed, "in the hole");
}

/* The kernel would take the copy for the headers that it is to rewrite. */
static void test_no_segment_begins_with_a_copy_of_the_headers(void **state)
{
        Bed bed = bed_make_with(true);
        LayoutExtent *headers = &bed.layout.extents[EXTENT_ELFCOREHDR];
        LayoutSegment *segments = bed.layout.segments;

        headers->mirror_paddr = segments[SEGMENT_SMALL].range.start - 16 * PAGE;
        memmove(&segments[SEGMENT_SMALL + 1], &segments[SEGMENT_SMALL], 2 * sizeof(segments[0]));
        segments[SEGMENT_SMALL] = (LayoutSegment){
                .range = { headers->mirror_paddr, headers->mirror_paddr + PAGE },
                .small = true,
        };
        bed.layout.n_segments++;
        assert_refused(&bed, "begins with a copy");
}

static void test_the_headers_are_alone_in_their_segment(void **state)
{
        Bed bed = bed_make();
        LayoutSegment *segments = bed.layout.segments;

        segments[SEGMENT_SMALL].range.end = segments[SEGMENT_ELFCOREHDR].range.end;
        bed.layout.n_segments--;
        assert_refused(&bed, "share the segment");
}

typedef struct Call {
        Bed bed;
        LayoutCheckSegment segments[LAYOUT_SEGMENTS_MAX + 1];
        size_t n;
        uint64_t entry;
} Call;

static Call call_make(bool sparse)
{
        Call call = { .bed = bed_make() };
        const Layout *layout = &call.bed.layout;

        for (size_t i = 0; i < layout->n_segments; i++)
                if (!sparse || layout->segments[i].small)
                        call.segments[call.n++] = (LayoutCheckSegment){
                                .range = layout->segments[i].range,
                                .buffer_bytes = range_bytes(layout->segments[i].range),
                        };
        call.entry = layout->entry;
        return call;
}

static int call_check(const Call *call, char **reterr_message)
{
        return layout_check_segments(&call->bed.layout, &call->bed.facts, call->segments, call->n,
                                     call->entry, reterr_message);
}

static void assert_call_refused(const Call *call, const char *words)
{
        _cleanup_free_ char *message = NULL;

        assert_int_equal(call_check(call, &message), -EINVAL);
        assert_non_null(message);
        if (!strstr(message, words))
                fail_msg("'%s' is not in '%s'", words, message);
}

static void test_full_and_sparse_calls_are_proved(void **state)
{
        for (int sparse = 0; sparse < 2; sparse++) {
                _cleanup_free_ char *message = NULL;
                Call call = call_make(sparse);
                LayoutCheckSegment first = call.segments[0];

                assert_int_equal(call.n, sparse ? 3 : 9);
                assert_int_equal(call_check(&call, &message), 0);
                /* In any order. */
                call.segments[0] = call.segments[call.n - 1];
                call.segments[call.n - 1] = first;
                assert_int_equal(call_check(&call, &message), 0);
        }
}

static void test_calls_that_would_disarm_are_refused(void **state)
{
        static const struct {
                size_t offset;
                int64_t add;
                const char *words;
        } faults[] = {
                { offsetof(Call, n), -9, "0 segments" },
                { offsetof(Call, n), 8, "17 segments" },
                { offsetof(Call, n), -1, "neither all 9 nor" },
                { offsetof(Call, entry), 1, "is not the purgatory's" },
                { offsetof(Call, entry), 300 * INT64_C(1048576), "is not the purgatory's" },
                { offsetof(Call, segments[0].range.start), 1, "not made of pages" },
                { offsetof(Call, segments[0].range.end), 1, "not made of pages" },
                { offsetof(Call, segments[0].range.end), -8 * INT64_C(1048576), "not made of" },
                { offsetof(Call, segments[0].range.start), -16 * INT64_C(1048576), "outside" },
                { offsetof(Call, segments[8].range.end), 4 * 4096, "outside" },
                { offsetof(Call, segments[8].range.start), -4096, "segments overlap" },
                { offsetof(Call, segments[0].range.start), -4096, "not of the layout" },
                { offsetof(Call, segments[0].buffer_bytes), 4096, "no room for" },
                { offsetof(Call, segments[0].buffer_bytes), -4096, "bytes are to be copied" },
                { offsetof(Call, segments[1].buffer_bytes), -4096, "bytes are to be copied" },
                { offsetof(Call, segments[8].buffer_bytes), -4000, "bytes are to be copied" },
                { offsetof(Call, bed.facts.mem_total_bytes), -2032 * INT64_C(1048576), "half" },
                { offsetof(Call, bed.facts.mem_total_bytes), -2018 * INT64_C(1048576), "half" },
                { offsetof(Call, bed.facts.max_paddr), INT64_C(1) << 39, "for its tables" },
                { offsetof(Call, bed.facts.crash.start), -4096, "is not the reserved one" },
                { offsetof(Call, bed.layout.entry), 4096, "is not the purgatory's" },
                { offsetof(Call, bed.layout.n_segments), 8, "the layout has 17 segments" },
        };

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                Call call = call_make(false);
                uint64_t value;

                memcpy(&value, (char *) &call + faults[i].offset, sizeof(value));
                value += (uint64_t) faults[i].add;
                memcpy((char *) &call + faults[i].offset, &value, sizeof(value));
                assert_call_refused(&call, faults[i].words);
        }
}

static void test_a_call_without_the_purgatory_is_refused(void **state)
{
        Call call = call_make(true);

        call.segments[1] = call.segments[2];
        call.n--;
        assert_call_refused(&call, "or is not loaded");
}

static void test_a_call_that_forgets_something_is_refused(void **state)
{
        Call call = call_make(true);

        call.n--;
        assert_call_refused(&call, "neither all");

        /* The small ones, and a part of the big ones. */
        call = call_make(true);
        call.segments[call.n++] = call_make(false).segments[SEGMENT_KERNEL];
        assert_call_refused(&call, "neither all");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good_layouts_are_proved),
                cmocka_unit_test(test_area_hole_and_window),
                cmocka_unit_test(test_hole_of_a_large_machine),
                cmocka_unit_test(test_sizes_and_places_of_extents),
                cmocka_unit_test(test_pages_that_nobody_else_may_have),
                cmocka_unit_test(test_what_has_to_be_mirrored_and_what_may_not),
                cmocka_unit_test(test_targets_and_leaves),
                cmocka_unit_test(test_what_is_left_out),
                cmocka_unit_test(test_live_headers),
                cmocka_unit_test(test_segments_of_the_layout),
                cmocka_unit_test(test_no_segment_begins_with_a_copy_of_the_headers),
                cmocka_unit_test(test_the_headers_are_alone_in_their_segment),
                cmocka_unit_test(test_full_and_sparse_calls_are_proved),
                cmocka_unit_test(test_calls_that_would_disarm_are_refused),
                cmocka_unit_test(test_a_call_without_the_purgatory_is_refused),
                cmocka_unit_test(test_a_call_that_forgets_something_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
