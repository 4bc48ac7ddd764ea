/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the proof of the segments: what the kernel refuses, and what they must have inside. */
#include "layout-check-internal.h"

#define TIB (UINT64_C(1) << 40)

/* arch/x86/kernel/machine_kexec_64.c: machine_kexec_prepare() maps all RAM with a page of entries
 * for each level, at least one for 512 GiB and one for each GiB that is not mapped by one entry;
 * kernel/kexec.c: control code, and a copy of VMCOREINFO. Eight are for what there is once, and for
 * what begins in one part and ends in the next. */
static uint64_t hole_bytes_min(const LoaderFacts *facts)
{
        uint64_t end = facts->max_paddr, n_pages = 8;

        if (end <= TIB || !facts->gb_pages) {
                n_pages += end / TIB * 1024 + end % TIB / (TIB / 1024);
        } else {
                n_pages = 64;
                for (size_t i = 0; i < facts->n_map; i++)
                        if (facts->map[i].kind == MEMORY_ACPI || facts->map[i].kind == MEMORY_NVS)
                                n_pages += 2;
                for (size_t i = 0; i < facts->ram.n; i++)
                        n_pages += 2;
                for (size_t i = 0; i < facts->efi.n_ranges; i++)
                        n_pages += 2;
        }
        n_pages += end / (TIB / 2);
        n_pages += facts->vmcoreinfo.bytes <= CHECK_PAGE_BYTES
                           ? 1
                           : (facts->vmcoreinfo.bytes - 1) / CHECK_PAGE_BYTES + 1;
        return n_pages < 256 ? 256 * CHECK_PAGE_BYTES : n_pages * CHECK_PAGE_BYTES;
}

int check_area(const Layout *layout, const LoaderFacts *facts, char **reterr_message)
{
        Range area = layout->area, hole = layout->hole;

        if (area.start != facts->crash.start || area.end != facts->crash.end ||
            area.start >= area.end || !check_is_page(area.start | area.end))
                return REFUSE(reterr_message,
                              "the area [%#" PRIx64 ", %#" PRIx64
                              ") is not the reserved one, [%#" PRIx64 ", %#" PRIx64 ")",
                              area.start, area.end, facts->crash.start, facts->crash.end);
        if (hole.start != area.start || hole.end > area.end || hole.end < hole.start ||
            !check_is_page(hole.end))
                return REFUSE(reterr_message,
                              "the hole [%#" PRIx64 ", %#" PRIx64
                              ") is not made of the first pages of the area",
                              hole.start, hole.end);
        if (range_bytes(hole) < hole_bytes_min(facts))
                return REFUSE(reterr_message,
                              "the hole has %" PRIu64 " bytes, and the kernel may need %" PRIu64
                              " for its tables",
                              range_bytes(hole), hole_bytes_min(facts));
        return 0;
}

static int check_kernel_rule(const LoaderFacts *facts, const LayoutCheckSegment *segment,
                             char **reterr_message)
{
        Range range = segment->range;
        uint64_t n_pages_max = facts->mem_total_bytes / CHECK_PAGE_BYTES / 2;

        if (range.start >= range.end || !check_is_page(range.start | range.end))
                return REFUSE(reterr_message,
                              "segment [%#" PRIx64 ", %#" PRIx64 ") is not made of pages",
                              range.start, range.end);
        if (range.start < facts->crash.start || range.end > facts->crash.end)
                return REFUSE(reterr_message,
                              "segment [%#" PRIx64 ", %#" PRIx64 ") is outside the area",
                              range.start, range.end);
        if (segment->buffer_bytes > range.end - range.start)
                return REFUSE(reterr_message,
                              "segment [%#" PRIx64 ", %#" PRIx64 ") has no room for %" PRIu64
                              " bytes",
                              range.start, range.end, segment->buffer_bytes);
        if ((range.end - range.start) / CHECK_PAGE_BYTES > n_pages_max)
                return REFUSE(reterr_message,
                              "segment [%#" PRIx64 ", %#" PRIx64
                              ") is more than half of the memory",
                              range.start, range.end);
        return 0;
}

