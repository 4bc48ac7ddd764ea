/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the plan of the reserved area: what fits, what is dropped if not, and what a sparse load may
 * move. */
#include "layout.h"

#include <inttypes.h>

#include "layout-internal.h"
#include "text.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

/* With sizes and addresses below these no sum of ours can overflow. */
#define SIZE_BYTES_MAX (1024 * GIB)
#define PADDR_MAX (UINT64_C(1) << 52)

/* So much may the small mirrors grow from one sparse load to the next, besides those of the ELF
 * headers, which have a room of their own: 800 entries of e820 that boot_params has no place for.
 */
#define SMALL_SPARE_BYTES UINT64_C(16384)

/* Where what is big begins, so that a longer command line does not move it. */
#define BIG_ALIGNMENT UINT64_C(65536)

const char *extent_role_to_string(ExtentRole role)
{
        static const char *const names[_EXTENT_ROLE_MAX] = {
                [EXTENT_KERNEL] = "kernel",
                [EXTENT_INITRD] = "initrd",
                [EXTENT_FALLBACK_INITRD] = "fallback-initrd",
                [EXTENT_BOOT_PARAMS] = "boot-params",
                [EXTENT_CMDLINE] = "cmdline",
                [EXTENT_FALLBACK_BOOT_PARAMS] = "fallback-boot-params",
                [EXTENT_FALLBACK_CMDLINE] = "fallback-cmdline",
                [EXTENT_SETUP_DATA] = "setup-data",
                [EXTENT_EFI_TABLE] = "efi-table",
                [EXTENT_ELFCOREHDR] = "elfcorehdr",
                [EXTENT_STATUS_NODE] = "status-node",
                [EXTENT_STATUS] = "status",
                [EXTENT_LEAVES] = "leaves",
                [EXTENT_BLOCK] = "block",
                [EXTENT_PURGATORY] = "purgatory",
        };

        return role >= 0 && role < _EXTENT_ROLE_MAX ? names[role] : NULL;
}

/* The control code and its stack, the tables of each level that there is one of, and the copy of
 * VMCOREINFO; a page of PMDs for each GiB. With pages of 1 GiB only those that are in part RAM need
 * one, at most two for each range: all are counted as long as that costs no more than 4 MiB. */
uint64_t layout_hole_bytes(const LoaderFacts *facts)
{
        uint64_t n_vmcoreinfo = DIV_ROUND_UP(facts->vmcoreinfo.bytes, LAYOUT_PAGE_BYTES);
        uint64_t n_pages = 8 + (facts->max_paddr >> 39) + (facts->max_paddr >> 30);

        if (facts->gb_pages && facts->max_paddr > 1024 * GIB) {
                uint64_t n_ranges = facts->ram.n + facts->efi.n_ranges;

                for (size_t i = 0; i < facts->n_map; i++)
                        n_ranges += facts->map[i].kind == MEMORY_ACPI ||
                                    facts->map[i].kind == MEMORY_NVS;
                n_pages = 2 * n_ranges + (facts->max_paddr >> 39) + 64;
        }
        n_pages += MAX(n_vmcoreinfo, UINT64_C(1));
        return MAX(n_pages * LAYOUT_PAGE_BYTES, MIB);
}

static int facts_check(const LoaderFacts *facts, char **reterr_message)
{
        Range area = facts->crash;

        if (area.start >= area.end || area.end > PADDR_MAX || facts->max_paddr > PADDR_MAX ||
            (area.start | area.end) % LAYOUT_PAGE_BYTES != 0) {
                (void) strprintf(reterr_message,
                                 "the reserved area from %#" PRIx64 " to %#" PRIx64
                                 " is none, or not made of pages",
                                 area.start, area.end);
                return -EINVAL;
        }
        return 0;
}

static int kernel_check(const LayoutInputs *inputs, char **reterr_message)
{
        uint64_t alignment = inputs->kernel_alignment;

        if (alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > SIZE_BYTES_MAX ||
            inputs->kernel_pref_paddr > PADDR_MAX) {
                (void) strprintf(reterr_message,
                                 "a kernel cannot want to be at %#" PRIx64 ", aligned to %#" PRIx64,
                                 inputs->kernel_pref_paddr, alignment);
                return -EINVAL;
        }
        return 0;
}

