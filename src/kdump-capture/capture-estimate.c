/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the estimate of a dump: pages by the levels that keep them, and how some of each kind
 * shrink.
 */
#include "capture-estimate.h"

#include <endian.h>

#include "core-collector.h"
#include "io.h"
#include "parse.h"

#define UNIT_PFNS PAGE_FILTER_ALIGN_PAGES
#define UNIT_WORDS (UNIT_PFNS / 64)

/* Bits of a level that can be told apart, when bit 1 is not about what a page is for, and 4 implies
 * 2: 3 times 2 times 2. */
#define SETS_MAX 12

/* Pages that the same sets keep: one for each class of pages, and one for those that all keep. */
#define KINDS_MAX 32

typedef struct LevelSet {
        unsigned level;     /* as level_reduce() */
        PageFilter *filter; /* NULL: nothing can be decided, all is kept */
        PageFilterReader *reader;
        uint64_t kept[UNIT_WORDS]; /* in the unit at hand; lowest bit first */
} LevelSet;

typedef struct PageKind {
        uint32_t sets; /* that keep it, one bit each */
        uint64_t n_pages;

        /* For the second pass: pages are numbered as they come. */
        uint64_t step, next, at;

        uint64_t n_sampled, n_zero, n_unreadable;
        uint64_t data_bytes, cpu_nsec; /* of those sampled */
} PageKind;

typedef struct Estimator {
        CaptureSource *source;
        const EstimateRequest *request;
        PageSource pages;
        void *reader; /* of @pages */
        VmcoreView *view;
        LevelSet sets[SETS_MAX];
        size_t n_sets;
        PageKind kinds[KINDS_MAX];
        size_t n_kinds;
        CaptureCounts counts; /* of the last set */

        uint64_t present[UNIT_WORDS]; /* pages of the unit at hand that could be in a dump */
        void *codec;
        uint8_t *page, *out;
} Estimator;

/* Of the 64 pages from @first_pfn on, those of @bits are of @kind. */
typedef void (*VisitFn)(Estimator *estimator, PageKind *kind, uint64_t first_pfn, uint64_t bits);

static unsigned level_reduce(unsigned level)
{
        return (level & ~1U) | (level & 4 ? 2U : 0);
}

static int level_compare(const void *a, const void *b)
{
        const LevelSet *x = a, *y = b;

        return (x->level > y->level) - (x->level < y->level);
}

static LevelSet *set_find(Estimator *estimator, unsigned level)
{
        for (size_t i = 0; i < estimator->n_sets; i++)
                if (estimator->sets[i].level == level_reduce(level))
                        return &estimator->sets[i];
        return NULL;
}

static void set_add(Estimator *estimator, unsigned level)
{
        if (!set_find(estimator, level))
                estimator->sets[estimator->n_sets++].level = level_reduce(level);
}

/* Without words: what cannot be decided here cannot be decided for the last set, either. */
static int set_open(Estimator *estimator, LevelSet *set, bool last)
{
        CaptureSource *source = estimator->source;
        _cleanup_free_ char *message = NULL;
        int r;

        if (last) {
                (void) capture_source_filter(source, set->level);
                set->filter = TAKE_PTR(source->filter);
        } else if (source->info && source->kmem)
                (void) page_filter_new(source->vmcore, source->kmem, source->info,
                                       source->page_size_bytes, set->level, &set->filter, &message);
        if (!set->filter)
                return 0;
        r = page_filter_reader_new(source->vmcore, estimator->view, &set->reader);
        return MIN(r, 0);
}

/* Fills in the sets, from that which leaves out least to that which leaves out most. */
static int sets_open(Estimator *estimator)
{
        const EstimateRequest *request = estimator->request;
        unsigned all = 0;
        int r = 0;

        for (size_t i = 0; i < request->n_levels; i++) {
                if (request->levels[i] > DUMP_LEVEL_MAX)
                        return -EINVAL;
                all |= request->levels[i];
                set_add(estimator, request->levels[i]);
        }
        set_add(estimator, all);
        qsort(estimator->sets, estimator->n_sets, sizeof(estimator->sets[0]), level_compare);
        for (size_t i = 0; i < estimator->n_sets && r >= 0; i++)
                r = set_open(estimator, &estimator->sets[i], i + 1 == estimator->n_sets);
        return r;
}