int check_kernel_rules(const LoaderFacts *facts, const LayoutCheckSegment *segments, size_t n,
                       char **reterr_message)
{
        uint64_t n_pages = 0;
        int r;

        if (n == 0 || n > LAYOUT_SEGMENTS_MAX)
                return REFUSE(reterr_message, "%zu segments, and the kernel takes 1 to %d", n,
                              LAYOUT_SEGMENTS_MAX);
        for (size_t i = 0; i < n; i++) {
                r = check_kernel_rule(facts, &segments[i], reterr_message);
                if (r < 0)
                        return r;
                n_pages += (segments[i].range.end - segments[i].range.start) / CHECK_PAGE_BYTES;
                for (size_t j = 0; j < i; j++)
                        if (segments[j].range.start < segments[i].range.end &&
                            segments[i].range.start < segments[j].range.end)
                                return REFUSE(reterr_message,
                                              "segments overlap at %#" PRIx64 " and %#" PRIx64,
                                              segments[j].range.start, segments[i].range.start);
        }
        if (n_pages > facts->mem_total_bytes / CHECK_PAGE_BYTES / 2)
                return REFUSE(reterr_message,
                              "all segments have %" PRIu64
                              " pages, more than half of the memory of %" PRIu64 " bytes",
                              n_pages, facts->mem_total_bytes);
        return 0;
}

static bool is_inside(Range range, const CheckPlace *place)
{
        return range.start <= place->content.start && place->content.end <= range.end;
}

/* Is what is in it loaded again by a sparse load? */
static bool is_small(const CheckPlace *place)
{
        return place->role != EXTENT_KERNEL && place->role != EXTENT_INITRD &&
               place->role != EXTENT_FALLBACK_INITRD;
}

static int check_place_is_loaded(const Layout *layout, const CheckPlace *place,
                                 char **reterr_message)
{
        size_t n_whole = 0, n_parts = 0;

        for (size_t i = 0; i < layout->n_segments; i++) {
                const LayoutSegment *segment = &layout->segments[i];

                if (place->content.start < segment->range.end &&
                    segment->range.start < place->content.end)
                        n_parts++;
                if (!is_inside(segment->range, place))
                        continue;
                n_whole++;
                if (segment->small != is_small(place))
                        return REFUSE(reterr_message,
                                      PLACE_FORMAT " is in a segment that is%s loaded each time",
                                      PLACE_ARGS(place), segment->small ? "" : " not");
        }
        if (n_whole != 1 || n_parts != 1)
                return REFUSE(reterr_message,
                              PLACE_FORMAT " is whole in %zu segments, and in part in %zu",
                              PLACE_ARGS(place), n_whole, n_parts);
        return 0;
}

/* The end of the last page of content that begins at or before @paddr, if any of it is behind. */
static uint64_t content_pages_end(const CheckPlaces *places, Range segment, uint64_t paddr)
{
        uint64_t end = paddr;

        for (size_t i = 0; i < places->n; i++) {
                const CheckPlace *place = &places->places[i];

                if (is_inside(segment, place) &&
                    place->content.start / CHECK_PAGE_BYTES <= paddr / CHECK_PAGE_BYTES)
                        end = MAX(end, (place->content.end + CHECK_PAGE_BYTES - 1) /
                                               CHECK_PAGE_BYTES * CHECK_PAGE_BYTES);
        }
        return end;
}

/* Each of its pages has some content: others the kernel would fill with zeros, while nothing is
 * armed. */
static int check_segment_is_tight(const LayoutSegment *segment, const CheckPlaces *places,
                                  char **reterr_message)
{
        uint64_t paddr = segment->range.start;

        while (paddr < segment->range.end) {
                uint64_t end = content_pages_end(places, segment->range, paddr);

                if (end == paddr)
                        return REFUSE(reterr_message,
                                      "segment [%#" PRIx64 ", %#" PRIx64
                                      ") has no content in the page at %#" PRIx64,
                                      segment->range.start, segment->range.end, paddr);
                paddr = end;
        }
        return 0;
}

/* The headers are alone in the segment that begins with them, and no other begins with a copy: the
 * kernel takes the last that begins with the magic of ELF for what it has to rewrite. */
