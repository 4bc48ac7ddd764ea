/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the proof of the extents: that each is as it was asked for, in a place of its own. */
#include "layout-check.h"

#include "layout-check-internal.h"

#define STATUS_HEADER_BYTES UINT64_C(16) /* of struct setup_data: next, type, len */
#define WORD_BYTES 8                     /* the purgatory reads by words */

/* Numbers of targets in LayoutExtent. */
enum {
        TARGET_FIRST = 1,
        TARGET_FALLBACK = 2,
};

/* Page tables have no room for larger physical addresses. */
#define PADDR_END (UINT64_C(1) << 52)

static bool has_fallback(const Layout *layout, const LayoutInputs *inputs)
{
        return inputs->fallback_initrd_bytes > 0 && !(layout->dropped & LAYOUT_DROPPED_FALLBACK);
}

static int check_size(const Layout *layout, ExtentRole role, uint64_t bytes, uint32_t targets,
                      char **reterr_message)
{
        const LayoutExtent *extent = &layout->extents[role];

        if (extent->present != (bytes != 0) || extent->bytes != bytes)
                return REFUSE(reterr_message, "%s has %" PRIu64 " bytes, and not %" PRIu64,
                              extent_role_to_string(role), extent->bytes, bytes);
        if (!extent->present)
                return extent->paddr | extent->room_bytes | extent->mirror_paddr | extent->targets
                               ? REFUSE(reterr_message, "%s is not there, but has a place",
                                        extent_role_to_string(role))
                               : 0;
        if (extent->targets != targets)
                return REFUSE(reterr_message, "%s is needed by targets %#x, and not by %#x",
                              extent_role_to_string(role), extent->targets, targets);
        if (extent->room_bytes < bytes || extent->room_bytes > range_bytes(layout->area))
                return REFUSE(reterr_message, "%s of %" PRIu64 " bytes has a room of %" PRIu64,
                              extent_role_to_string(role), bytes, extent->room_bytes);
        return 0;
}

/* Every extent is what the inputs ask for, and nothing else is there. */
static int check_sizes(const Layout *layout, const LayoutInputs *inputs, char **reterr_message)
{
        bool fallback = has_fallback(layout, inputs);
        uint32_t all = fallback ? TARGET_FIRST | TARGET_FALLBACK : TARGET_FIRST;
        const struct {
                uint64_t bytes;
                uint32_t targets;
        } wanted[_EXTENT_ROLE_MAX] = {
                [EXTENT_KERNEL] = { inputs->kernel_bytes, all },
                [EXTENT_INITRD] = { inputs->initrd_bytes, TARGET_FIRST },
                [EXTENT_FALLBACK_INITRD] = { fallback ? inputs->fallback_initrd_bytes : 0,
                                             TARGET_FALLBACK },
                [EXTENT_BOOT_PARAMS] = { 4096, TARGET_FIRST },
                [EXTENT_CMDLINE] = { inputs->cmdline_bytes, TARGET_FIRST },
                [EXTENT_FALLBACK_BOOT_PARAMS] = { fallback ? 4096 : 0, TARGET_FALLBACK },
                [EXTENT_FALLBACK_CMDLINE] = { fallback ? inputs->fallback_cmdline_bytes : 0,
                                              TARGET_FALLBACK },
                [EXTENT_SETUP_DATA] = { inputs->setup_data_bytes, all },
                [EXTENT_EFI_TABLE] = { inputs->efi_table_bytes, all },
                [EXTENT_ELFCOREHDR] = { inputs->elfcorehdr_bytes, all },
                [EXTENT_STATUS_NODE] = { STATUS_HEADER_BYTES, all },
                [EXTENT_STATUS] = { sizeof(PurgatoryStatus), 0 },
                [EXTENT_LEAVES] = { (uint64_t) layout->n_leaves * PURGATORY_DIGEST_BYTES, 0 },
                [EXTENT_BLOCK] = { sizeof(PurgatoryBlock), 0 },
                [EXTENT_PURGATORY] = { inputs->purgatory_bytes, 0 },
        };
        int r;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                r = check_size(layout, role, wanted[role].bytes, wanted[role].targets,
                               reterr_message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_leaves(const Layout *layout, char **reterr_message)
{
        uint64_t n = 0;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *extent = &layout->extents[role];

                if (extent->targets == 0)
                        continue;
                n += extent->bytes / PURGATORY_CHUNK_BYTES +
                     (extent->bytes % PURGATORY_CHUNK_BYTES > 0);
        }
        if (n != layout->n_leaves)
                return REFUSE(reterr_message, "%u leaves, where %" PRIu64 " are needed",
                              layout->n_leaves, n);
        return 0;
}

static void places_add(CheckPlaces *places, const Layout *layout, ExtentRole role, bool mirror)
{
        const LayoutExtent *extent = &layout->extents[role];
        uint64_t start = mirror ? extent->mirror_paddr : extent->paddr;
        uint64_t bytes = extent->bytes;

        if (role == EXTENT_ELFCOREHDR && layout->live_elfcorehdr)
                bytes = mirror ? bytes + PURGATORY_ELF_COPY_OFFSET : extent->room_bytes;
        places->places[places->n++] = (CheckPlace){
                .role = role,
                .mirror = mirror,
                .room = { start, start + extent->room_bytes },
                .content = { start, start + bytes },
        };
}

static CheckPlaces places_list(const Layout *layout)
{
        CheckPlaces places = { 0 };

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                if (layout->extents[role].present)
                        places_add(&places, layout, role, false);
                if (layout->extents[role].mirror_paddr != 0)
                        places_add(&places, layout, role, true);
        }
        return places;
}

