/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Layout: where things are, what is dropped, and what a sparse load may change.
 */
#include "test-layout.h"

#include "layout-check.h"

static Layout make(const LoaderFacts *facts, const LayoutInputs *inputs, const LayoutPolicy *policy)
{
        _cleanup_free_ char *message = NULL;
        Layout layout;

        if (layout_make(facts, inputs, policy, &layout, &message) < 0)
                fail_msg("%s", message);
        if (layout_check(&layout, facts, inputs, &message) < 0)
                fail_msg("%s", message);
        return layout;
}

static void make_fails(const LoaderFacts *facts, const LayoutInputs *inputs,
                       const LayoutPolicy *policy, int expected, const char *words)
{
        _cleanup_free_ char *message = NULL;
        Layout layout;

        assert_int_equal(layout_make(facts, inputs, policy, &layout, &message), expected);
        assert_non_null(message);
        if (!strstr(message, words))
                fail_msg("'%s' is not in '%s'", words, message);
}

static void test_roles_have_names(void **state)
{
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                assert_non_null(extent_role_to_string(role));
        assert_string_equal(extent_role_to_string(EXTENT_KERNEL), "kernel");
        assert_null(extent_role_to_string(_EXTENT_ROLE_MAX));
        assert_null(extent_role_to_string(_EXTENT_ROLE_INVALID));
}