static int check_headers_segment(const Layout *layout, const LayoutSegment *segment,
                                 const CheckPlaces *places, char **reterr_message)
{
        const LayoutExtent *headers = &layout->extents[EXTENT_ELFCOREHDR];
        size_t n = 0;

        for (size_t i = 0; i < places->n; i++)
                n += is_inside(segment->range, &places->places[i]);
        if (headers->mirror_paddr == segment->range.start)
                return REFUSE(reterr_message,
                              "the segment at %#" PRIx64 " begins with a copy of the ELF headers",
                              segment->range.start);
        if (headers->paddr >= segment->range.start && headers->paddr < segment->range.end &&
            (headers->paddr != segment->range.start || n != 1))
                return REFUSE(reterr_message,
                              "the ELF headers at %#" PRIx64 " share the segment at %#" PRIx64,
                              headers->paddr, segment->range.start);
        return 0;
}

int check_segment_table(const Layout *layout, const LoaderFacts *facts, const CheckPlaces *places,
                        char **reterr_message)
{
        LayoutCheckSegment segments[LAYOUT_SEGMENTS_MAX] = { 0 };
        int r;

        for (size_t i = 0; i < layout->n_segments && i < LAYOUT_SEGMENTS_MAX; i++)
                segments[i].range = layout->segments[i].range;
        r = check_kernel_rules(facts, segments, layout->n_segments, reterr_message);
        if (r < 0)
                return r;

        for (size_t i = 0; i < layout->n_segments; i++) {
                if (i > 0 && segments[i].range.start < segments[i - 1].range.start)
                        return REFUSE(reterr_message, "the segments are not sorted");
                if (segments[i].range.start < layout->hole.end)
                        return REFUSE(reterr_message,
                                      "segment [%#" PRIx64 ", %#" PRIx64 ") is in the hole",
                                      segments[i].range.start, segments[i].range.end);
                r = check_segment_is_tight(&layout->segments[i], places, reterr_message);
                if (r < 0)
                        return r;
                r = check_headers_segment(layout, &layout->segments[i], places, reterr_message);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < places->n; i++) {
                r = check_place_is_loaded(layout, &places->places[i], reterr_message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const LayoutSegment *find_segment(const Layout *layout, Range range)
{
        for (size_t i = 0; i < layout->n_segments; i++)
                if (layout->segments[i].range.start == range.start &&
                    layout->segments[i].range.end == range.end)
                        return &layout->segments[i];
        return NULL;
}

/* Of the extents that begin in it and are no mirrors, the end of the last. */
static uint64_t content_end(const Layout *layout, Range range)
{
        uint64_t end = range.start;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *extent = &layout->extents[role];
                uint64_t skipped = role == EXTENT_ELFCOREHDR && layout->live_elfcorehdr
                                           ? PURGATORY_ELF_COPY_OFFSET
                                           : 0;

                if (extent->present && extent->paddr >= range.start && extent->paddr < range.end)
                        end = MAX(end, extent->paddr + extent->bytes);
                if (extent->present && extent->mirror_paddr >= range.start &&
                    extent->mirror_paddr < range.end)
                        end = MAX(end, extent->mirror_paddr + skipped + extent->bytes);
        }
        return end;
}

/* All of the small ones, and of the big ones all or none: a part of them would be a full load that
 * forgets something. */
static int check_is_full_or_sparse(const Layout *layout, size_t n, size_t n_small,
                                   char **reterr_message)
{
        size_t n_small_all = 0;

        for (size_t i = 0; i < layout->n_segments; i++)
                n_small_all += layout->segments[i].small;
        if (n_small != n_small_all || (n != layout->n_segments && n != n_small_all))
                return REFUSE(reterr_message,
                              "%zu segments, %zu of them small, are neither all %zu nor the %zu "
                              "small ones",
                              n, n_small, layout->n_segments, n_small_all);
        return 0;
}

static int check_entry(const Layout *layout, const LayoutCheckSegment *segments, size_t n,
                       uint64_t entry, char **reterr_message)
{
        const LayoutExtent *purgatory = &layout->extents[EXTENT_PURGATORY];
        size_t n_entries = 0;

        for (size_t i = 0; i < n; i++)
                n_entries += segments[i].range.start <= entry && entry < segments[i].range.end;
        if (entry != layout->entry || entry != purgatory->paddr || n_entries != 1)
                return REFUSE(reterr_message,
                              "the entry %#" PRIx64 " is not the purgatory's %#" PRIx64
                              ", or is not loaded",
                              entry, purgatory->paddr);
        return 0;
}

static int check_call(const Layout *layout, const LoaderFacts *facts,
                      const LayoutCheckSegment *segments, size_t n, uint64_t entry,
                      char **reterr_message)
{
        int r;

        r = check_area(layout, facts, reterr_message);
        if (r < 0)
                return r;
        r = check_kernel_rules(facts, segments, n, reterr_message);
        if (r < 0)
                return r;
        if (layout->n_segments > LAYOUT_SEGMENTS_MAX)
                return REFUSE(reterr_message, "the layout has %zu segments", layout->n_segments);
        return check_entry(layout, segments, n, entry, reterr_message);
}

/* All of the content that is in it is copied. */
static int check_copied(const Layout *layout, const LayoutSegment *segment,
                        const LayoutCheckSegment *part, char **reterr_message)
{
        uint64_t end = MIN(content_end(layout, segment->range), part->range.end);

        if (part->range.start + part->buffer_bytes < end)
                return REFUSE(reterr_message,
                              "of segment [%#" PRIx64 ", %#" PRIx64 ") only %" PRIu64
                              " bytes are to be copied",
                              part->range.start, part->range.end, part->buffer_bytes);
        return 0;
}

int layout_check_segments(const Layout *layout, const LoaderFacts *facts,
                          const LayoutCheckSegment *segments, size_t n, uint64_t entry,
                          char **reterr_message)
{
        size_t n_small = 0;
        int r;

        r = check_call(layout, facts, segments, n, entry, reterr_message);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                Range range = segments[i].range;
                const LayoutSegment *segment = find_segment(layout, range);

                if (!segment || range.start < layout->hole.end)
                        return REFUSE(reterr_message,
                                      "segment [%#" PRIx64 ", %#" PRIx64 ") is not of the layout",
                                      range.start, range.end);
                r = check_copied(layout, segment, &segments[i], reterr_message);
                if (r < 0)
                        return r;
                n_small += segment->small;
        }
        return check_is_full_or_sparse(layout, n, n_small, reterr_message);
}

/* The one that all of @range is in. */
static const LayoutSegment *find_whole(const Layout *layout, Range range)
{
        for (size_t i = 0; i < layout->n_segments; i++)
                if (range_contains(layout->segments[i].range, range))
                        return &layout->segments[i];
        return NULL;
}

int layout_check_parts(const Layout *layout, const LoaderFacts *facts,
                       const LayoutCheckSegment *segments, size_t n, uint64_t entry,
                       char **reterr_message)
{
        size_t n_small = 0, n_small_all = 0;
        int r;

        r = check_call(layout, facts, segments, n, entry, reterr_message);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                Range range = segments[i].range;
                const LayoutSegment *segment = find_whole(layout, range);

                if (!segment || range.start < layout->hole.end ||
                    (segment->small && !find_segment(layout, range)))
                        return REFUSE(reterr_message,
                                      "part [%#" PRIx64 ", %#" PRIx64 ") is not of the layout",
                                      range.start, range.end);
                if (i > 0 && segments[i - 1].range.end > range.start)
                        return REFUSE(reterr_message, "the parts are not sorted");
                r = check_copied(layout, segment, &segments[i], reterr_message);
                if (r < 0)
                        return r;
                n_small += segment->small;
        }
        for (size_t i = 0; i < layout->n_segments; i++)
                n_small_all += layout->segments[i].small;
        if (n_small != n_small_all)
                return REFUSE(reterr_message, "of %zu small segments %zu are listed", n_small_all,
                              n_small);
        /* A part may begin with anything, also with what the kernel takes for the headers that it
         * is to rewrite: the last one that does. */
        if (layout->live_elfcorehdr &&
            segments[n - 1].range.start != layout->extents[EXTENT_ELFCOREHDR].paddr)
                return REFUSE(reterr_message, "the ELF headers are not in the last segment");
        return 0;
}
