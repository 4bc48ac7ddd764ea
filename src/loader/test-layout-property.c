/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the random tests of Layout: each one that is made is proved, and each that is damaged is
 * not. */
#include <inttypes.h>

#include "layout-check.h"
#include "test-layout.h"

#define N_ROUNDS 10000

typedef struct Case {
        LoaderFacts facts;
        LayoutInputs inputs;
        LayoutPolicy policy;
} Case;

static bool flip(uint64_t *seed)
{
        return test_random(seed) >> 40 & 1;
}

/* Below @max, a power of two, and as often small as large. */
static uint64_t size_random(uint64_t *seed, uint64_t max)
{
        return (test_random(seed) & (max - 1)) >> test_random_up_to(seed, 16);
}

static Case case_make(uint64_t *seed)
{
        uint64_t start = test_random_up_to(seed, 0x2000) * MIB;
        uint64_t alignment = PAGE << test_random_up_to(seed, 12);
        Case c = {
                .facts = test_facts(start, (32 + test_random_up_to(seed, 600)) * MIB),
                .inputs = {
                        .kernel_bytes = 1000 + size_random(seed, 16 * MIB),
                        .kernel_alignment = alignment,
                        .kernel_pref_paddr = flip(seed) ? 16 * MIB : start + size_random(seed, GIB),
                        .initrd_bytes = size_random(seed, 128 * MIB),
                        .fallback_initrd_bytes = flip(seed) ? size_random(seed, 64 * MIB) : 0,
                        .cmdline_bytes = 1 + size_random(seed, 4096),
                        .fallback_cmdline_bytes = 1 + size_random(seed, 4096),
                        .setup_data_bytes = size_random(seed, 32768),
                        .efi_table_bytes = size_random(seed, 8192),
                        .elfcorehdr_bytes = 64 + size_random(seed, 262144),
                        .purgatory_bytes = 96 + size_random(seed, 65536),
                },
                .policy = {
                        .mirror_small = flip(seed),
                        .mirror_kernel = flip(seed),
                        .mirror_initrd = flip(seed),
                        .live_elfcorehdr = flip(seed),
                        .elfcorehdr_room_bytes = size_random(seed, MIB),
                },
        };

        c.inputs.kernel_init_size_bytes = c.inputs.kernel_bytes + size_random(seed, 128 * MIB);
        c.facts.max_paddr = c.facts.crash.end + size_random(seed, UINT64_C(1) << 42);
        c.facts.mem_total_bytes = (64 + test_random_up_to(seed, 4096)) * MIB;
        c.facts.gb_pages = flip(seed);
        c.facts.elfcorehdr_room_bytes = flip(seed) ? size_random(seed, MIB) : 0;
        return c;
}

static void assert_proved(const Case *c, const Layout *layout)
{
        _cleanup_free_ char *message = NULL;

        if (layout_check(layout, &c->facts, &c->inputs, &message) < 0)
                fail_msg("%s", message);
}

static void assert_refused(const Case *c, const Layout *layout, unsigned mutation)
{
        _cleanup_free_ char *message = NULL;

        if (layout_check(layout, &c->facts, &c->inputs, &message) != -EINVAL)
                fail_msg("mutation %u is not seen", mutation);
        assert_non_null(message);
}

/* One that is there. */
static LayoutExtent *extent_random(Layout *layout, uint64_t *seed)
{
        LayoutExtent *extent;

        do
                extent = &layout->extents[test_random_up_to(seed, _EXTENT_ROLE_MAX - 1)];
        while (!extent->present);
        return extent;
}

static LayoutExtent *other_random(Layout *layout, uint64_t *seed, const LayoutExtent *extent)
{
        LayoutExtent *other;

        do
                other = extent_random(layout, seed);
        while (other == extent);
        return other;
}

/* To a place that is no longer right, whichever extent it is. */
static void extent_shift(Layout *layout, uint64_t *seed)
{
        LayoutExtent *extent = extent_random(layout, seed);
        const LayoutExtent *other = other_random(layout, seed, extent);

        switch (test_random_up_to(seed, 5)) {
        case 0:
                extent->paddr += 1 + test_random_up_to(seed, 6);
                return;
        case 1:
                extent->paddr = layout->hole.start;
                return;
        case 2:
                extent->paddr = layout->area.end - extent->bytes + 8;
                return;
        case 3:
                extent->paddr = other->paddr;
                return;
        case 4:
                extent->paddr = layout->window.end - 4096;
                return;
        default:
                extent->paddr = extent->mirror_paddr;
        }
}

static void mirror_shift(Layout *layout, uint64_t *seed)
{
        LayoutExtent *extent = &layout->extents[EXTENT_LEAVES];

        if (layout->extents[EXTENT_KERNEL].mirror_paddr != 0 && flip(seed))
                extent = &layout->extents[EXTENT_KERNEL];
        switch (test_random_up_to(seed, 4)) {
        case 0:
                extent->mirror_paddr += 4;
                return;
        case 1:
                extent->mirror_paddr = extent->paddr;
                return;
        case 2:
                extent->mirror_paddr = layout->window.end - extent->bytes;
                return;
        case 3:
                extent->mirror_paddr = layout->extents[EXTENT_BLOCK].mirror_paddr;
                return;
        default:
                extent->mirror_paddr = layout->area.end;
        }
}