static int inputs_check(const LoaderFacts *facts, const LayoutInputs *inputs,
                        const LayoutPolicy *policy, char **reterr_message)
{
        const struct {
                const char *what;
                uint64_t bytes, min_bytes;
        } sizes[] = {
                { "kernel", inputs->kernel_bytes, 1 },
                { "kernel's window", inputs->kernel_init_size_bytes, inputs->kernel_bytes },
                { "initrd", inputs->initrd_bytes, 0 },
                { "fallback initrd", inputs->fallback_initrd_bytes, 0 },
                { "command line", inputs->cmdline_bytes, 1 },
                { "fallback command line", inputs->fallback_cmdline_bytes,
                  inputs->fallback_initrd_bytes > 0 },
                { "setup data", inputs->setup_data_bytes, 0 },
                { "EFI table", inputs->efi_table_bytes, 0 },
                { "ELF headers", inputs->elfcorehdr_bytes, 1 },
                { "purgatory", inputs->purgatory_bytes, 1 },
                { "room of the ELF headers", policy->elfcorehdr_room_bytes, 0 },
                { "room of live ELF headers", facts->elfcorehdr_room_bytes, 0 },
                { "hole", policy->hole_bytes, 0 },
                { "VMCOREINFO", facts->vmcoreinfo.bytes, 0 },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                if (sizes[i].bytes < sizes[i].min_bytes || sizes[i].bytes > SIZE_BYTES_MAX) {
                        (void) strprintf(reterr_message, "the %s cannot be of %" PRIu64 " bytes",
                                         sizes[i].what, sizes[i].bytes);
                        return -EINVAL;
                }
        r = facts_check(facts, reterr_message);
        if (r < 0)
                return r;
        return kernel_check(inputs, reterr_message);
}

static LayoutWish wish_make(const LoaderFacts *facts, const LayoutInputs *inputs,
                            const LayoutPolicy *policy)
{
        uint64_t hole_bytes = policy->hole_bytes ?: layout_hole_bytes(facts);
        bool live = policy->live_elfcorehdr && facts->elfcorehdr_room_bytes > 0;
        uint64_t room_bytes = MAX(inputs->elfcorehdr_bytes, policy->elfcorehdr_room_bytes);

        if (live) {
                room_bytes = MAX(room_bytes, facts->elfcorehdr_room_bytes);
                room_bytes = MAX(room_bytes, inputs->elfcorehdr_bytes + PURGATORY_ELF_COPY_OFFSET);
        }
        return (LayoutWish){
                .inputs = inputs,
                .hole_bytes = ALIGN_UP(hole_bytes, LAYOUT_PAGE_BYTES),
                .elfcorehdr_room_bytes = ALIGN_UP(room_bytes, LAYOUT_PAGE_BYTES),
                .mirror_small = policy->mirror_small,
                .mirror_kernel = policy->mirror_kernel,
                .mirror_initrd = policy->mirror_initrd && inputs->initrd_bytes > 0,
                .fallback = inputs->fallback_initrd_bytes > 0,
                .live_elfcorehdr = live,
        };
}

/* Gives up the next thing that can be done without; returns false if nothing is left. */
static bool wish_drop(LayoutWish *wish, unsigned *dropped)
{
        const struct {
                bool *wanted;
                LayoutDropped bit;
        } order[] = {
                { &wish->mirror_initrd, LAYOUT_DROPPED_INITRD_MIRROR },
                { &wish->mirror_kernel, LAYOUT_DROPPED_KERNEL_MIRROR },
                { &wish->fallback, LAYOUT_DROPPED_FALLBACK },
        };

        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                if (*order[i].wanted) {
                        *order[i].wanted = false;
                        *dropped |= order[i].bit;
                        return true;
                }
        return false;
}

/* Neither one segment nor all may have more (kernel/kexec_core.c, sanity_check_segment_list()). */
static bool within_half_of_ram(const Layout *layout, const LoaderFacts *facts, uint64_t *ret_bytes)
{
        uint64_t n_bytes = 0;

        for (size_t i = 0; i < layout->n_segments; i++)
                n_bytes += range_bytes(layout->segments[i].range);
        *ret_bytes = n_bytes;
        return n_bytes / LAYOUT_PAGE_BYTES <= facts->mem_total_bytes / LAYOUT_PAGE_BYTES / 2;
}

static int half_of_ram_check(const Layout *layout, const LoaderFacts *facts, char **reterr_message)
{
        uint64_t n_bytes;

        if (within_half_of_ram(layout, facts, &n_bytes))
                return 0;
        (void) strprintf(reterr_message,
                         "%" PRIu64 " MiB would have to be loaded, and the kernel takes no more "
                         "than half of its memory of %" PRIu64 " MiB",
                         DIV_ROUND_UP(n_bytes, MIB), facts->mem_total_bytes / MIB);
        return -ENOSPC;
}

/* The end of what is at the bottom of the area: of all but the small extents. */
static uint64_t bottom_end(const Layout *layout)
{
        uint64_t end = layout->window.end;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *extent = &layout->extents[role];

                if (layout_role_is_big(role) && extent->present)
                        end = MAX(end, extent->paddr + extent->room_bytes);
                if (extent->mirror_paddr != 0)
                        end = MAX(end, extent->mirror_paddr + extent->room_bytes);
        }
        return end;
}