/* How far a place may not be off: the crash kernel wants its own at pages, as does e820 what it
 * leaves out. */
static uint64_t alignment_of(const CheckPlace *place, const LayoutInputs *inputs)
{
        switch (place->role) {
        case EXTENT_KERNEL:
                return place->mirror ? CHECK_PAGE_BYTES
                                     : MAX(inputs->kernel_alignment, CHECK_PAGE_BYTES);
        case EXTENT_INITRD:
        case EXTENT_FALLBACK_INITRD:
                return CHECK_PAGE_BYTES;
        case EXTENT_BOOT_PARAMS:
        case EXTENT_FALLBACK_BOOT_PARAMS:
        case EXTENT_ELFCOREHDR:
        case EXTENT_STATUS_NODE:
        case EXTENT_PURGATORY:
                return place->mirror ? WORD_BYTES : CHECK_PAGE_BYTES;
        case EXTENT_LEAVES:
        case EXTENT_BLOCK:
                return 2 * WORD_BYTES;
        default:
                return WORD_BYTES;
        }
}

static int check_place(const Layout *layout, const LayoutInputs *inputs, const CheckPlace *place,
                       char **reterr_message)
{
        uint64_t alignment = alignment_of(place, inputs);
        bool is_kernel = place->role == EXTENT_KERNEL && !place->mirror;

        if (place->room.start < layout->hole.end || place->room.end < place->room.start ||
            place->room.end > layout->area.end)
                return REFUSE(reterr_message, PLACE_FORMAT " is in the hole, or outside the area",
                              PLACE_ARGS(place));
        if (place->content.end > place->room.end)
                return REFUSE(reterr_message, PLACE_FORMAT " has no room for %" PRIu64 " bytes",
                              PLACE_ARGS(place), place->content.end - place->content.start);
        if (place->room.start % alignment != 0)
                return REFUSE(reterr_message, PLACE_FORMAT " is not aligned to %" PRIu64,
                              PLACE_ARGS(place), alignment);
        if (!is_kernel && place->room.start < layout->window.end &&
            layout->window.start < place->room.end)
                return REFUSE(reterr_message, PLACE_FORMAT " is in the window of the kernel",
                              PLACE_ARGS(place));
        return 0;
}