static void extent_change(Layout *layout, uint64_t *seed)
{
        LayoutExtent *extent = extent_random(layout, seed);

        switch (test_random_up_to(seed, 4)) {
        case 0:
                extent->bytes++;
                return;
        case 1:
                extent->room_bytes = extent->bytes - 1;
                return;
        case 2:
                extent->targets ^= 1U << test_random_up_to(seed, 31);
                return;
        case 3:
                extent->present = false;
                return;
        default:
                extent->room_bytes = range_bytes(layout->area);
        }
}

static void segment_change(Layout *layout, uint64_t *seed)
{
        size_t i = test_random_up_to(seed, layout->n_segments - 1);
        LayoutSegment *segment = &layout->segments[i];

        switch (test_random_up_to(seed, 6)) {
        case 0:
                segment->range.start -= PAGE;
                return;
        case 1:
                segment->range.end += PAGE;
                return;
        case 2:
                segment->range.end -= PAGE;
                return;
        case 3:
                segment->range.start++;
                return;
        case 4:
                segment->small = !segment->small;
                return;
        case 5:
                *segment = layout->segments[--layout->n_segments];
                return;
        default:
                layout->segments[layout->n_segments++] = *segment;
        }
}

static void layout_damage(Layout *layout, uint64_t *seed)
{
        switch (test_random_up_to(seed, 9)) {
        case 0:
                layout->hole.end -= PAGE;
                return;
        case 1:
                layout->hole.start += PAGE;
                return;
        case 2:
                layout->window.end -= PAGE;
                return;
        case 3:
                layout->window.start -= PAGE;
                return;
        case 4:
                layout->entry += PAGE;
                return;
        case 5:
                layout->n_leaves += flip(seed) ? 1 : UINT32_MAX;
                return;
        case 6:
                layout->area.end += PAGE;
                return;
        case 7:
                layout->dropped |= 8;
                return;
        case 8:
                layout->n_segments = 0;
                return;
        default:
                layout->n_segments = 17;
        }
}

typedef void (*Mutation)(Layout *layout, uint64_t *seed);

static const Mutation mutations[] = { extent_shift, mirror_shift, extent_change, segment_change,
                                      layout_damage };

static void assert_damage_is_refused(const Case *c, const Layout *good, uint64_t *seed)
{
        for (unsigned i = 0; i < 4 * ELEMENTSOF(mutations); i++) {
                unsigned mutation = i % ELEMENTSOF(mutations);
                Layout bad = *good;

                mutations[mutation](&bad, seed);
                if (memcmp(&bad, good, sizeof(bad)) != 0)
                        assert_refused(c, &bad, mutation);
        }
}

static void test_each_layout_is_proved_and_damage_is_seen(void **state)
{
        uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
        unsigned n_made = 0, n_refused = 0, dropped = 0;

        for (unsigned i = 0; i < N_ROUNDS; i++) {
                _cleanup_free_ char *message = NULL;
                Case c = case_make(&seed);
                Layout layout;
                int r;

                r = layout_make(&c.facts, &c.inputs, &c.policy, &layout, &message);
                if (r < 0) {
                        assert_int_equal(r, -ENOSPC);
                        assert_non_null(message);
                        n_refused++;
                        continue;
                }
                assert_proved(&c, &layout);
                assert_damage_is_refused(&c, &layout, &seed);
                n_made++;
                dropped |= layout.dropped;
        }
        assert_true(n_made > N_ROUNDS / 4);
        assert_true(n_refused > N_ROUNDS / 100);
        assert_int_equal(dropped, 7);
}

static void test_each_sparse_layout_keeps_what_is_big(void **state)
{
        static const ExtentRole big[] = { EXTENT_KERNEL, EXTENT_INITRD, EXTENT_FALLBACK_INITRD };
        unsigned n_sparse = 0, n_stale = 0;
        uint64_t seed = 4711;

        for (unsigned i = 0; i < N_ROUNDS; i++) {
                _cleanup_free_ char *message = NULL, *stale_message = NULL;
                Case c = case_make(&seed);
                Layout armed, layout;
                int r;

                if (layout_make(&c.facts, &c.inputs, &c.policy, &armed, &message) < 0)
                        continue;
                c.inputs.elfcorehdr_bytes = 64 + size_random(&seed, 262144);
                c.inputs.setup_data_bytes = size_random(&seed, 32768);
                c.inputs.cmdline_bytes = 1 + size_random(&seed, 4096);
                r = layout_make_sparse(&c.facts, &c.inputs, &c.policy, &armed, &layout,
                                       &stale_message);
                if (r < 0) {
                        assert_int_equal(r, -ESTALE);
                        assert_non_null(stale_message);
                        n_stale++;
                        continue;
                }
                assert_proved(&c, &layout);
                for (size_t j = 0; j < ELEMENTSOF(big); j++)
                        assert_memory_equal(&layout.extents[big[j]], &armed.extents[big[j]],
                                            sizeof(LayoutExtent));
                n_sparse++;
        }
        assert_true(n_sparse > N_ROUNDS / 10);
        assert_true(n_stale > N_ROUNDS / 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_layout_is_proved_and_damage_is_seen),
                cmocka_unit_test(test_each_sparse_layout_keeps_what_is_big),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