/* All that has a place is there. What is free is between hole and window, and below the small
 * extents. */
static void layout_finish(Layout *layout)
{
        layout_list_segments(layout);
        layout->used_bytes = range_bytes(layout->hole) + bottom_end(layout) - layout->window.start +
                             layout->area.end - layout->extents[EXTENT_BOOT_PARAMS].paddr;
}

static Range window_of(const LayoutInputs *inputs, uint64_t hole_end)
{
        uint64_t start = ALIGN_UP(MAX(hole_end, inputs->kernel_pref_paddr),
                                  MAX(inputs->kernel_alignment, LAYOUT_PAGE_BYTES));

        return (Range){ start,
                        start + ALIGN_UP(inputs->kernel_init_size_bytes, LAYOUT_PAGE_BYTES) };
}

/* From the hole up, and from the end of the area down. */
static int layout_try(const LoaderFacts *facts, const LayoutWish *wish, Layout *ret,
                      char **reterr_message)
{
        Range area = facts->crash;
        Layout layout = { .area = area, .hole = { area.start, area.start + wish->hole_bytes } };
        uint64_t alignment = wish->roomy ? BIG_ALIGNMENT : LAYOUT_PAGE_BYTES;
        uint64_t end, top_bytes, need_bytes;

        layout_describe(&layout, wish);
        layout.window = window_of(wish->inputs, layout.hole.end);
        layout.extents[EXTENT_KERNEL].paddr = layout.window.start;
        end = layout_place_small_mirrors(&layout, wish, layout.window.end);
        end = layout_place_big(&layout, wish, ALIGN_UP(end + SMALL_SPARE_BYTES, alignment));

        top_bytes = layout_place_small(&layout, 0) + wish->elfcorehdr_room_bytes;
        need_bytes = end - area.start + top_bytes;
        if (need_bytes > range_bytes(area)) {
                (void) strprintf(reterr_message,
                                 "the reserved memory of %" PRIu64 " MiB is too small for an image "
                                 "that takes %" PRIu64 " MiB",
                                 range_bytes(area) / MIB, DIV_ROUND_UP(need_bytes, MIB));
                return -ENOSPC;
        }
        layout.extents[EXTENT_ELFCOREHDR].paddr = area.end - wish->elfcorehdr_room_bytes;
        (void) layout_place_small(&layout, area.end - top_bytes);
        layout_finish(&layout);
        *ret = layout;
        return half_of_ram_check(ret, facts, reterr_message);
}

/* No mirror is worth less than a later load that is shorter. */
static int layout_try_roomy(const LoaderFacts *facts, LayoutWish *wish, Layout *ret,
                            char **reterr_message)
{
        _cleanup_free_ char *unused = NULL;

        wish->roomy = true;
        if (layout_try(facts, wish, ret, &unused) >= 0)
                return 0;
        wish->roomy = false;
        return layout_try(facts, wish, ret, reterr_message);
}

int layout_make(const LoaderFacts *facts, const LayoutInputs *inputs, const LayoutPolicy *policy,
                Layout *ret, char **reterr_message)
{
        Layout layout = { 0 };
        unsigned dropped = 0;
        LayoutWish wish;
        int r;

        r = inputs_check(facts, inputs, policy, reterr_message);
        if (r < 0)
                return r;

        wish = wish_make(facts, inputs, policy);
        for (;;) {
                _cleanup_free_ char *message = NULL;

                r = layout_try_roomy(facts, &wish, &layout, &message);
                if (r >= 0)
                        break;
                if (!wish_drop(&wish, &dropped)) {
                        *reterr_message = TAKE_PTR(message);
                        return r;
                }
        }
        layout.dropped = dropped;
        *ret = layout;
        return 0;
}

static int stale(char **reterr_message, const char *why)
{
        (void) strprintf(reterr_message, "all has to be loaded again: %s", why);
        return -ESTALE;
}