static void words_load(uint64_t words[UNIT_WORDS])
{
        for (size_t i = 0; i < UNIT_WORDS; i++)
                words[i] = le64toh(words[i]);
}

/* Takes memory from @words that no dump will have. */
static void unit_reserve(const EstimateRequest *request, uint64_t first_pfn,
                         uint64_t words[UNIT_WORDS])
{
        for (size_t i = 0; i < request->n_reserved; i++) {
                uint64_t pfn = MAX(request->reserved[i].first_pfn, first_pfn);
                uint64_t end_pfn = MIN(request->reserved[i].end_pfn, first_pfn + UNIT_PFNS);

                for (; pfn < end_pfn; pfn++)
                        words[(pfn - first_pfn) / 64] &= ~(UINT64_C(1) << (pfn - first_pfn) % 64);
        }
}

/* Fills in what of a unit is there, and what each set keeps of it. The filter must see pages that a
 * saved dump has left out, too: what is behind them depends on them. */
static void unit_load(Estimator *estimator, uint64_t first_pfn, size_t n_pfns)
{
        uint64_t exists[UNIT_WORDS] = {}, present[UNIT_WORDS];

        memset(estimator->present, 0, sizeof(estimator->present));
        estimator->pages.exists(estimator->pages.data, first_pfn, n_pfns, (uint8_t *) exists);
        estimator->pages.dumpable(estimator->reader, first_pfn, n_pfns,
                                  (uint8_t *) estimator->present);
        words_load(estimator->present);
        memcpy(present, estimator->present, sizeof(present));
        unit_reserve(estimator->request, first_pfn, estimator->present);

        for (size_t i = 0; i < estimator->n_sets; i++) {
                LevelSet *set = &estimator->sets[i];
                CaptureCounts *sum = &estimator->counts;
                PageCounts counts = {};

                memcpy(set->kept, exists, sizeof(set->kept));
                if (set->filter)
                        (void) page_filter_classify(set->filter, set->reader, first_pfn, n_pfns,
                                                    (uint8_t *) set->kept, &counts);
                words_load(set->kept);
                if (i + 1 < estimator->n_sets)
                        continue;
                for (PageClass class = 0; class < _PAGE_CLASS_MAX; class ++)
                        sum->n_excluded[class] += counts.n_pages[class];
                for (size_t k = 0; k < UNIT_WORDS; k++)
                        sum->n_before +=
                                (unsigned) __builtin_popcountll(set->kept[k] & ~present[k]);
        }
}

/* More kinds than there are classes come of memory that changes: they may be mixed up. */
static PageKind *kind_get(Estimator *estimator, uint32_t sets)
{
        PageKind *kind = estimator->kinds;

        for (size_t i = 0; i < estimator->n_kinds; i++, kind++)
                if (kind->sets == sets)
                        return kind;
        if (estimator->n_kinds == KINDS_MAX)
                return kind - 1;
        estimator->n_kinds++;
        *kind = (PageKind){ .sets = sets };
        return kind;
}

static void word_visit(Estimator *estimator, size_t word, uint64_t first_pfn, VisitFn fn)
{
        uint64_t left = estimator->present[word];

        while (left != 0) {
                uint64_t first = left & -left, same = left;
                uint32_t sets = 0;

                for (size_t i = 0; i < estimator->n_sets; i++) {
                        uint64_t kept = estimator->sets[i].kept[word];

                        sets |= (uint32_t) ((kept & first) != 0) << i;
                        same &= kept & first ? kept : ~kept;
                }
                fn(estimator, kind_get(estimator, sets), first_pfn, same);
                left &= ~same;
        }
}

static void pages_visit(Estimator *estimator, VisitFn fn)
{
        const PageSource *pages = &estimator->pages;
        uint64_t pfn = pages->next(pages->data, 0);

        while (pfn < pages->end_pfn) {
                uint64_t first_pfn = pfn - pfn % UNIT_PFNS;
                uint64_t n_pfns = MIN((uint64_t) UNIT_PFNS, pages->end_pfn - first_pfn);

                unit_load(estimator, first_pfn, (size_t) n_pfns);
                for (size_t i = 0; i < UNIT_WORDS; i++)
                        word_visit(estimator, i, first_pfn + 64 * i, fn);
                pfn = pages->next(pages->data, first_pfn + n_pfns);
        }
}

