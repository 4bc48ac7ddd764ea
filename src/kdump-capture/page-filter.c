/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the page filter: from page numbers to struct pages in the core, and their classes to bits.
 */
#include <endian.h>

#include "page-filter-internal.h"
#include "strv.h"

/* The struct pages at which one looks to find a folio: its head and the one behind. */
#define PEEK_STRUCTS 2

/* The chunk in which struct pages are read where the memmap is mapped page by page. */
#define CHUNK_BYTES 4096

#define N_WORDS (PAGE_WALK_PAGES / 64)

struct PageFilterReader {
        const Vmcore *vmcore;
        VmcoreView *view; /* the caller's */
        PageFolio folio;  /* the last one that was found to begin in an earlier range */
        PageWalk walk;
        uint64_t entries[CHUNK_BYTES / sizeof(uint64_t)];
        uint8_t chunk[CHUNK_BYTES];
};

/* One range of PAGE_WALK_PAGES pages at most. */
typedef struct Unit {
        const PageFilter *filter;
        PageFilterReader *reader;
        MemmapPlace place;
        uint64_t exists[N_WORDS];
        uint64_t open[N_WORDS];      /* of them: what is not protected */
        uint64_t protected[N_WORDS]; /* and what is */
        const uint64_t *looked_at;   /* one or the other, by these rules */
        const PageRules *rules;
        const uint8_t *pages; /* the struct pages, in a window */
        uint32_t n_unreadable;
} Unit;

int page_filter_reader_new(const Vmcore *vmcore, VmcoreView *view, PageFilterReader **ret)
{
        PageFilterReader *reader = calloc(1, sizeof(*reader));

        if (!reader)
                return -ENOMEM;
        reader->vmcore = vmcore;
        reader->view = view;
        *ret = reader;
        return 0;
}

PageFilterReader *page_filter_reader_free(PageFilterReader *reader)
{
        free(reader);
        return NULL;
}

PageFilter *page_filter_free(PageFilter *filter)
{
        if (!filter)
                return NULL;
        strv_free(filter->warnings);
        free(filter->protected.ranges);
        memmap_free(filter->memmap);
        free(filter);
        return NULL;
}

char *const *page_filter_warnings(const PageFilter *filter)
{
        return filter->warnings;
}

unsigned page_filter_classes(const PageFilter *filter)
{
        return filter->rules.classes;
}

/* The one place that asks for a window; errors as vmcore_view_show(). */
static int window_show(PageFilterReader *reader, uint64_t paddr, size_t size, const uint8_t **ret)
{
        return vmcore_view_show(reader->view, paddr, size, ret);
}

/* Copies PEEK_STRUCTS struct pages from that of @pfn on, which is even. */
static int structs_peek(const PageFilter *filter, PageFilterReader *reader, uint64_t pfn,
                        uint8_t *buf)
{
        const uint32_t struct_bytes = filter->rules.layout.struct_bytes;
        MemmapPlace place = memmap_find(filter->memmap, pfn);
        const size_t size = PEEK_STRUCTS * struct_bytes;
        const uint8_t *window;
        uint64_t entry, in_page;
        int r;

        if (place.state == MEMMAP_TABLE) {
                r = vmcore_read(reader->vmcore, place.paddr, &entry, sizeof(entry));
                if (r < 0)
                        return r;
                if (!memmap_entry(filter->memmap, entry, &place.paddr))
                        return -EFAULT;
                in_page = pfn * struct_bytes % CHUNK_BYTES;
                return vmcore_read(reader->vmcore, place.paddr + in_page, buf, size);
        }
        if (place.state != MEMMAP_MAPPED)
                return -EFAULT;

        in_page = place.paddr % CHUNK_BYTES;
        r = window_show(reader, place.paddr - in_page, CHUNK_BYTES, &window);
        return r < 0 ? r : vmcore_guarded_copy(buf, window + in_page, size);
}

/* Finds the folio that the first page of the walk is in the middle of. */
static void folio_enter(const PageFilter *filter, PageFilterReader *reader)
{
        uint8_t structs[PEEK_STRUCTS * PAGE_LAYOUT_STRUCT_BYTES_MAX];
        PageWalk *walk = &reader->walk;
        uint64_t pfn = walk->first_pfn, head_pfn;

        if (structs_peek(filter, reader, pfn, structs) < 0)
                return;
        head_pfn = page_walk_head(&filter->rules, pfn, structs);
        if (head_pfn == pfn || head_pfn % 2 != 0)
                return;

        /* Gigantic folios have many ranges, most of which follow each other. */
        if (reader->folio.head_pfn != head_pfn || reader->folio.end_pfn <= pfn) {
                if (structs_peek(filter, reader, head_pfn, structs) < 0)
                        return;
                page_walk_enter(&filter->rules, pfn, head_pfn, structs, &reader->folio);
        }
        walk->folio = reader->folio;
}

