/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of sparse layouts: what stays, what may grow, and what asks for a full load. */
#include "layout-check.h"
#include "test-layout.h"

static const ExtentRole big[] = { EXTENT_KERNEL, EXTENT_INITRD, EXTENT_FALLBACK_INITRD };

typedef struct Bed {
        LoaderFacts facts;
        LayoutInputs inputs;
        LayoutPolicy policy;
        Layout armed;
} Bed;

static void bed_arm(Bed *bed)
{
        _cleanup_free_ char *message = NULL;

        if (layout_make(&bed->facts, &bed->inputs, &bed->policy, &bed->armed, &message) < 0)
                fail_msg("%s", message);
}

static Bed bed_make(void)
{
        Bed bed = {
                .facts = test_facts(GIB, 256 * MIB),
                .inputs = test_inputs(),
                .policy = test_policy(),
        };

        bed_arm(&bed);
        return bed;
}

static Layout make(const Bed *bed)
{
        _cleanup_free_ char *message = NULL;
        Layout layout;

        if (layout_make_sparse(&bed->facts, &bed->inputs, &bed->policy, &bed->armed, &layout,
                               &message) < 0)
                fail_msg("%s", message);
        if (layout_check(&layout, &bed->facts, &bed->inputs, &message) < 0)
                fail_msg("%s", message);
        for (size_t i = 0; i < ELEMENTSOF(big); i++)
                assert_memory_equal(&layout.extents[big[i]], &bed->armed.extents[big[i]],
                                    sizeof(LayoutExtent));
        assert_int_equal(layout.dropped, bed->armed.dropped);
        return layout;
}

static void make_is_stale(const Bed *bed, const char *words)
{
        _cleanup_free_ char *message = NULL;
        Layout layout;

        assert_int_equal(layout_make_sparse(&bed->facts, &bed->inputs, &bed->policy, &bed->armed,
                                            &layout, &message),
                         -ESTALE);
        assert_non_null(message);
        if (!strstr(message, words))
                fail_msg("'%s' is not in '%s'", words, message);
}

static void test_same_inputs_give_the_same_layout(void **state)
{
        Bed bed = bed_make();
        Layout layout = make(&bed);

        assert_memory_equal(&layout, &bed.armed, sizeof(layout));
}

static void test_headers_grow_within_their_room(void **state)
{
        Bed bed = bed_make();
        Layout layout;

        bed.policy.elfcorehdr_room_bytes = 3 * 65536;
        bed_arm(&bed);
        bed.policy.elfcorehdr_room_bytes = 0;
        bed.inputs.elfcorehdr_bytes = 2 * 65536 + 1;
        layout = make(&bed);
        assert_int_equal(layout.n_leaves, bed.armed.n_leaves + 2);
        assert_int_equal(layout.extents[EXTENT_ELFCOREHDR].paddr,
                         bed.armed.extents[EXTENT_ELFCOREHDR].paddr);
        assert_int_equal(layout.extents[EXTENT_ELFCOREHDR].room_bytes, 3 * 65536);

        bed.inputs.elfcorehdr_bytes = 3 * 65536 + 1;
        make_is_stale(&bed, "their room has 196608");
}

static void test_live_headers_grow_to_what_the_copy_has_room_for(void **state)
{
        Bed bed = bed_make();

        bed.policy.live_elfcorehdr = true;
        bed.facts.elfcorehdr_room_bytes = 10 * PAGE;
        bed_arm(&bed);
        bed.inputs.elfcorehdr_bytes = 10 * PAGE - PURGATORY_ELF_COPY_OFFSET;
        (void) make(&bed);
        bed.inputs.elfcorehdr_bytes++;
        make_is_stale(&bed, "ELF headers");
        bed.inputs.elfcorehdr_bytes = 1000;
        bed.facts.elfcorehdr_room_bytes++;
        make_is_stale(&bed, "ELF headers");
        bed.facts.elfcorehdr_room_bytes = 0;
        make_is_stale(&bed, "rewrites the ELF headers");
}

static void test_small_extents_grow_a_little(void **state)
{
        Bed bed = bed_make();

        bed.inputs.setup_data_bytes += 15000;
        bed.inputs.cmdline_bytes = 400;
        (void) make(&bed);
        /* What is big begins at a multiple of 64 KiB. */
        bed.inputs.setup_data_bytes += 65536;
        make_is_stale(&bed, "no room");

        /* Without mirrors there is room below the small block, for more than that. */
        bed.inputs.setup_data_bytes = MIB;
        bed.policy.mirror_small = false;
        bed_arm(&bed);
        bed.inputs.setup_data_bytes = 2 * MIB;
        (void) make(&bed);
}

