/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of the extents in the area, and the segments that they make. */
#include "layout-internal.h"

/* The smallest that all kinds of content can live with; hash and copy go by words. */
#define ALIGNMENT_MIN UINT64_C(16)

/* An edit of the configuration changes no more than some files of an initramfs. */
#define INITRD_ROOM_BYTES (UINT64_C(256) * 1024)

#define LEAF_BYTES PURGATORY_DIGEST_BYTES
#define STATUS_NODE_BYTES UINT64_C(16) /* next, type and len of struct setup_data */

typedef struct RoleTraits {
        uint64_t alignment;
        bool big;
        bool own_page; /* e820 leaves it out: nothing else may share its pages */
        bool digested;
        enum { FOR_ALL, FOR_FIRST, FOR_FALLBACK, FOR_NONE } target;
} RoleTraits;

static const RoleTraits traits[_EXTENT_ROLE_MAX] = {
        /* That of the kernel is what its header asks for. */
        [EXTENT_KERNEL] = { LAYOUT_PAGE_BYTES, true, true, true, FOR_ALL },
        [EXTENT_INITRD] = { LAYOUT_PAGE_BYTES, true, true, true, FOR_FIRST },
        [EXTENT_FALLBACK_INITRD] = { LAYOUT_PAGE_BYTES, true, true, true, FOR_FALLBACK },
        [EXTENT_BOOT_PARAMS] = { LAYOUT_PAGE_BYTES, false, false, true, FOR_FIRST },
        [EXTENT_CMDLINE] = { ALIGNMENT_MIN, false, false, true, FOR_FIRST },
        [EXTENT_FALLBACK_BOOT_PARAMS] = { LAYOUT_PAGE_BYTES, false, false, true, FOR_FALLBACK },
        [EXTENT_FALLBACK_CMDLINE] = { ALIGNMENT_MIN, false, false, true, FOR_FALLBACK },
        [EXTENT_SETUP_DATA] = { ALIGNMENT_MIN, false, false, true, FOR_ALL },
        [EXTENT_EFI_TABLE] = { ALIGNMENT_MIN, false, false, true, FOR_ALL },
        [EXTENT_ELFCOREHDR] = { LAYOUT_PAGE_BYTES, false, true, true, FOR_ALL },
        [EXTENT_STATUS_NODE] = { LAYOUT_PAGE_BYTES, false, false, true, FOR_ALL },
        [EXTENT_STATUS] = { ALIGNMENT_MIN, false, false, false, FOR_NONE },
        [EXTENT_LEAVES] = { ALIGNMENT_MIN, false, false, false, FOR_NONE },
        [EXTENT_BLOCK] = { ALIGNMENT_MIN, false, false, false, FOR_NONE },
        [EXTENT_PURGATORY] = { LAYOUT_PAGE_BYTES, false, true, false, FOR_NONE },
};

/* The status is right behind the header of its node, and has the rest of that page. */
static const ExtentRole small_order[] = {
        EXTENT_BOOT_PARAMS,
        EXTENT_CMDLINE,
        EXTENT_FALLBACK_BOOT_PARAMS,
        EXTENT_FALLBACK_CMDLINE,
        EXTENT_SETUP_DATA,
        EXTENT_EFI_TABLE,
        EXTENT_STATUS_NODE,
        EXTENT_STATUS,
        EXTENT_LEAVES,
        EXTENT_BLOCK,
        EXTENT_PURGATORY,
};

/* The ELF headers cannot be first in their segment: where the kernel is to rewrite them it takes
 * the last segment that begins with the magic of ELF (arch/x86/kernel/crash.c,
 * arch_crash_handle_hotplug_event() in v6.12). They are last as only they grow much. */
static const ExtentRole mirror_order[] = {
        EXTENT_BLOCK,
        EXTENT_LEAVES,
        EXTENT_BOOT_PARAMS,
        EXTENT_CMDLINE,
        EXTENT_FALLBACK_BOOT_PARAMS,
        EXTENT_FALLBACK_CMDLINE,
        EXTENT_SETUP_DATA,
        EXTENT_EFI_TABLE,
        EXTENT_STATUS_NODE,
        EXTENT_ELFCOREHDR,
};