/* The first bit of @words from @at on that is @set; PAGE_WALK_PAGES if there is none. */
static uint32_t bit_find(const uint64_t *words, uint32_t at, bool set)
{
        while (at < PAGE_WALK_PAGES) {
                uint64_t word = (set ? words[at / 64] : ~words[at / 64]) >> at % 64;

                if (word != 0)
                        return at + (uint32_t) __builtin_ctzll(word);
                at = (at / 64 + 1) * 64;
        }
        return PAGE_WALK_PAGES;
}

/* Goes to the next stretch of pages: first of those that are open, then of those that are
 * protected. Returns false behind the last one. */
static bool unit_next(Unit *unit)
{
        PageWalk *walk = &unit->reader->walk;
        uint32_t start = bit_find(unit->looked_at, walk->end, true);

        if (start == PAGE_WALK_PAGES && unit->looked_at == unit->open) {
                unit->looked_at = unit->protected;
                unit->rules = &unit->filter->protected_rules;
                walk->folio = (PageFolio){};
                start = bit_find(unit->looked_at, 0, true);
        }
        if (start == PAGE_WALK_PAGES)
                return false;
        page_walk_start(walk, start, bit_find(unit->looked_at, start, false));
        return true;
}

static int unit_walk_window(void *data)
{
        Unit *unit = data;

        while (unit_next(unit))
                page_walk(unit->rules, &unit->reader->walk, unit->pages, 0, PAGE_WALK_PAGES);
        return 0;
}

/* As unit_walk_window(), where each page of struct pages is anywhere: they are read when they are
 * needed, which for a hugetlb page is only the first. */
static void unit_walk_chunks(Unit *unit)
{
        const PageFilter *filter = unit->filter;
        PageFilterReader *reader = unit->reader;
        PageWalk *walk = &reader->walk;
        const uint32_t n_in_chunk = CHUNK_BYTES / filter->rules.layout.struct_bytes;
        uint32_t known = UINT32_MAX;

        while (unit_next(unit))
                while (walk->next < walk->end) {
                        uint32_t chunk = walk->next / n_in_chunk, first = chunk * n_in_chunk;
                        uint64_t paddr;

                        if (chunk != known &&
                            (!memmap_entry(filter->memmap, reader->entries[chunk], &paddr) ||
                             vmcore_read(reader->vmcore, paddr, reader->chunk, CHUNK_BYTES) < 0)) {
                                uint32_t stop = MIN(first + n_in_chunk, walk->end);

                                unit->n_unreadable += stop - walk->next;
                                walk->next = stop;
                                continue;
                        }
                        known = chunk;
                        page_walk(unit->rules, walk, reader->chunk, first, n_in_chunk);
                }
}

/* Are the pages of @entries one behind the other? Sets where they begin. */
static bool entries_contiguous(const PageFilter *filter, const uint64_t *entries, size_t n,
                               uint64_t *ret_paddr)
{
        uint64_t first, paddr;

        if (!memmap_entry(filter->memmap, entries[0], &first))
                return false;
        for (size_t i = 1; i < n; i++)
                if (!memmap_entry(filter->memmap, entries[i], &paddr) ||
                    paddr != first + i * CHUNK_BYTES)
                        return false;
        *ret_paddr = first;
        return true;
}

/* Fills the walk. On failure nothing of it counts. */
static int unit_walk(Unit *unit)
{
        const PageFilter *filter = unit->filter;
        PageFilterReader *reader = unit->reader;
        const size_t bytes = (size_t) PAGE_WALK_PAGES * filter->rules.layout.struct_bytes;
        const size_t n_entries = bytes / CHUNK_BYTES;
        uint64_t paddr = unit->place.paddr;
        int r;

        if (unit->exists[0] & 1)
                folio_enter(filter, reader);

        if (unit->place.state == MEMMAP_TABLE) {
                r = vmcore_read(reader->vmcore, paddr, reader->entries,
                                n_entries * sizeof(uint64_t));
                if (r < 0)
                        return r;
                if (!entries_contiguous(filter, reader->entries, n_entries, &paddr)) {
                        unit_walk_chunks(unit);
                        return 0;
                }
        }
        r = window_show(reader, paddr, bytes, &unit->pages);
        if (r < 0)
                return r;
        return vmcore_guarded(unit_walk_window, unit);
}

