/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how one worker turns the pages of a unit into data and descriptors. */
#include "pipeline-worker.h"

#include "bits.h"

/* Asked of the source at a time. */
#define WINDOW_BYTES ((size_t) 1 << 20)

/* Data is not gathered for long before some is in the file: at most 1/HELD_PARTS of that by all
 * workers together, but pieces are of this size at least. */
#define HELD_PARTS 64
#define DATA_BYTES_MIN ((size_t) 64 << 10)

/* Bytes of padding times bytes that are left until the limit: of n pages of 1 KiB that may come,
 * one has to be better than 2/n of a block. */
#define PADDING_PRODUCT_MAX (2 * SINK_DATA_ALIGN * 1024)

/* Set in KdumpDesc.flags while offset_bytes counts from the start of PipelineWorker.data. */
#define DESC_RELATIVE (UINT32_C(1) << 31)

void pipeline_worker_done(PipelineWorker *worker)
{
        coder_done(&worker->coder);
        worker->pipeline->source->reader_free(worker->reader);
        free(worker->data);
        free(worker->descs);
}

int pipeline_worker_init(PipelineWorker *worker)
{
        const Pipeline *pipeline = worker->pipeline;
        int r;

        worker->page_bytes = pipeline->source->page_size_bytes;
        worker->data = aligned_alloc(SINK_DATA_ALIGN, WORKER_DATA_BYTES);
        worker->descs = calloc(WORKER_DESCS_MAX, sizeof(*worker->descs));
        if (!worker->data || !worker->descs)
                return -ENOMEM;
        r = pipeline->source->reader_new(pipeline->source->data, &worker->reader);
        if (r < 0)
                return r;
        r = coder_init(&worker->coder, pipeline->compressor, worker->automatic);
        if (r < 0)
                return r;
        worker->bound_bytes = coder_bound(&worker->coder, worker->page_bytes);
        return 0;
}

/* What all workers hold together is a small part of what is in the file already: it is what a
 * kill takes away. */
static void worker_set_limit(PipelineWorker *worker)
{
        const Pipeline *pipeline = worker->pipeline;
        uint64_t data_bytes = dump_kdump_bytes(pipeline->dump) - worker->zero_desc.offset_bytes;
        uint64_t limit_bytes = data_bytes / HELD_PARTS / MAX(pipeline->n_threads, 1U);

        limit_bytes = MAX(limit_bytes, (uint64_t) DATA_BYTES_MIN);
        worker->data_limit = (size_t) MIN(limit_bytes, (uint64_t) WORKER_DATA_BYTES);
        worker->data_limit = MAX(worker->data_limit, worker->bound_bytes);
}

void pipeline_worker_begin(PipelineWorker *worker)
{
        worker->zero_desc = dump_kdump_zero_desc(worker->pipeline->dump);
        worker_set_limit(worker);
}

/* The data is at @base_bytes of the file now. */
static void worker_place_data(PipelineWorker *worker, uint64_t base_bytes)
{
        for (size_t i = 0; i < worker->n_descs; i++)
                if (worker->descs[i].flags & DESC_RELATIVE) {
                        worker->descs[i].flags &= ~DESC_RELATIVE;
                        worker->descs[i].offset_bytes += base_bytes;
                }
        for (size_t i = 0; i < worker->n_patterns; i++)
                if (worker->patterns[i].desc.flags & DESC_RELATIVE) {
                        worker->patterns[i].desc.flags &= ~DESC_RELATIVE;
                        worker->patterns[i].desc.offset_bytes += base_bytes;
                }
}

/* The data is nowhere: pages that are in it are missing, as if they had never been looked at. */
static void worker_lose_data(PipelineWorker *worker)
{
        for (size_t i = 0; i < worker->n_descs; i++)
                if (worker->descs[i].flags & DESC_RELATIVE) {
                        worker->descs[i] = (KdumpDesc){};
                        worker->counts.n_pages--;
                }
        worker->n_patterns = 0;
}