static void test_hole_grows_with_what_the_kernel_maps(void **state)
{
        static RangeList many = { .n = 3000 };
        static const struct {
                uint64_t max_paddr, vmcoreinfo_bytes;
                bool gb_pages, many_ranges;
                uint64_t pages;
        } rows[] = {
                { 2 * GIB, 4096, true, false, 256 }, /* the least: 1 MiB */
                { 1024 * GIB, 4096, true, false, 8 + 2 + 1024 + 1 },
                { 1024 * GIB, 3 * 4096 + 1, true, true, 8 + 2 + 1024 + 4 },
                { 1025 * GIB, 4096, false, true, 8 + 2 + 1025 + 1 },
                { 1025 * GIB, 4096, true, true, 6000 + 2 + 64 + 1 },
                { 12288 * GIB, 4096, true, false, 256 },
                { 12288 * GIB, 0, false, false, 8 + 24 + 12288 + 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                LoaderFacts facts = {
                        .max_paddr = rows[i].max_paddr,
                        .gb_pages = rows[i].gb_pages,
                        .vmcoreinfo.bytes = rows[i].vmcoreinfo_bytes,
                };

                if (rows[i].many_ranges)
                        facts.ram.n = many.n;
                assert_int_equal(layout_hole_bytes(&facts), rows[i].pages * PAGE);
        }
}

static void test_hole_counts_what_firmware_owns(void **state)
{
        MemoryRange map[] = {
                { { 0, PAGE }, MEMORY_RAM },
                { { PAGE, 2 * PAGE }, MEMORY_ACPI },
                { { 2 * PAGE, 3 * PAGE }, MEMORY_NVS },
                { { 3 * PAGE, 4 * PAGE }, MEMORY_RESERVED },
        };
        LoaderFacts facts = {
                .max_paddr = 1536 * GIB,
                .gb_pages = true,
                .map = map,
                .n_map = ELEMENTSOF(map),
                .ram.n = 200,
                .efi.n_ranges = 30,
        };

        assert_int_equal(layout_hole_bytes(&facts), (2 * (200 + 2 + 30) + 3 + 64 + 1) * PAGE);
}

/* 64 MiB are the window of the kernel alone. */
static void test_what_does_not_fit_is_dropped_in_order(void **state)
{
        static const unsigned all = LAYOUT_DROPPED_INITRD_MIRROR | LAYOUT_DROPPED_KERNEL_MIRROR |
                                    LAYOUT_DROPPED_FALLBACK;
        static const struct {
                uint64_t start, area_mib, initrd_mib;
                int result;
                unsigned dropped;
        } rows[] = {
                { 1 * GIB, 64, 7, -ENOSPC, 0 },
                { 1 * GIB, 96, 7, 0, 0 },
                { 1 * GIB, 128, 10, 0, 0 },
                { 1 * GIB, 256, 10, 0, 0 },
                { 1 * GIB, 256, 64, 0, 0 },
                { 1 * GIB, 256, 92, 0, LAYOUT_DROPPED_INITRD_MIRROR },
                { 1 * GIB, 256, 137, 0, LAYOUT_DROPPED_INITRD_MIRROR },
                { 1 * GIB, 512, 190, 0, 0 },
                { 1 * GIB, 512, 300, 0, LAYOUT_DROPPED_INITRD_MIRROR },
                { 0x1ef000000, 256, 10, 0, 0 },
                { 5 * MIB, 128, 10, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                LoaderFacts facts = test_facts(rows[i].start, rows[i].area_mib * MIB);
                LayoutInputs inputs = test_inputs();
                LayoutPolicy policy = test_policy();

                facts.mem_total_bytes = facts.max_paddr = 8 * GIB;
                inputs.initrd_bytes = rows[i].initrd_mib * MIB;
                if (rows[i].result < 0) {
                        make_fails(&facts, &inputs, &policy, rows[i].result, "MiB");
                        continue;
                }
                assert_int_equal(make(&facts, &inputs, &policy).dropped & all, rows[i].dropped);
        }
}

/* The area shrinks by pages: everything is dropped in its turn, and nothing comes back. */
static void test_a_smaller_area_never_keeps_more(void **state)
{
        LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();
        unsigned dropped = 0, n_steps = 0;

        inputs.kernel_init_size_bytes = 64 * MIB;
        inputs.initrd_bytes = 40 * MIB;
        inputs.fallback_initrd_bytes = 30 * MIB;
        for (uint64_t area_bytes = 256 * MIB;; area_bytes -= 16 * PAGE) {
                LoaderFacts facts = test_facts(GIB, area_bytes);
                _cleanup_free_ char *message = NULL;
                Layout layout;

                if (layout_make(&facts, &inputs, &policy, &layout, &message) < 0)
                        break;
                assert_int_equal(layout_check(&layout, &facts, &inputs, &message), 0);
                assert_int_equal(layout.dropped & dropped, dropped);
                n_steps += layout.dropped != dropped;
                dropped = layout.dropped;
                assert_int_equal(layout.extents[EXTENT_FALLBACK_CMDLINE].present,
                                 !(dropped & LAYOUT_DROPPED_FALLBACK));
        }
        assert_int_equal(n_steps, 3);
        assert_int_equal(dropped, 7);
}

/* A room that is larger than it needs to be is only what nothing else wants. */
static void test_the_last_page_is_used_before_a_mirror_is_dropped(void **state)
{
        const LayoutPolicy policy = test_policy();
        const LayoutInputs inputs = test_inputs();
        uint64_t area_bytes = 256 * MIB;
        Layout layout = { 0 };

        for (;;) {
                LoaderFacts facts = test_facts(GIB, area_bytes - PAGE);
                Layout smaller = make(&facts, &inputs, &policy);

                if (smaller.dropped)
                        break;
                layout = smaller;
                area_bytes -= PAGE;
        }
        assert_int_equal(layout.extents[EXTENT_INITRD].room_bytes,
                         ALIGN_UP(inputs.initrd_bytes, PAGE));
        assert_int_equal(layout.extents[EXTENT_INITRD].mirror_paddr +
                                 layout.extents[EXTENT_INITRD].room_bytes,
                         layout.extents[EXTENT_BOOT_PARAMS].paddr);
}

static const struct {
        ExtentRole role;
        bool mirror;
} big[] = {
        { EXTENT_KERNEL, false },          { EXTENT_KERNEL, true },
        { EXTENT_FALLBACK_INITRD, false }, { EXTENT_FALLBACK_INITRD, true },
        { EXTENT_INITRD, false },          { EXTENT_INITRD, true },
};

/* How many of the big ones are in both at the same address. */
static size_t count_same(const Layout *a, const Layout *b)
{
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(big); i++) {
                const LayoutExtent *x = &a->extents[big[i].role], *y = &b->extents[big[i].role];

                n += big[i].mirror ? x->mirror_paddr == y->mirror_paddr : x->paddr == y->paddr;
        }
        return n;
}

static void test_what_is_big_stays_for_other_sizes(void **state)
{
        static const struct {
                uint64_t initrd_bytes, fallback_bytes, cmdline_bytes, elfcorehdr_bytes;
                size_t n_same;
        } rows[] = {
                { 0, 0, 0, 0, 6 },
                { 3000, 0, 0, 0, 6 },
                { 100000, 40000, 300, 56, 6 },
                { 0, 0, 1500, 56 * 30, 6 },
                /* Another base: what is before it stays, and so it does itself. */
                { 5 * MIB, 0, 0, 0, 5 },
                { 5 * MIB, 0, 200, 0, 5 },
                { 0, MIB, 0, 0, 2 },
        };
        const LoaderFacts facts = test_facts(GIB, 256 * MIB);
        const LayoutPolicy policy = test_policy();
        LayoutInputs inputs = test_inputs();
        Layout armed = make(&facts, &inputs, &policy);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Layout layout;

                inputs = test_inputs();
                inputs.initrd_bytes += rows[i].initrd_bytes;
                inputs.fallback_initrd_bytes += rows[i].fallback_bytes;
                inputs.cmdline_bytes += rows[i].cmdline_bytes;
                inputs.elfcorehdr_bytes += rows[i].elfcorehdr_bytes;
                layout = make(&facts, &inputs, &policy);
                if (count_same(&layout, &armed) < rows[i].n_same)
                        fail_msg("row %zu", i);
        }
}

