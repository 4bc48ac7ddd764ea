/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how pages are cut into units of work, and the buffers they pass through. */
#include "pipeline.h"

/* A worker takes this many pages' worth of memory map at a time. */
#define UNIT_PFNS ((size_t) 4096)

/* Asked of the source at a time. */
#define WINDOW_BYTES ((size_t) 1 << 20)

/* Data goes out in pieces of about this size, and descriptors with it. */
#define DATA_BYTES ((size_t) 1 << 20)
#define DESCS_MAX (4 * UNIT_PFNS)

/* Set in KdumpDesc.flags while offset_bytes counts from the start of Worker.data. */
#define DESC_RELATIVE (UINT32_C(1) << 31)

/* A range of pages, those of them that are to be written, and the number of such pages before it.
 */
typedef struct Unit {
        uint64_t first_pfn;
        size_t n_pfns;
        uint64_t rank;
        uint8_t bits[UNIT_PFNS / 8];
} Unit;

/* All that a thread needs for itself. */
typedef struct Worker {
        const Pipeline *pipeline;
        PipelineCounts counts;
        PipelineCounts flushed_counts; /* as of the last worker_flush() that succeeded */
        KdumpDesc zero_desc;
        size_t page_bytes;
        size_t bound_bytes; /* room for one page in @data */
        void *codec;
        Unit unit;

        uint8_t *data; /* DATA_BYTES + bound_bytes */
        size_t data_used;
        KdumpDesc *descs; /* DESCS_MAX, of the pages number @rank and following */
        size_t n_descs;
        uint64_t rank;

        const uint8_t *window;
        uint64_t window_pfn;
        size_t window_pages, window_next; /* the page to be looked at next */
} Worker;

static void worker_done(Worker *worker)
{
        worker->pipeline->compressor->done(worker->codec);
        free(worker->data);
        free(worker->descs);
}

static int worker_init(Worker *worker, const Pipeline *pipeline)
{
        *worker = (Worker){
                .pipeline = pipeline,
                .zero_desc = dump_kdump_zero_desc(pipeline->dump),
                .page_bytes = pipeline->source->page_size_bytes,
                .bound_bytes = pipeline->compressor->bound(pipeline->source->page_size_bytes),
        };

        worker->data = malloc(DATA_BYTES + worker->bound_bytes);
        worker->descs = calloc(DESCS_MAX, sizeof(*worker->descs));
        if (!worker->data || !worker->descs)
                return -ENOMEM;
        return pipeline->compressor->init(&worker->codec);
}

static void worker_report(const Worker *worker)
{
        const Pipeline *pipeline = worker->pipeline;

        if (pipeline->progress)
                pipeline->progress(pipeline->progress_data, &worker->counts,
                                   dump_kdump_n_pages(pipeline->dump));
}

/* Sends off what has been gathered. Data first: a descriptor never points to what is not there. */
static int worker_flush(Worker *worker)
{
        DumpKdump *dump = worker->pipeline->dump;
        uint64_t base = 0;
        int r;

        if (worker->data_used > 0) {
                r = dump_kdump_write_data(dump, worker->data, worker->data_used, &base);
                if (r < 0)
                        return r;
                worker->counts.written_bytes += worker->data_used;
                worker->data_used = 0;
        }
        for (size_t i = 0; i < worker->n_descs; i++)
                if (worker->descs[i].flags & DESC_RELATIVE) {
                        worker->descs[i].flags &= ~DESC_RELATIVE;
                        worker->descs[i].offset_bytes += base;
                }
        if (worker->n_descs > 0) {
                r = dump_kdump_write_descs(dump, worker->rank, worker->descs, worker->n_descs);
                if (r < 0)
                        return r;
                worker->rank += worker->n_descs;
                worker->n_descs = 0;
        }
        worker->flushed_counts = worker->counts;
        worker_report(worker);
        return 0;
}

static bool worker_has_room(const Worker *worker)
{
        return worker->data_used < DATA_BYTES && worker->n_descs < DESCS_MAX;
}

/* memcmp() against itself, a word further on, is as fast as reading gets, on every machine. */
static bool page_is_zero(const uint8_t *page, size_t size)
{
        uint64_t first;

        memcpy(&first, page, sizeof(first));
        return first == 0 && memcmp(page, page + sizeof(first), size - sizeof(first)) == 0;
}

/* Everything that reads @page comes before everything that changes the worker. */
static void worker_copy_page(Worker *worker, const uint8_t *page)
{
        const Compressor *compressor = worker->pipeline->compressor;
        uint8_t *out = worker->data + worker->data_used;
        uint32_t flags = compressor->flag;
        size_t size;

        if (page_is_zero(page, worker->page_bytes)) {
                worker->counts.n_zero++;
                worker->descs[worker->n_descs++] = worker->zero_desc;
                return;
        }

        size = compressor->page(worker->codec, page, worker->page_bytes, out);
        if (size == 0) {
                memcpy(out, page, worker->page_bytes);
                size = worker->page_bytes;
                flags = 0;
        }
        worker->descs[worker->n_descs++] = (KdumpDesc){
                .offset_bytes = worker->data_used,
                .size_bytes = (uint32_t) size,
                .flags = flags | DESC_RELATIVE,
        };
        worker->data_used += size;
}