static int worker_flush_data(PipelineWorker *worker)
{
        size_t used = worker->data_used, size = ALIGN_UP(used, SINK_DATA_ALIGN);
        uint64_t base_bytes;
        int r;

        if (used == 0)
                return 0;

        worker->data_used = 0;
        memset(worker->data + used, 0, size - used);
        coder_write_begins(&worker->coder);
        r = dump_kdump_write_data(worker->pipeline->dump, worker->data, size, &base_bytes);
        coder_write_ended(&worker->coder, r < 0 ? 0 : used);
        if (r < 0) {
                worker_lose_data(worker);
                return r;
        }
        worker_place_data(worker, base_bytes);
        worker->counts.written_bytes += used;
        return 0;
}

static int worker_flush_descs(PipelineWorker *worker)
{
        const KdumpDesc *descs = worker->descs;
        int r;

        for (size_t i = 0; i < worker->n_segments; i++) {
                const WorkerSegment *segment = &worker->segments[i];

                if (segment->n == 0)
                        continue;
                r = dump_kdump_write_descs(worker->pipeline->dump, segment->rank, descs,
                                           segment->n);
                if (r < 0)
                        return r;
                descs += segment->n;
        }
        return 0;
}

/* Forgets the descriptors; those that come next belong behind the last of them. */
static void worker_reset_descs(PipelineWorker *worker)
{
        if (worker->n_segments > 0) {
                const WorkerSegment *last = &worker->segments[worker->n_segments - 1];

                worker->segments[0] = (WorkerSegment){ .rank = last->rank + last->n };
                worker->n_segments = 1;
        }
        worker->n_descs = 0;
}

/* Data first: a descriptor never points to what is not there. */
int pipeline_worker_flush(PipelineWorker *worker)
{
        int r, r_descs = 0;

        r = worker_flush_data(worker);
        if (r >= 0 || sink_error_is_full(r)) {
                r_descs = worker_flush_descs(worker);
                if (r_descs >= 0)
                        worker->flushed(worker->flushed_data, &worker->counts);
        }
        worker->counts = (PipelineCounts){};
        worker_reset_descs(worker);
        worker_set_limit(worker);
        return r < 0 ? r : r_descs;
}

/* What is written ends in padding, so it had better end where a block does. The fewer pages can
 * still come before the limit, the less is to be hoped from them. */
static bool worker_ends_well(const PipelineWorker *worker)
{
        size_t used = worker->data_used, limit = worker->data_limit;
        size_t padding = ALIGN_UP(used, SINK_DATA_ALIGN) - used;

        return used > limit / 4 * 3 && padding * (limit - used) <= PADDING_PRODUCT_MAX;
}

static bool worker_has_room(const PipelineWorker *worker)
{
        return worker->data_used + worker->bound_bytes <= worker->data_limit &&
               worker->n_descs < WORKER_DESCS_MAX && !worker_ends_well(worker);
}

static int worker_make_room(PipelineWorker *worker)
{
        return worker_has_room(worker) ? 0 : pipeline_worker_flush(worker);
}

static void worker_add_desc(PipelineWorker *worker, const KdumpDesc *desc)
{
        worker->descs[worker->n_descs++] = *desc;
        worker->segments[worker->n_segments - 1].n++;
        worker->counts.n_pages++;
}

/* memcmp() against itself, a word further on, is as fast as reading gets, on every machine, and
 * ends at once for most pages. */
static bool page_is_one_word(const uint8_t *page, size_t size, uint64_t *ret_word)
{
        memcpy(ret_word, page, sizeof(*ret_word));
        return memcmp(page, page + sizeof(*ret_word), size - sizeof(*ret_word)) == 0;
}

/* Compresses @page behind what is there already. */
static void worker_store_page(PipelineWorker *worker, const uint8_t *page, KdumpDesc *ret_desc)
{
        uint8_t *out = worker->data + worker->data_used;
        uint32_t flags;
        size_t size;

        size = coder_page(&worker->coder, page, worker->page_bytes, out, &flags);
        if (size == 0) {
                memcpy(out, page, worker->page_bytes);
                size = worker->page_bytes;
                flags = 0;
        }
        *ret_desc = (KdumpDesc){
                .offset_bytes = worker->data_used,
                .size_bytes = (uint32_t) size,
                .flags = flags | DESC_RELATIVE,
        };
        worker->data_used += size;
}