static void test_what_was_not_asked_for_is_not_dropped(void **state)
{
        LoaderFacts facts = test_facts(GIB, 160 * MIB);
        LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();
        Layout layout;

        inputs.initrd_bytes = 44 * MIB;
        inputs.fallback_initrd_bytes = 0;
        assert_int_equal(make(&facts, &inputs, &policy).dropped, LAYOUT_DROPPED_INITRD_MIRROR);

        policy.mirror_initrd = false;
        layout = make(&facts, &inputs, &policy);
        assert_int_equal(layout.dropped, 0);
        assert_int_equal(layout.extents[EXTENT_INITRD].mirror_paddr, 0);
        assert_int_not_equal(layout.extents[EXTENT_KERNEL].mirror_paddr, 0);
}

static void test_the_order_is_the_documented_one(void **state)
{
        LoaderFacts facts = test_facts(GIB, 256 * MIB);
        LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();
        Layout layout = make(&facts, &inputs, &policy);
        const LayoutExtent *e = layout.extents;
        const uint64_t order[] = {
                layout.hole.start,
                layout.window.start,
                e[EXTENT_BLOCK].mirror_paddr,
                e[EXTENT_LEAVES].mirror_paddr,
                e[EXTENT_BOOT_PARAMS].mirror_paddr,
                e[EXTENT_STATUS_NODE].mirror_paddr,
                e[EXTENT_ELFCOREHDR].mirror_paddr,
                e[EXTENT_FALLBACK_INITRD].paddr,
                e[EXTENT_FALLBACK_INITRD].mirror_paddr,
                e[EXTENT_KERNEL].mirror_paddr,
                e[EXTENT_INITRD].paddr,
                e[EXTENT_INITRD].mirror_paddr,
                e[EXTENT_BOOT_PARAMS].paddr,
                e[EXTENT_CMDLINE].paddr,
                e[EXTENT_FALLBACK_BOOT_PARAMS].paddr,
                e[EXTENT_FALLBACK_CMDLINE].paddr,
                e[EXTENT_SETUP_DATA].paddr,
                e[EXTENT_EFI_TABLE].paddr,
                e[EXTENT_STATUS_NODE].paddr,
                e[EXTENT_STATUS].paddr,
                e[EXTENT_LEAVES].paddr,
                e[EXTENT_BLOCK].paddr,
                e[EXTENT_PURGATORY].paddr,
                e[EXTENT_ELFCOREHDR].paddr,
                layout.area.end,
        };

        for (size_t i = 1; i < ELEMENTSOF(order); i++)
                assert_true(order[i - 1] < order[i]);
        assert_int_equal(layout.hole.start, GIB);
        assert_int_equal(layout.window.start, GIB + 2 * MIB);
        assert_int_equal(layout.entry, e[EXTENT_PURGATORY].paddr);
        assert_int_equal(layout.n_segments, 9);
        /* Kernel 126, initrd 110, fallback's 17, and one for each of the eight small ones. */
        assert_int_equal(layout.n_leaves, 126 + 110 + 17 + 8);
        assert_int_equal(e[EXTENT_LEAVES].bytes, layout.n_leaves * 32);
        assert_true(layout.used_bytes < range_bytes(layout.area));
        /* What is free is above the mirror of the initrd, and between hole and kernel. */
        assert_int_equal(layout.used_bytes,
                         range_bytes(layout.area) - (layout.window.start - layout.hole.end) -
                                 (e[EXTENT_BOOT_PARAMS].paddr - e[EXTENT_INITRD].mirror_paddr -
                                  e[EXTENT_INITRD].room_bytes));
}