/* What is above the window of the kernel and its small mirrors. What changes its size most often is
 * last, so that it moves nothing else. */
static const struct {
        ExtentRole role;
        bool mirror;
} big_order[] = {
        { EXTENT_FALLBACK_INITRD, false }, { EXTENT_FALLBACK_INITRD, true },
        { EXTENT_KERNEL, true },           { EXTENT_INITRD, false },
        { EXTENT_INITRD, true },
};

bool layout_role_is_big(ExtentRole role)
{
        return traits[role].big;
}

bool layout_wish_mirrors(const LayoutWish *wish, ExtentRole role)
{
        switch (role) {
        case EXTENT_KERNEL:
                return wish->mirror_kernel;
        case EXTENT_INITRD:
                return wish->mirror_initrd;
        case EXTENT_LEAVES:
        case EXTENT_BLOCK:
                return true; /* the purgatory looks for as many copies */
        case EXTENT_STATUS:
        case EXTENT_PURGATORY:
                return false;
        default:
                return wish->mirror_small;
        }
}

static uint32_t targets_of(ExtentRole role, bool fallback)
{
        switch (traits[role].target) {
        case FOR_ALL:
                return fallback ? 3 : 1;
        case FOR_FIRST:
                return 1;
        case FOR_FALLBACK:
                return 2;
        default:
                return 0;
        }
}

static uint64_t room_of(ExtentRole role, uint64_t bytes, const LayoutWish *wish)
{
        if (role == EXTENT_ELFCOREHDR)
                return wish->elfcorehdr_room_bytes;
        if ((role == EXTENT_INITRD || role == EXTENT_FALLBACK_INITRD) && wish->roomy)
                return ALIGN_UP(bytes, INITRD_ROOM_BYTES);
        if (role == EXTENT_STATUS)
                return LAYOUT_PAGE_BYTES - STATUS_NODE_BYTES;
        return traits[role].own_page ? ALIGN_UP(bytes, LAYOUT_PAGE_BYTES) : bytes;
}

static uint64_t count_leaves(const Layout *layout)
{
        uint64_t n = 0;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                if (traits[role].digested)
                        n += DIV_ROUND_UP(layout->extents[role].bytes, PURGATORY_CHUNK_BYTES);
        return n;
}

static void extent_describe(Layout *layout, const LayoutWish *wish, ExtentRole role, uint64_t bytes)
{
        if (bytes == 0)
                return;
        layout->extents[role] = (LayoutExtent){
                .present = true,
                .bytes = bytes,
                .room_bytes = room_of(role, bytes, wish),
                .targets = targets_of(role, wish->fallback),
        };
}

void layout_describe(Layout *layout, const LayoutWish *wish)
{
        const LayoutInputs *in = wish->inputs;
        const uint64_t bytes[_EXTENT_ROLE_MAX] = {
                [EXTENT_KERNEL] = in->kernel_bytes,
                [EXTENT_INITRD] = in->initrd_bytes,
                [EXTENT_FALLBACK_INITRD] = wish->fallback ? in->fallback_initrd_bytes : 0,
                [EXTENT_BOOT_PARAMS] = LOADER_BOOT_PARAMS_BYTES,
                [EXTENT_CMDLINE] = in->cmdline_bytes,
                [EXTENT_FALLBACK_BOOT_PARAMS] = wish->fallback ? LOADER_BOOT_PARAMS_BYTES : 0,
                [EXTENT_FALLBACK_CMDLINE] = wish->fallback ? in->fallback_cmdline_bytes : 0,
                [EXTENT_SETUP_DATA] = in->setup_data_bytes,
                [EXTENT_EFI_TABLE] = in->efi_table_bytes,
                [EXTENT_ELFCOREHDR] = in->elfcorehdr_bytes,
                [EXTENT_STATUS_NODE] = STATUS_NODE_BYTES,
                [EXTENT_STATUS] = sizeof(PurgatoryStatus),
                [EXTENT_BLOCK] = sizeof(PurgatoryBlock),
                [EXTENT_PURGATORY] = in->purgatory_bytes,
        };

        layout->live_elfcorehdr = wish->live_elfcorehdr;
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                extent_describe(layout, wish, role, bytes[role]);
        layout->n_leaves = (uint32_t) count_leaves(layout);
        extent_describe(layout, wish, EXTENT_LEAVES, (uint64_t) layout->n_leaves * LEAF_BYTES);
}