static void unit_protect(Unit *unit, uint64_t first_pfn)
{
        const PfnRanges *protected = &unit->filter->protected;
        const uint64_t end_pfn = first_pfn + PAGE_WALK_PAGES;

        memset(unit->protected, 0, sizeof(unit->protected));
        for (size_t i = pfn_ranges_find(protected, first_pfn);
             i < protected->n && protected->ranges[i].first_pfn < end_pfn; i++) {
                uint64_t pfn = MAX(protected->ranges[i].first_pfn, first_pfn);
                uint64_t stop = MIN(protected->ranges[i].end_pfn, end_pfn);

                for (; pfn < stop; pfn++)
                        unit->protected[(pfn - first_pfn) / 64] |= UINT64_C(1)
                                                                   << (pfn - first_pfn) % 64;
        }
        for (size_t i = 0; i < N_WORDS; i++) {
                unit->open[i] = unit->exists[i] & ~unit->protected[i];
                unit->protected[i] &= unit->exists[i];
        }
        unit->looked_at = unit->open;
        unit->rules = &unit->filter->rules;
}

static uint64_t words_count(const uint64_t *words)
{
        uint64_t n = 0;

        for (size_t i = 0; i < N_WORDS; i++)
                n += (uint64_t) __builtin_popcountll(words[i]);
        return n;
}

/* Sets what is left out in the reader's walk. */
static void unit_classify(Unit *unit, uint64_t first_pfn)
{
        const PageFilter *filter = unit->filter;
        PageWalk *walk = &unit->reader->walk;

        memset(walk, 0, sizeof(*walk));
        walk->first_pfn = first_pfn;
        unit_protect(unit, first_pfn);
        unit->place = memmap_find(filter->memmap, first_pfn);

        switch (unit->place.state) {
        case MEMMAP_OFFLINE:
                if (filter->level == 0)
                        break;
                memcpy(walk->excluded, unit->open, sizeof(walk->excluded));
                walk->n_pages[PAGE_OFFLINE] = words_count(unit->open);
                break;
        case MEMMAP_MAPPED:
        case MEMMAP_TABLE:
                if (filter->rules.classes == 0 || unit_walk(unit) >= 0)
                        break;
                memset(walk->excluded, 0, sizeof(walk->excluded));
                memset(walk->n_pages, 0, sizeof(walk->n_pages));
                unit->n_unreadable = (uint32_t) words_count(unit->exists);
                break;
        case MEMMAP_ABSENT:
                unit->n_unreadable = (uint32_t) words_count(unit->exists);
                break;
        }
}

int page_filter_classify(const PageFilter *filter, PageFilterReader *reader, uint64_t first_pfn,
                         size_t n_pages, uint8_t *bits, PageCounts *counts)
{
        if (first_pfn % PAGE_FILTER_ALIGN_PAGES != 0)
                return -EINVAL;

        while (n_pages > 0) {
                size_t n = MIN(n_pages, (size_t) PAGE_WALK_PAGES), n_bytes = DIV_ROUND_UP(n, 8);
                Unit unit = { .filter = filter, .reader = reader };
                const PageWalk *walk = &reader->walk;
                uint64_t n_exist, n_excluded = 0;

                memcpy(unit.exists, bits, n_bytes);
                for (size_t i = 0; i < N_WORDS; i++)
                        unit.exists[i] = le64toh(unit.exists[i]);
                n_exist = words_count(unit.exists);
                if (n_exist > 0) {
                        unit_classify(&unit, first_pfn);
                        for (size_t i = 0; i < N_WORDS; i++)
                                unit.exists[i] = htole64(unit.exists[i] & ~walk->excluded[i]);
                        memcpy(bits, unit.exists, n_bytes);

                        for (size_t i = 0; i < _PAGE_CLASS_MAX; i++) {
                                counts->n_pages[i] += walk->n_pages[i];
                                n_excluded += walk->n_pages[i];
                        }
                        counts->n_pages[PAGE_KEPT] += n_exist - n_excluded;
                        counts->n_unreadable += unit.n_unreadable;
                }

                first_pfn += n;
                bits += n_bytes;
                n_pages -= n;
        }
        return 0;
}