static void test_targets_need_what_they_start_with(void **state)
{
        LoaderFacts facts = test_facts(GIB, 256 * MIB);
        LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();
        static const uint32_t wanted[_EXTENT_ROLE_MAX] = {
                [EXTENT_KERNEL] = 3,          [EXTENT_INITRD] = 1,
                [EXTENT_FALLBACK_INITRD] = 2, [EXTENT_BOOT_PARAMS] = 1,
                [EXTENT_CMDLINE] = 1,         [EXTENT_FALLBACK_BOOT_PARAMS] = 2,
                [EXTENT_SETUP_DATA] = 3,      [EXTENT_FALLBACK_CMDLINE] = 2,
                [EXTENT_EFI_TABLE] = 3,       [EXTENT_ELFCOREHDR] = 3,
                [EXTENT_STATUS_NODE] = 3,
        };
        Layout layout = make(&facts, &inputs, &policy);

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                assert_int_equal(layout.extents[role].targets, wanted[role]);

        inputs.fallback_initrd_bytes = 0;
        layout = make(&facts, &inputs, &policy);
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                assert_int_equal(layout.extents[role].targets, wanted[role] & 1);
                assert_int_equal(layout.extents[role].present,
                                 wanted[role] != 2); /* status to purgatory have 0 */
        }
}

static void test_live_headers_have_the_room_the_kernel_wants(void **state)
{
        LoaderFacts facts = test_facts(GIB, 256 * MIB);
        LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();
        const LayoutSegment *last;
        Layout layout;
        uint32_t n_leaves;

        policy.elfcorehdr_room_bytes = 5 * PAGE;
        layout = make(&facts, &inputs, &policy);
        last = &layout.segments[layout.n_segments - 1];
        n_leaves = layout.n_leaves;
        assert_int_equal(layout.extents[EXTENT_ELFCOREHDR].room_bytes, 5 * PAGE);
        assert_int_equal(range_bytes(last->range), PAGE);

        /* The kernel cannot do it. */
        policy.live_elfcorehdr = true;
        assert_false(make(&facts, &inputs, &policy).live_elfcorehdr);

        facts.elfcorehdr_room_bytes = 917616;
        layout = make(&facts, &inputs, &policy);
        last = &layout.segments[layout.n_segments - 1];
        assert_true(layout.live_elfcorehdr);
        assert_int_equal(layout.extents[EXTENT_ELFCOREHDR].room_bytes, 225 * PAGE);
        assert_int_equal(range_bytes(last->range), 225 * PAGE);
        assert_int_equal(layout.n_leaves, n_leaves);
        assert_int_equal(layout.area.end, last->range.end);
}