/* What the armed layout is for, if it is for the same; with its room for the ELF headers. */
static int wish_make_sparse(const LoaderFacts *facts, const LayoutInputs *inputs,
                            const LayoutPolicy *policy, const Layout *armed, LayoutWish *ret,
                            char **reterr_message)
{
        uint64_t room_bytes = armed->extents[EXTENT_ELFCOREHDR].room_bytes;
        LayoutPolicy least = *policy;
        LayoutWish wish;

        least.elfcorehdr_room_bytes = 0;
        wish = wish_make(facts, inputs, &least);
        wish.mirror_initrd &= !(armed->dropped & LAYOUT_DROPPED_INITRD_MIRROR);
        wish.mirror_kernel &= !(armed->dropped & LAYOUT_DROPPED_KERNEL_MIRROR);
        wish.fallback &= !(armed->dropped & LAYOUT_DROPPED_FALLBACK);

        if (armed->area.start != facts->crash.start || armed->area.end != facts->crash.end)
                return stale(reterr_message, "the reserved memory has another place or size");
        if (wish.hole_bytes > range_bytes(armed->hole))
                return stale(reterr_message, "the kernel may need a larger hole");
        if (wish.live_elfcorehdr != armed->live_elfcorehdr)
                return stale(reterr_message, "what rewrites the ELF headers has changed");
        if (wish.elfcorehdr_room_bytes > room_bytes) {
                (void) strprintf(reterr_message,
                                 "the ELF headers need %" PRIu64
                                 " bytes, and their room has %" PRIu64,
                                 wish.elfcorehdr_room_bytes, room_bytes);
                return -ESTALE;
        }
        wish.elfcorehdr_room_bytes = room_bytes;
        *ret = wish;
        return 0;
}

/* Takes the places of the big extents over, if they have the size that they had. */
static int keep_big(Layout *layout, const LayoutWish *wish, const Layout *armed,
                    char **reterr_message)
{
        Range window = window_of(wish->inputs, armed->window.start);

        if (window.start != armed->window.start || window.end != armed->window.end)
                return stale(reterr_message, "the kernel wants another place");
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                LayoutExtent *extent = &layout->extents[role];
                const LayoutExtent *old = &armed->extents[role];
                bool mirrored = extent->present && layout_wish_mirrors(wish, role);

                if (!layout_role_is_big(role))
                        continue;
                if (extent->present != old->present || extent->bytes != old->bytes ||
                    mirrored != (old->mirror_paddr != 0))
                        return stale(reterr_message, "kernel, initramfs or mirrors are others");
                extent->paddr = old->paddr;
                extent->room_bytes = old->room_bytes;
                extent->mirror_paddr = old->mirror_paddr;
        }
        return 0;
}

/* The lowest that is above the small mirrors. */
static uint64_t big_start(const Layout *layout)
{
        uint64_t start = layout->extents[EXTENT_ELFCOREHDR].paddr;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *extent = &layout->extents[role];

                if (!layout_role_is_big(role))
                        continue;
                if (extent->paddr > layout->window.start)
                        start = MIN(start, extent->paddr);
                if (extent->mirror_paddr > layout->window.start)
                        start = MIN(start, extent->mirror_paddr);
        }
        return start;
}

/* What is small may grow up to what is big, from both sides of it. */
static int place_sparse(Layout *layout, const LayoutWish *wish, uint64_t headers_paddr,
                        char **reterr_message)
{
        uint64_t small_bytes = layout_place_small(layout, 0);
        uint64_t end;

        layout->extents[EXTENT_ELFCOREHDR].paddr = headers_paddr;
        end = layout_place_small_mirrors(layout, wish, layout->window.end);
        if (end > big_start(layout) || bottom_end(layout) + small_bytes > headers_paddr) {
                (void) strprintf(reterr_message,
                                 "%" PRIu64 " KiB of small content and %" PRIu64
                                 " KiB of mirrors have no room beside what was loaded before",
                                 small_bytes / 1024, (end - layout->window.end) / 1024);
                return -ESTALE;
        }
        (void) layout_place_small(layout, headers_paddr - small_bytes);
        layout_finish(layout);
        return 0;
}

int layout_make_sparse(const LoaderFacts *facts, const LayoutInputs *inputs,
                       const LayoutPolicy *policy, const Layout *armed, Layout *ret,
                       char **reterr_message)
{
        Layout layout = {
                .area = armed->area,
                .hole = armed->hole,
                .window = armed->window,
                .dropped = armed->dropped,
        };
        uint64_t n_bytes;
        LayoutWish wish;
        int r;

        r = inputs_check(facts, inputs, policy, reterr_message);
        if (r < 0)
                return r;
        r = wish_make_sparse(facts, inputs, policy, armed, &wish, reterr_message);
        if (r < 0)
                return r;

        layout_describe(&layout, &wish);
        r = keep_big(&layout, &wish, armed, reterr_message);
        if (r < 0)
                return r;
        r = place_sparse(&layout, &wish, armed->extents[EXTENT_ELFCOREHDR].paddr, reterr_message);
        if (r < 0)
                return r;
        if (!within_half_of_ram(&layout, facts, &n_bytes))
                return stale(reterr_message, "it would be more than half of the memory");
        *ret = layout;
        return 0;
}