static void kind_count(Estimator *estimator, PageKind *kind, uint64_t first_pfn, uint64_t bits)
{
        kind->n_pages += (unsigned) __builtin_popcountll(bits);
}

/* One of each @step pages is looked at, each time another one: steps of memory are powers of two.
 */
static void kind_choose_next(PageKind *kind)
{
        uint64_t turn = kind->at / kind->step + 1, hash = turn * UINT64_C(0x9e3779b97f4a7c15);

        kind->next = turn * kind->step + (hash >> 32) % kind->step;
}

static void page_sample(Estimator *estimator, PageKind *kind, uint64_t pfn)
{
        const Compressor *compressor = estimator->request->compressor;
        const size_t size = estimator->source->page_size_bytes;
        uint64_t start_nsec = clock_nsec(CLOCK_THREAD_CPUTIME_ID);

        if (vmcore_read(estimator->source->vmcore, pfn * size, estimator->page, size) < 0) {
                kind->n_unreadable++;
                return;
        }
        if (mem_is_zero(estimator->page, size))
                kind->n_zero++;
        else
                kind->data_bytes +=
                        compressor->page(estimator->codec, estimator->page, size, estimator->out)
                                ?: size;
        kind->n_sampled++;
        kind->cpu_nsec += clock_nsec(CLOCK_THREAD_CPUTIME_ID) - start_nsec;
}

/* Memory may have changed since it was counted: of what has grown, more is not looked at. */
static void kind_sample(Estimator *estimator, PageKind *kind, uint64_t first_pfn, uint64_t bits)
{
        uint64_t n = (unsigned) __builtin_popcountll(bits);

        if (kind->next >= kind->at + n || kind->at >= kind->n_pages) {
                kind->at += n;
                return;
        }
        for (; bits != 0; bits &= bits - 1, kind->at++)
                if (kind->at == kind->next) {
                        page_sample(estimator, kind, first_pfn + (unsigned) __builtin_ctzll(bits));
                        kind_choose_next(kind);
                }
}

/* Each kind has its share: what few pages there are of one may be all that a level keeps. */
static void sample(Estimator *estimator)
{
        uint64_t n_wanted = estimator->request->sample_bytes / estimator->source->page_size_bytes /
                            MAX(estimator->n_kinds, (size_t) 1);

        n_wanted = MAX(n_wanted, UINT64_C(1));
        for (size_t i = 0; i < estimator->n_kinds; i++) {
                PageKind *kind = &estimator->kinds[i];

                kind->step = DIV_ROUND_UP(MAX(kind->n_pages, UINT64_C(1)), n_wanted);
                kind->next = kind->step / 2;
        }
        pages_visit(estimator, kind_sample);
}

/* @n_pages times the mean of @sum over @n; 0 if @n is 0. */
static uint64_t extrapolate(uint64_t n_pages, uint64_t sum, uint64_t n)
{
        return n > 0 ? (uint64_t) ((double) n_pages * (double) sum / (double) n) : 0;
}

/* What a saved dump is missing will be nothing but descriptors; what cannot be read of other memory
 * is taken to be like the rest. */
static void level_estimate(const Estimator *estimator, const LevelSet *set, EstimateLevel *level)
{
        const uint32_t bit = UINT32_C(1) << (set - estimator->sets);
        const uint64_t page_bytes = estimator->source->page_size_bytes;
        uint64_t data_bytes = 0, cpu_nsec = 0;
        size_t notes_bytes;

        for (size_t i = 0; i < estimator->n_kinds; i++) {
                const PageKind *kind = &estimator->kinds[i];
                const uint64_t n_missing = estimator->source->saved ? kind->n_unreadable : 0;

                if (!(kind->sets & bit))
                        continue;
                level->n_pages += kind->n_pages;
                data_bytes +=
                        extrapolate(kind->n_pages, kind->data_bytes, kind->n_sampled + n_missing);
                cpu_nsec += extrapolate(kind->n_pages, kind->cpu_nsec, kind->n_sampled);
        }
        (void) vmcore_notes(estimator->source->vmcore, &notes_bytes);
        level->memory_bytes = level->n_pages * page_bytes;
        level->vmcore_bytes = 2 * page_bytes + ALIGN_UP((uint64_t) notes_bytes, page_bytes) +
                              2 * ALIGN_UP(DIV_ROUND_UP(estimator->pages.end_pfn, 8), page_bytes) +
                              level->n_pages * sizeof(KdumpDesc) + page_bytes + data_bytes;
        level->cpu_usec = cpu_nsec / 1000;
}