static void test_no_more_than_half_of_ram_is_loaded(void **state)
{
        LoaderFacts facts = test_facts(GIB / 4, 256 * MIB);
        LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();

        inputs.initrd_bytes = 48 * MIB;
        assert_int_equal(make(&facts, &inputs, &policy).dropped, 0);
        facts.mem_total_bytes = 200 * MIB;
        assert_int_equal(make(&facts, &inputs, &policy).dropped, LAYOUT_DROPPED_INITRD_MIRROR);
        facts.mem_total_bytes = 124 * MIB;
        assert_int_equal(make(&facts, &inputs, &policy).dropped,
                         LAYOUT_DROPPED_INITRD_MIRROR | LAYOUT_DROPPED_KERNEL_MIRROR);
        facts.mem_total_bytes = 100 * MIB;
        make_fails(&facts, &inputs, &policy, -ENOSPC, "half of its memory of 100 MiB");
}

static void test_a_message_names_need_and_area(void **state)
{
        LoaderFacts facts = test_facts(GIB, 64 * MIB);
        LayoutInputs inputs = test_inputs();
        LayoutPolicy policy = test_policy();

        make_fails(&facts, &inputs, &policy, -ENOSPC, "memory of 64 MiB");
        make_fails(&facts, &inputs, &policy, -ENOSPC, "takes 73 MiB");
}

static void test_senseless_inputs_are_refused(void **state)
{
        const LayoutInputs good = test_inputs();
        LayoutInputs bad[11];
        LoaderFacts facts = test_facts(GIB, 256 * MIB);
        LayoutPolicy policy = test_policy();
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                bad[i] = good;
        bad[n++].kernel_bytes = 0;
        bad[n++].kernel_init_size_bytes = good.kernel_bytes - 1;
        bad[n++].kernel_alignment = 0;
        bad[n++].kernel_alignment = 3 * MIB;
        bad[n++].kernel_pref_paddr = UINT64_MAX;
        bad[n++].initrd_bytes = UINT64_MAX;
        bad[n++].cmdline_bytes = 0;
        bad[n++].fallback_cmdline_bytes = 0;
        bad[n++].elfcorehdr_bytes = 0;
        bad[n++].purgatory_bytes = 0;
        bad[n++].setup_data_bytes = UINT64_C(1) << 63;
        assert_int_equal(n, ELEMENTSOF(bad));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                make_fails(&facts, &bad[i], &policy, -EINVAL, "cannot");

        policy.hole_bytes = UINT64_MAX;
        make_fails(&facts, &good, &policy, -EINVAL, "hole");
        policy.hole_bytes = 0;
        facts.crash.end = facts.crash.start;
        make_fails(&facts, &good, &policy, -EINVAL, "is none");
        facts.crash.end = facts.crash.start + 256 * MIB + 1;
        make_fails(&facts, &good, &policy, -EINVAL, "is none");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_roles_have_names),
                cmocka_unit_test(test_hole_grows_with_what_the_kernel_maps),
                cmocka_unit_test(test_hole_counts_what_firmware_owns),
                cmocka_unit_test(test_what_does_not_fit_is_dropped_in_order),
                cmocka_unit_test(test_a_smaller_area_never_keeps_more),
                cmocka_unit_test(test_the_last_page_is_used_before_a_mirror_is_dropped),
                cmocka_unit_test(test_what_is_big_stays_for_other_sizes),
                cmocka_unit_test(test_what_was_not_asked_for_is_not_dropped),
                cmocka_unit_test(test_the_order_is_the_documented_one),
                cmocka_unit_test(test_targets_need_what_they_start_with),
                cmocka_unit_test(test_live_headers_have_the_room_the_kernel_wants),
                cmocka_unit_test(test_no_more_than_half_of_ram_is_loaded),
                cmocka_unit_test(test_a_message_names_need_and_area),
                cmocka_unit_test(test_senseless_inputs_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
