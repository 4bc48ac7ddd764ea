/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice of which pages make a segment, and that there are not too many. */
#include "dump-segments.h"

#include "bits.h"

/* As in dump-units: 256 TiB of 4 KiB pages. */
#define PAGES_MAX (UINT64_C(1) << 36)

#define CHUNK_PFNS (4 * PAGE_SOURCE_ALIGN_PFNS)
#define PROBE_BYTES ((size_t) 1 << 20)

/* Readers look for a page in one segment after the other. Above this many they are joined across
 * small gaps, as makedumpfile does below PFN_EXCLUDED (makedumpfile.h); above that size, only when
 * there is no room for more. */
#define SEGMENTS_HANDY ((size_t) 8192)
#define GAP_PAGES_SMALL 256

typedef struct Finder {
        const PageSource *source;
        void *reader;
        size_t n_max;
        const DumpSegmentsProgress *progress;
        DumpSegments *segments;
        uint64_t end_pfn;   /* behind the last segment */
        bool apart;         /* the next one is */
        uint64_t n_visited; /* pages that are memory */

        const uint8_t *window; /* that is touched */
        size_t window_pages, window_next;
} Finder;

void dump_segments_done(DumpSegments *segments)
{
        free(segments->items);
        *segments = (DumpSegments){};
}

static void segments_join(DumpSegments *segments)
{
        size_t n = 0;

        for (size_t i = 0; i < segments->n_items; i++) {
                const DumpSegment *from = &segments->items[i];
                DumpSegment *last = n > 0 ? &segments->items[n - 1] : NULL;

                if (last && !from->apart &&
                    from->first_pfn - (last->first_pfn + last->n_pages) < segments->gap_pages)
                        last->n_pages = from->first_pfn + from->n_pages - last->first_pfn;
                else
                        segments->items[n++] = *from;
        }
        segments->n_items = n;
}

/* Makes room for one more, if need be by wider gaps. false: there is none. */
static bool finder_make_room(Finder *finder)
{
        DumpSegments *segments = finder->segments;

        for (;;) {
                size_t n_max = segments->gap_pages < GAP_PAGES_SMALL
                                       ? MIN(SEGMENTS_HANDY, finder->n_max)
                                       : finder->n_max;

                if (segments->n_items < n_max)
                        return true;
                if (segments->gap_pages > finder->source->end_pfn)
                        return false;
                segments->gap_pages *= 2;
                segments_join(segments);
        }
}