static void estimate_fill(Estimator *estimator, CaptureEstimate *ret)
{
        const EstimateRequest *request = estimator->request;

        *ret = (CaptureEstimate){};
        for (size_t i = 0; i < estimator->n_kinds; i++) {
                ret->n_pages += estimator->kinds[i].n_pages;
                ret->n_pages_sampled += estimator->kinds[i].n_sampled;
                ret->n_pages_zero += estimator->kinds[i].n_zero;
                ret->n_pages_unreadable += estimator->kinds[i].n_unreadable;
        }
        ret->counts = estimator->counts;
        for (size_t i = 0; i < request->n_levels; i++) {
                ret->levels[i].level = request->levels[i];
                level_estimate(estimator, set_find(estimator, request->levels[i]), &ret->levels[i]);
        }
}

static int estimator_open(Estimator *estimator)
{
        CaptureSource *source = estimator->source;
        const Compressor *compressor = estimator->request->compressor;
        int r;

        estimator->page = malloc(source->page_size_bytes);
        estimator->out = malloc(compressor->bound(source->page_size_bytes));
        if (!estimator->page || !estimator->out)
                return -ENOMEM;
        r = compressor->init(&estimator->codec);
        if (r < 0)
                return r;
        capture_source_pages(source, &estimator->pages);
        r = estimator->pages.reader_new(estimator->pages.data, &estimator->reader);
        if (r < 0)
                return r;
        r = vmcore_view_new(source->vmcore, &estimator->view);
        return r < 0 ? r : sets_open(estimator);
}

static void estimator_done(Estimator *estimator)
{
        for (size_t i = 0; i < estimator->n_sets; i++) {
                page_filter_reader_free(estimator->sets[i].reader);
                page_filter_free(estimator->sets[i].filter);
        }
        vmcore_view_free(estimator->view);
        if (estimator->pages.reader_free)
                estimator->pages.reader_free(estimator->reader);
        estimator->request->compressor->done(estimator->codec);
        free(estimator->page);
        free(estimator->out);
}

int capture_estimate(CaptureSource *source, const EstimateRequest *request, CaptureEstimate *ret)
{
        _cleanup_(estimator_done) Estimator estimator = { .source = source, .request = request };
        CaptureCounts counts;
        int r;

        r = estimator_open(&estimator);
        if (r < 0)
                return r;
        pages_visit(&estimator, kind_count);
        counts = estimator.counts;
        sample(&estimator);
        estimator.counts = counts;
        estimate_fill(&estimator, ret);
        return 0;
}

size_t capture_estimate_reserved(char *text, uint32_t page_size_bytes, EstimateRange *ranges,
                                 size_t n_max)
{
        size_t n = 0;
        char *line;

        while (n < n_max && (line = strsep(&text, "\n"))) {
                uint64_t first, last;
                char *dash, *name;

                line += strspn(line, " ");
                dash = strchr(line, '-');
                name = strstr(line, " : ");
                if (!dash || !name || dash > name || !streq(name, " : Crash kernel"))
                        continue;
                *dash = *name = '\0';
                if (parse_u64(line, 16, &first) < 0 || parse_u64(dash + 1, 16, &last) < 0 ||
                    last <= first)
                        continue;
                ranges[n++] = (EstimateRange){ DIV_ROUND_UP(first, page_size_bytes),
                                               (last / page_size_bytes) + (last % page_size_bytes ==
                                                                           page_size_bytes - 1) };
        }
        return n;
}