/* The pages that e820 leaves out, or that the kernel may fill. */
static bool keeps_pages(const CheckPlace *place)
{
        return !place->mirror &&
               (place->role == EXTENT_STATUS_NODE || place->role == EXTENT_STATUS ||
                place->role == EXTENT_ELFCOREHDR || place->role == EXTENT_PURGATORY);
}

static bool is_status(const CheckPlace *place)
{
        return !place->mirror &&
               (place->role == EXTENT_STATUS_NODE || place->role == EXTENT_STATUS);
}

static int check_pair(const CheckPlace *a, const CheckPlace *b, char **reterr_message)
{
        Range first = a->room, second = b->room;

        if (range_overlaps(first, second))
                return REFUSE(reterr_message, PLACE_FORMAT " overlaps " PLACE_FORMAT, PLACE_ARGS(a),
                              PLACE_ARGS(b));
        if ((!keeps_pages(a) && !keeps_pages(b)) || (is_status(a) && is_status(b)))
                return 0;
        if (first.start / CHECK_PAGE_BYTES <= (second.end - 1) / CHECK_PAGE_BYTES &&
            second.start / CHECK_PAGE_BYTES <= (first.end - 1) / CHECK_PAGE_BYTES)
                return REFUSE(reterr_message, PLACE_FORMAT " shares a page with " PLACE_FORMAT,
                              PLACE_ARGS(a), PLACE_ARGS(b));
        return 0;
}