/* Runs guarded: a page that faults leaves the worker as it was before that page. */
static int worker_copy_guarded(void *data)
{
        Worker *worker = data;

        while (worker->window_next < worker->window_pages && worker_has_room(worker)) {
                worker_copy_page(worker, worker->window + worker->window_next * worker->page_bytes);
                worker->counts.n_pages++;
                worker->window_next++;
                /* A jump out of the next page must find this one counted in memory. */
                __asm__ volatile("" ::: "memory");
        }
        return 0;
}

static int worker_make_room(Worker *worker)
{
        return worker_has_room(worker) ? 0 : worker_flush(worker);
}

static int worker_skip_page(Worker *worker, uint64_t pfn)
{
        int r;

        r = worker_make_room(worker);
        if (r < 0)
                return r;
        if (worker->counts.n_missing++ == 0)
                worker->counts.first_missing_pfn = pfn;
        worker->counts.n_pages++;
        worker->descs[worker->n_descs++] = (KdumpDesc){};
        return 0;
}

static int worker_copy_window(Worker *worker)
{
        const PageSource *source = worker->pipeline->source;
        int r;

        while (worker->window_next < worker->window_pages) {
                r = worker_make_room(worker);
                if (r < 0)
                        return r;
                r = source->guarded(worker_copy_guarded, worker);
                if (r >= 0)
                        continue;
                r = worker_skip_page(worker, worker->window_pfn + worker->window_next);
                if (r < 0)
                        return r;
                worker->window_next++;
        }
        return 0;
}

/* What cannot be shown at once is tried in ever smaller pieces, down to the page that is to blame.
 */
static int worker_copy_run(Worker *worker, uint64_t pfn, size_t n_pages)
{
        const PageSource *source = worker->pipeline->source;
        size_t window_max = MAX(WINDOW_BYTES / worker->page_bytes, (size_t) 1), ask = window_max;
        int r;

        while (n_pages > 0) {
                size_t shown = 0;

                ask = MIN(ask, n_pages);
                r = source->window(source->data, pfn, ask, &worker->window, &shown);
                if (r < 0 && ask > 1) {
                        ask /= 2;
                        continue;
                }
                if (r < 0) {
                        shown = 1;
                        r = worker_skip_page(worker, pfn);
                } else {
                        worker->window_pfn = pfn;
                        worker->window_pages = shown;
                        worker->window_next = 0;
                        ask = MIN(ask * 2, window_max);
                        r = worker_copy_window(worker);
                }
                if (r < 0)
                        return r;
                pfn += shown;
                n_pages -= shown;
        }
        return 0;
}

static bool unit_has(const Unit *unit, size_t i)
{
        return unit->bits[i / 8] & (1U << (i % 8));
}

static int worker_copy_unit(Worker *worker)
{
        const Unit *unit = &worker->unit;
        int r;

        /* Descriptors are gathered over units as long as these follow each other. */
        if (worker->rank + worker->n_descs != unit->rank) {
                r = worker_flush(worker);
                if (r < 0)
                        return r;
                worker->rank = unit->rank;
        }
        for (size_t i = 0; i < unit->n_pfns;) {
                size_t start = i;

                if (unit->bits[i / 8] == 0) {
                        i = (i / 8 + 1) * 8;
                        continue;
                }
                while (i < unit->n_pfns && unit_has(unit, i))
                        i++;
                if (i == start) {
                        i++;
                        continue;
                }
                r = worker_copy_run(worker, unit->first_pfn + start, i - start);
                if (r < 0)
                        return r;
        }
        worker_report(worker);
        return 0;
}

/* Where the next unit begins. Workers share it. */
typedef struct UnitCursor {
        const PageSource *source;
        uint64_t pfn, rank;
} UnitCursor;

static size_t unit_count(const Unit *unit)
{
        size_t n = 0;

        for (size_t i = 0; i < sizeof(unit->bits); i++)
                n += (size_t) __builtin_popcount(unit->bits[i]);
        return n;
}

/* Fills the next unit that has pages. Returns false at the end. */
static bool unit_next(UnitCursor *cursor, Unit *ret)
{
        const PageSource *source = cursor->source;

        while (cursor->pfn < source->end_pfn) {
                size_t n_pages;

                ret->first_pfn = cursor->pfn;
                ret->n_pfns = (size_t) MIN((uint64_t) UNIT_PFNS, source->end_pfn - cursor->pfn);
                ret->rank = cursor->rank;
                memset(ret->bits, 0, sizeof(ret->bits));
                source->dumpable(source->data, ret->first_pfn, ret->n_pfns, ret->bits);
                n_pages = unit_count(ret);
                cursor->pfn += ret->n_pfns;
                cursor->rank += n_pages;
                if (n_pages > 0)
                        return true;
        }
        return false;
}

static int worker_run(Worker *worker, UnitCursor *cursor)
{
        int r;

        while (unit_next(cursor, &worker->unit)) {
                r = worker_copy_unit(worker);
                if (r < 0)
                        return r;
        }
        return worker_flush(worker);
}

int pipeline_run(const Pipeline *pipeline, PipelineCounts *ret_counts)
{
        UnitCursor cursor = { .source = pipeline->source };
        _cleanup_(worker_done) Worker worker = { .pipeline = pipeline };
        int r;

        *ret_counts = (PipelineCounts){};
        r = worker_init(&worker, pipeline);
        if (r < 0)
                return r;
        r = worker_run(&worker, &cursor);
        *ret_counts = worker.flushed_counts;
        return r;
}