static void test_the_small_block_does_not_grow_into_a_mirror(void **state)
{
        Bed bed = bed_make();
        uint64_t free_bytes;

        bed.policy.mirror_small = false;
        bed.inputs.initrd_bytes = 80 * MIB;
        bed_arm(&bed);
        free_bytes = bed.armed.extents[EXTENT_BOOT_PARAMS].paddr -
                     bed.armed.extents[EXTENT_INITRD].mirror_paddr -
                     bed.armed.extents[EXTENT_INITRD].room_bytes;
        bed.inputs.setup_data_bytes += free_bytes / 65536 * 65536 - 2 * 65536;
        (void) make(&bed);
        bed.inputs.setup_data_bytes += 3 * 65536;
        make_is_stale(&bed, "no room");
}

static void test_what_was_dropped_stays_away(void **state)
{
        Bed bed = bed_make();

        bed.inputs.initrd_bytes = 92 * MIB;
        bed_arm(&bed);
        assert_int_equal(bed.armed.dropped, LAYOUT_DROPPED_INITRD_MIRROR);
        assert_int_equal(make(&bed).extents[EXTENT_INITRD].mirror_paddr, 0);
        assert_int_equal(make(&bed).dropped, LAYOUT_DROPPED_INITRD_MIRROR);
}

typedef void (*BedChange)(Bed *bed);

static void change_kernel(Bed *bed)
{
        bed->inputs.kernel_bytes--;
}

static void change_window(Bed *bed)
{
        bed->inputs.kernel_init_size_bytes += PAGE;
}

static void change_alignment(Bed *bed)
{
        bed->inputs.kernel_alignment *= 1024;
}

static void change_initrd(Bed *bed)
{
        bed->inputs.initrd_bytes++;
}

static void change_fallback(Bed *bed)
{
        bed->inputs.fallback_initrd_bytes = 0;
}

static void change_mirror(Bed *bed)
{
        bed->policy.mirror_kernel = false;
}

static void change_area(Bed *bed)
{
        bed->facts.crash.end -= PAGE;
}

static void change_memory(Bed *bed)
{
        bed->facts.max_paddr = 1000 * GIB;
}

static void change_total(Bed *bed)
{
        bed->facts.mem_total_bytes = 60 * MIB;
}

static void test_what_is_big_asks_for_a_full_load(void **state)
{
        static const BedChange changes[] = {
                change_kernel, change_window, change_alignment, change_initrd, change_fallback,
                change_mirror, change_area,   change_memory,    change_total,
        };

        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                Bed bed = bed_make();

                changes[i](&bed);
                make_is_stale(&bed, "loaded again");
        }
}

static void test_less_memory_leaves_the_hole_as_it_is(void **state)
{
        Bed bed = bed_make();

        bed.facts.max_paddr = 1000 * GIB;
        bed.facts.mem_total_bytes = 1000 * GIB;
        bed_arm(&bed);
        bed.facts.max_paddr = 500 * GIB;
        assert_int_equal(make(&bed).hole.end, bed.armed.hole.end);
}

static void test_what_no_load_can_do_is_said_as_by_a_full_one(void **state)
{
        _cleanup_free_ char *senseless = NULL;
        Bed bed = bed_make();
        Layout layout;

        bed.inputs.cmdline_bytes = 0;
        assert_int_equal(layout_make_sparse(&bed.facts, &bed.inputs, &bed.policy, &bed.armed,
                                            &layout, &senseless),
                         -EINVAL);
        assert_non_null(senseless);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_inputs_give_the_same_layout),
                cmocka_unit_test(test_headers_grow_within_their_room),
                cmocka_unit_test(test_live_headers_grow_to_what_the_copy_has_room_for),
                cmocka_unit_test(test_small_extents_grow_a_little),
                cmocka_unit_test(test_the_small_block_does_not_grow_into_a_mirror),
                cmocka_unit_test(test_what_was_dropped_stays_away),
                cmocka_unit_test(test_what_is_big_asks_for_a_full_load),
                cmocka_unit_test(test_what_no_load_can_do_is_said_as_by_a_full_one),
                cmocka_unit_test(test_less_memory_leaves_the_hole_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