static const KdumpDesc *worker_find_pattern(const PipelineWorker *worker, uint64_t word)
{
        if (word == 0)
                return &worker->zero_desc;
        for (size_t i = 0; i < worker->n_patterns; i++)
                if (worker->patterns[i].word == word)
                        return &worker->patterns[i].desc;
        return NULL;
}

/* Everything that reads @page comes before everything that changes the worker. */
static void worker_copy_page(PipelineWorker *worker, const uint8_t *page)
{
        const KdumpDesc *known = NULL;
        uint64_t word;
        bool is_pattern = page_is_one_word(page, worker->page_bytes, &word);
        KdumpDesc desc;

        if (is_pattern)
                known = worker_find_pattern(worker, word);
        if (known) {
                worker->counts.n_zero += word == 0;
                worker_add_desc(worker, known);
                return;
        }
        worker_store_page(worker, page, &desc);
        if (is_pattern && worker->n_patterns < WORKER_PATTERNS_MAX)
                worker->patterns[worker->n_patterns++] =
                        (WorkerPattern){ .word = word, .desc = desc };
        worker_add_desc(worker, &desc);
}

/* Runs guarded: a page that faults leaves the worker as it was before that page. */
static int worker_copy_guarded(void *data)
{
        PipelineWorker *worker = data;

        while (worker->window_next < worker->window_pages && worker_has_room(worker)) {
                worker_copy_page(worker, worker->window + worker->window_next * worker->page_bytes);
                worker->window_next++;
                /* A jump out of the next page must find this one counted in memory. */
                atomic_signal_fence(memory_order_seq_cst);
        }
        return 0;
}

static int worker_skip_page(PipelineWorker *worker, uint64_t pfn)
{
        const PageSource *source = worker->pipeline->source;
        const KdumpDesc missing = {};
        int r;

        r = worker_make_room(worker);
        if (r < 0)
                return r;
        if (source->missing)
                source->missing(source->data, pfn);
        worker->counts.n_missing++;
        worker_add_desc(worker, &missing);
        return 0;
}

static int worker_copy_window(PipelineWorker *worker)
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
static int worker_copy_run(PipelineWorker *worker, uint64_t pfn, size_t n_pages)
{
        const PageSource *source = worker->pipeline->source;
        size_t window_max = MAX(WINDOW_BYTES / worker->page_bytes, (size_t) 1), ask = window_max;
        int r;

        while (n_pages > 0) {
                size_t shown = 0;

                if (atomic_load_explicit(worker->stop, memory_order_relaxed))
                        return -ECANCELED;
                ask = MIN(ask, n_pages);
                r = source->window(worker->reader, pfn, ask, &worker->window, &shown);
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

/* Descriptors are gathered over all pages, also if these do not follow each other. */
static int worker_begin_run(PipelineWorker *worker, uint64_t rank)
{
        int r;

        if (worker->n_segments > 0) {
                const WorkerSegment *last = &worker->segments[worker->n_segments - 1];

                if (last->rank + last->n == rank)
                        return 0;
        }
        if (worker->n_segments == WORKER_SEGMENTS_MAX) {
                r = pipeline_worker_flush(worker);
                if (r < 0)
                        return r;
        }
        worker->segments[worker->n_segments++] = (WorkerSegment){ .rank = rank };
        return 0;
}

int pipeline_worker_copy(PipelineWorker *worker, const DumpUnit *unit)
{
        uint64_t rank = unit->rank; /* of the page at @end */
        size_t end = 0;
        int r;

        for (;;) {
                size_t start = bits_find(unit->now, end, unit->n_pfns, true);

                if (unit->now != unit->bits)
                        rank += bits_count(unit->bits, end, start);
                end = bits_find(unit->now, start, unit->n_pfns, false);
                if (end == start)
                        return 0;
                r = worker_begin_run(worker, rank);
                if (r < 0)
                        return r;
                r = worker_copy_run(worker, unit->first_pfn + start, end - start);
                if (r < 0)
                        return r;
                rank += end - start;
        }
}