static int check_places(const Layout *layout, const LayoutInputs *inputs, const CheckPlaces *places,
                        char **reterr_message)
{
        int r;

        for (size_t i = 0; i < places->n; i++) {
                r = check_place(layout, inputs, &places->places[i], reterr_message);
                if (r < 0)
                        return r;
                for (size_t j = 0; j < i; j++) {
                        r = check_pair(&places->places[i], &places->places[j], reterr_message);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int check_window(const Layout *layout, const LayoutInputs *inputs, char **reterr_message)
{
        const LayoutExtent *kernel = &layout->extents[EXTENT_KERNEL];
        Range window = layout->window;

        if (window.start != kernel->paddr || window.start >= window.end ||
            window.end > layout->area.end || kernel->room_bytes > range_bytes(window))
                return REFUSE(reterr_message,
                              "the window [%#" PRIx64 ", %#" PRIx64
                              ") does not hold the kernel at %#" PRIx64,
                              window.start, window.end, kernel->paddr);
        if (range_bytes(window) < inputs->kernel_init_size_bytes)
                return REFUSE(reterr_message,
                              "the window has %" PRIu64 " bytes, and the kernel needs %" PRIu64,
                              range_bytes(window), inputs->kernel_init_size_bytes);
        if (window.start < inputs->kernel_pref_paddr)
                return REFUSE(reterr_message,
                              "the kernel at %#" PRIx64 " would move itself to %#" PRIx64,
                              window.start, inputs->kernel_pref_paddr);
        return 0;
}

/* What the purgatory, and the crash kernel behind it, take for granted of single extents. */
static int check_purgatory(const Layout *layout, const LoaderFacts *facts, char **reterr_message)
{
        const LayoutExtent *extents = layout->extents;
        const LayoutExtent *headers = &extents[EXTENT_ELFCOREHDR];

        if (layout->entry != extents[EXTENT_PURGATORY].paddr)
                return REFUSE(reterr_message,
                              "the entry %#" PRIx64 " is not the purgatory's %#" PRIx64,
                              layout->entry, extents[EXTENT_PURGATORY].paddr);
        if (extents[EXTENT_STATUS].paddr != extents[EXTENT_STATUS_NODE].paddr + STATUS_HEADER_BYTES)
                return REFUSE(reterr_message, "the status at %#" PRIx64 " is not in its node",
                              extents[EXTENT_STATUS].paddr);
        if (extents[EXTENT_LEAVES].mirror_paddr == 0 || extents[EXTENT_BLOCK].mirror_paddr == 0)
                return REFUSE(reterr_message, "the block or its leaves have no second copy");
        if (extents[EXTENT_STATUS].mirror_paddr != 0 || extents[EXTENT_PURGATORY].mirror_paddr != 0)
                return REFUSE(reterr_message,
                              "what nobody checks or repairs, status and purgatory, has a mirror");
        if (!check_is_page(headers->room_bytes))
                return REFUSE(reterr_message, "the room of the ELF headers is not made of pages");
        if (layout->live_elfcorehdr && (facts->elfcorehdr_room_bytes == 0 ||
                                        headers->room_bytes < facts->elfcorehdr_room_bytes))
                return REFUSE(reterr_message,
                              "the ELF headers have room for %" PRIu64
                              " bytes, and the kernel wants %" PRIu64 " to rewrite them",
                              headers->room_bytes, facts->elfcorehdr_room_bytes);
        return 0;
}

static int check_dropped(const Layout *layout, const LayoutInputs *inputs, char **reterr_message)
{
        static const struct {
                LayoutDropped bit;
                ExtentRole role;
        } mirrors[] = {
                { LAYOUT_DROPPED_INITRD_MIRROR, EXTENT_INITRD },
                { LAYOUT_DROPPED_KERNEL_MIRROR, EXTENT_KERNEL },
        };
        const unsigned all = LAYOUT_DROPPED_INITRD_MIRROR | LAYOUT_DROPPED_KERNEL_MIRROR |
                             LAYOUT_DROPPED_FALLBACK;

        for (size_t i = 0; i < ELEMENTSOF(mirrors); i++)
                if ((layout->dropped & mirrors[i].bit) &&
                    layout->extents[mirrors[i].role].mirror_paddr != 0)
                        return REFUSE(reterr_message, "the mirror of %s was dropped, but is there",
                                      extent_role_to_string(mirrors[i].role));
        if ((layout->dropped & ~all) != 0 ||
            ((layout->dropped & LAYOUT_DROPPED_FALLBACK) && inputs->fallback_initrd_bytes == 0))
                return REFUSE(reterr_message, "%#x cannot have been dropped", layout->dropped);
        if (layout->used_bytes > range_bytes(layout->area))
                return REFUSE(reterr_message,
                              "%" PRIu64 " bytes of an area of %" PRIu64 " are in use",
                              layout->used_bytes, range_bytes(layout->area));
        return 0;
}

/* All later ones rely on sums that do not overflow. */
static int check_numbers(const Layout *layout, const LoaderFacts *facts, char **reterr_message)
{
        if (layout->area.end > PADDR_END || facts->max_paddr > PADDR_END ||
            layout->window.end > PADDR_END || facts->vmcoreinfo.bytes > PADDR_END)
                return REFUSE(reterr_message, "addresses above %#" PRIx64, PADDR_END);
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *extent = &layout->extents[role];

                if (extent->paddr > PADDR_END || extent->mirror_paddr > PADDR_END ||
                    extent->bytes > PADDR_END || extent->room_bytes > PADDR_END)
                        return REFUSE(reterr_message, "%s is above %#" PRIx64,
                                      extent_role_to_string(role), PADDR_END);
        }
        return 0;
}

int layout_check(const Layout *layout, const LoaderFacts *facts, const LayoutInputs *inputs,
                 char **reterr_message)
{
        CheckPlaces places;
        int r;

        r = check_numbers(layout, facts, reterr_message);
        if (r < 0)
                return r;
        r = check_area(layout, facts, reterr_message);
        if (r < 0)
                return r;
        r = check_sizes(layout, inputs, reterr_message);
        if (r < 0)
                return r;
        r = check_leaves(layout, reterr_message);
        if (r < 0)
                return r;
        r = check_window(layout, inputs, reterr_message);
        if (r < 0)
                return r;
        places = places_list(layout);
        r = check_places(layout, inputs, &places, reterr_message);
        if (r < 0)
                return r;
        r = check_purgatory(layout, facts, reterr_message);
        if (r < 0)
                return r;
        r = check_dropped(layout, inputs, reterr_message);
        if (r < 0)
                return r;
        return check_segment_table(layout, facts, &places, reterr_message);
}