uint64_t layout_place_small(Layout *layout, uint64_t paddr)
{
        for (size_t i = 0; i < ELEMENTSOF(small_order); i++) {
                LayoutExtent *extent = &layout->extents[small_order[i]];

                if (!extent->present)
                        continue;
                extent->paddr = ALIGN_UP(paddr, traits[small_order[i]].alignment);
                paddr = extent->paddr + extent->room_bytes;
        }
        return paddr;
}

uint64_t layout_place_small_mirrors(Layout *layout, const LayoutWish *wish, uint64_t paddr)
{
        for (size_t i = 0; i < ELEMENTSOF(mirror_order); i++) {
                LayoutExtent *extent = &layout->extents[mirror_order[i]];

                if (!extent->present || !layout_wish_mirrors(wish, mirror_order[i]))
                        continue;
                extent->mirror_paddr = ALIGN_UP(paddr, ALIGNMENT_MIN);
                paddr = extent->mirror_paddr + extent->room_bytes;
        }
        return ALIGN_UP(paddr, LAYOUT_PAGE_BYTES);
}

uint64_t layout_place_big(Layout *layout, const LayoutWish *wish, uint64_t paddr)
{
        for (size_t i = 0; i < ELEMENTSOF(big_order); i++) {
                LayoutExtent *extent = &layout->extents[big_order[i].role];

                if (!extent->present ||
                    (big_order[i].mirror && !layout_wish_mirrors(wish, big_order[i].role)))
                        continue;
                if (big_order[i].mirror)
                        extent->mirror_paddr = paddr;
                else
                        extent->paddr = paddr;
                paddr += extent->room_bytes;
        }
        return paddr;
}

static void segment_add(Layout *layout, uint64_t start, uint64_t end, bool small)
{
        layout->segments[layout->n_segments++] = (LayoutSegment){
                .range = { start, ALIGN_UP(end, LAYOUT_PAGE_BYTES) },
                .small = small,
        };
}

/* Where the content of the last small mirror ends: what is behind it is only room. */
static uint64_t small_mirrors_end(const Layout *layout)
{
        uint64_t end = 0;

        for (size_t i = 0; i < ELEMENTSOF(mirror_order); i++) {
                const LayoutExtent *extent = &layout->extents[mirror_order[i]];
                uint64_t skipped = mirror_order[i] == EXTENT_ELFCOREHDR && layout->live_elfcorehdr
                                           ? PURGATORY_ELF_COPY_OFFSET
                                           : 0;

                if (extent->mirror_paddr != 0)
                        end = MAX(end, extent->mirror_paddr + skipped + extent->bytes);
        }
        return end;
}

/* In the order of their addresses. Without their rooms: the kernel would write zeros there, while
 * no image is armed. But headers that it may rewrite want all of theirs (memsz is its limit). */
void layout_list_segments(Layout *layout)
{
        const LayoutExtent *extents = layout->extents;
        const LayoutExtent *headers = &extents[EXTENT_ELFCOREHDR];
        const LayoutExtent *purgatory = &extents[EXTENT_PURGATORY];
        uint64_t kernel_paddr = extents[EXTENT_KERNEL].paddr;

        layout->n_segments = 0;
        segment_add(layout, kernel_paddr, kernel_paddr + extents[EXTENT_KERNEL].bytes, false);
        segment_add(layout, extents[EXTENT_BLOCK].mirror_paddr, small_mirrors_end(layout), true);
        for (size_t i = 0; i < ELEMENTSOF(big_order); i++) {
                const LayoutExtent *extent = &extents[big_order[i].role];
                uint64_t paddr = big_order[i].mirror ? extent->mirror_paddr : extent->paddr;

                if (paddr != 0)
                        segment_add(layout, paddr, paddr + extent->bytes, false);
        }
        segment_add(layout, extents[EXTENT_BOOT_PARAMS].paddr, purgatory->paddr + purgatory->bytes,
                    true);
        segment_add(layout, headers->paddr,
                    headers->paddr +
                            (layout->live_elfcorehdr ? headers->room_bytes : headers->bytes),
                    true);
        layout->entry = purgatory->paddr;
}