static int segments_append(DumpSegments *segments, const DumpSegment *segment)
{
        if (segments->n_items == segments->n_allocated) {
                size_t n = MAX(segments->n_allocated * 2, (size_t) 64);
                DumpSegment *items = reallocarray(segments->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                segments->items = items;
                segments->n_allocated = n;
        }
        segments->items[segments->n_items++] = *segment;
        return 0;
}

static bool finder_extend(Finder *finder, uint64_t first_pfn, uint64_t n_pages)
{
        DumpSegments *segments = finder->segments;
        DumpSegment *last;

        if (segments->n_items == 0 || finder->apart ||
            first_pfn - finder->end_pfn >= segments->gap_pages)
                return false;
        last = &segments->items[segments->n_items - 1];
        last->n_pages = first_pfn + n_pages - last->first_pfn;
        finder->end_pfn = first_pfn + n_pages;
        return true;
}

static void finder_miss(Finder *finder, uint64_t pfn, uint64_t n_pages)
{
        const PageSource *source = finder->source;

        for (uint64_t i = 0; source->missing && i < n_pages; i++)
                source->missing(source->data, pfn + i);
        finder->segments->n_missing += n_pages;
        finder->apart = true;
}

/* Pages that can be read and belong to the dump. */
static int finder_add(Finder *finder, uint64_t first_pfn, uint64_t n_pages)
{
        DumpSegment segment = { .first_pfn = first_pfn, .n_pages = n_pages };
        int r;

        if (n_pages == 0 || finder_extend(finder, first_pfn, n_pages))
                return 0;
        if (!finder_make_room(finder)) {
                finder_miss(finder, first_pfn, n_pages);
                return 0;
        }
        if (finder_extend(finder, first_pfn, n_pages)) /* across a gap that is small now */
                return 0;
        segment.apart = finder->apart;
        r = segments_append(finder->segments, &segment);
        if (r < 0)
                return r;
        finder->apart = false;
        finder->end_pfn = first_pfn + n_pages;
        return 0;
}

static int touch(void *data)
{
        Finder *finder = data;
        size_t page_bytes = finder->source->page_size_bytes;

        for (; finder->window_next < finder->window_pages; finder->window_next++)
                (void) *(const volatile uint8_t *) (finder->window +
                                                    finder->window_next * page_bytes);
        return 0;
}

/* Touches @shown pages of a window: *ret_n of them are readable, the next, if there is one, not. */
static void finder_touch(Finder *finder, size_t shown, size_t *ret_n)
{
        finder->window_next = 0;
        finder->window_pages = shown;
        (void) finder->source->guarded(touch, finder);
        *ret_n = finder->window_next;
}

/* Pages that are all to be written: those that can be read make segments. */
static int finder_probe(Finder *finder, uint64_t pfn, uint64_t n_pages)
{
        const PageSource *source = finder->source;
        size_t ask_max = MAX(PROBE_BYTES / source->page_size_bytes, (size_t) 1), ask = ask_max;
        int r;

        finder->segments->n_pages += n_pages;
        while (n_pages > 0) {
                size_t shown = 0, n = 0;

                ask = (size_t) MIN((uint64_t) ask, n_pages);
                if (source->window(finder->reader, pfn, ask, &finder->window, &shown) >= 0) {
                        finder_touch(finder, shown, &n);
                        ask = MIN(ask * 2, ask_max);
                } else if (ask > 1) {
                        ask /= 2;
                        continue;
                } else
                        shown = 1;

                r = finder_add(finder, pfn, n);
                if (r < 0)
                        return r;
                if (n < shown)
                        finder_miss(finder, pfn + n++, 1);
                pfn += n;
                n_pages -= n;
        }
        return 0;
}

/* Pages @i to @end of a chunk, all of them memory. */
static int finder_stretch(Finder *finder, uint64_t chunk_pfn, const uint8_t *dumpable, size_t i,
                          size_t end)
{
        size_t start;
        int r;

        finder->n_visited += end - i;
        for (;;) {
                start = bits_find(dumpable, i, end, true);
                if (start == end)
                        return 0;
                i = bits_find(dumpable, start, end, false);
                r = finder_probe(finder, chunk_pfn + start, i - start);
                if (r < 0)
                        return r;
        }
}

/* The pages of one chunk, which is @n_pfns long. */
static int finder_chunk(Finder *finder, uint64_t first_pfn, size_t n_pfns)
{
        uint8_t exists[CHUNK_PFNS / 8], dumpable[CHUNK_PFNS / 8];
        size_t start, end = 0;
        int r;

        finder->source->exists(finder->source->data, first_pfn, n_pfns, exists);
        finder->source->dumpable(finder->reader, first_pfn, n_pfns, dumpable);
        for (;;) {
                start = bits_find(exists, end, n_pfns, true);
                if (start > end)
                        finder->apart = true;
                if (start == n_pfns)
                        return finder->n_visited <= PAGES_MAX ? 0 : -EINVAL;
                end = bits_find(exists, start, n_pfns, false);
                r = finder_stretch(finder, first_pfn, dumpable, start, end);
                if (r < 0)
                        return r;
        }
}

static int finder_run(Finder *finder)
{
        const PageSource *source = finder->source;
        uint64_t at = 0;
        int r;

        for (;;) {
                uint64_t pfn = source->next(source->data, at);
                size_t n;

                if (pfn >= source->end_pfn)
                        return 0;
                if (pfn - pfn % PAGE_SOURCE_ALIGN_PFNS > at)
                        finder->apart = true;
                at = pfn - pfn % PAGE_SOURCE_ALIGN_PFNS;
                n = (size_t) MIN((uint64_t) CHUNK_PFNS, source->end_pfn - at);
                r = finder_chunk(finder, at, n);
                if (r >= 0 && finder->progress->fn)
                        r = finder->progress->fn(finder->progress->data, finder->n_visited);
                if (r < 0)
                        return r;
                at += n;
                if (at >= source->end_pfn)
                        return 0;
        }
}

int dump_segments_find(const PageSource *source, void *reader, size_t n_max,
                       const DumpSegmentsProgress *progress, DumpSegments *ret)
{
        _cleanup_(dump_segments_done) DumpSegments segments = { .gap_pages = 1 };
        Finder finder = {
                .source = source,
                .reader = reader,
                .n_max = n_max,
                .progress = progress,
                .segments = &segments,
        };
        int r;

        r = finder_run(&finder);
        if (r < 0)
                return r;
        *ret = segments;
        segments = (DumpSegments){};
        return 0;
}
