/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way of pages from their source into an ELF core: one buffer, and holes for zeros. */
#include "dump-elf-copy.h"

#include "bits.h"
#include "io.h"

#define BUFFER_BYTES ((size_t) 1 << 20)
#define BITS_PFNS (4 * PAGE_SOURCE_ALIGN_PFNS)

/* Shorter rows of zeros are written: small writes cost more than they save. */
#define HOLE_BYTES_MIN ((size_t) 64 << 10)

typedef struct Copy {
        const DumpElf *dump;
        void *reader;
        uint64_t page_bytes;
        uint64_t n_total;

        uint8_t *buffer; /* BUFFER_BYTES of the file from @offset on */
        size_t used;
        bool zero[BUFFER_BYTES / SINK_DATA_ALIGN]; /* of each page of it: nothing but zeros */
        uint64_t offset;
        uint64_t solid_offset; /* behind the last page that is no hole: so long is the file */

        uint8_t bits[BITS_PFNS / 8]; /* pages to be written, of @bits_n_pfns from @bits_pfn on */
        uint64_t bits_pfn;
        size_t bits_n_pfns;

        PipelineCounts *counts, pending; /* pending: behind @solid_offset */
        DumpElfLosses *losses;

        const uint8_t *window; /* what is copied from */
        size_t window_pages, window_next;
} Copy;

/* The number of pages from @first on, up to @end, that are all zero or all not. */
static size_t same_pages(const Copy *copy, size_t first, size_t end)
{
        size_t n = 1;

        while (first + n < end && copy->zero[first + n] == copy->zero[first])
                n++;
        return n;
}

static int write_pages(Copy *copy, size_t first, size_t end)
{
        int r;

        if (first == end)
                return 0;
        r = sink_write_data(copy->dump->sink, copy->offset + first * copy->page_bytes,
                            copy->buffer + first * copy->page_bytes,
                            (end - first) * copy->page_bytes);
        if (r < 0)
                return r;
        copy->solid_offset = copy->offset + end * copy->page_bytes;
        return 0;
}

/* Writes the buffer but for its holes. */
static int write_buffer(Copy *copy)
{
        size_t n_pages = copy->used / copy->page_bytes, start = 0, n;
        int r;

        if (copy->dump->sink->ops->in_order)
                return write_pages(copy, 0, n_pages);
        for (size_t i = 0; i < n_pages; i += n) {
                n = same_pages(copy, i, n_pages);
                if (!copy->zero[i] || n * copy->page_bytes < HOLE_BYTES_MIN)
                        continue;
                r = write_pages(copy, start, i);
                if (r < 0)
                        return r;
                start = i + n;
        }
        return write_pages(copy, start, n_pages);
}

static void counts_add(PipelineCounts *to, const PipelineCounts *from)
{
        to->n_pages += from->n_pages;
        to->n_zero += from->n_zero;
        to->n_missing += from->n_missing;
        to->written_bytes += from->written_bytes;
}

/* The file ends here: all before is in it. */
static void settle(Copy *copy)
{
        counts_add(copy->counts, &copy->pending);
        copy->pending = (PipelineCounts){};
}

static void report(const Copy *copy)
{
        PipelineCounts counts = *copy->counts;

        counts_add(&counts, &copy->pending);
        if (copy->dump->progress)
                copy->dump->progress(copy->dump->progress_data, &counts, copy->n_total);
}

static int flush(Copy *copy)
{
        int r;

        r = write_buffer(copy);
        if (r < 0)
                return r;
        copy->pending.written_bytes += copy->used;
        copy->offset += copy->used;
        copy->used = 0;
        if (copy->solid_offset == copy->offset)
                settle(copy);
        report(copy);
        return 0;
}

static uint8_t *next_page(const Copy *copy)
{
        return copy->buffer + copy->used;
}

static int finish_page(Copy *copy, bool zero)
{
        int r;

        copy->zero[copy->used / copy->page_bytes] = zero;
        copy->used += copy->page_bytes;
        if (copy->used + copy->page_bytes <= BUFFER_BYTES)
                return 0;
        r = flush(copy);
        if (r >= 0 && deadline_passed(copy->dump->deadline_usec))
                r = -ETIME;
        return r;
}

static int add_zeros(Copy *copy, uint64_t n_pages)
{
        int r = 0;

        for (; n_pages > 0 && r >= 0; n_pages--) {
                memset(next_page(copy), 0, copy->page_bytes);
                r = finish_page(copy, true);
        }
        return r;
}

static int copy_window(void *data)
{
        Copy *copy = data;

        for (; copy->window_next < copy->window_pages; copy->window_next++)
                memcpy(copy->buffer + copy->used + copy->window_next * copy->page_bytes,
                       copy->window + copy->window_next * copy->page_bytes, copy->page_bytes);
        return 0;
}

static void losses_add(DumpElfLosses *losses, uint64_t pfn)
{
        DumpElfLoss *last = losses->n_items > 0 ? &losses->items[losses->n_items - 1] : NULL;

        if (last && last->first_pfn + last->n_pages == pfn)
                last->n_pages++;
        else if (losses->n_items < losses->n_max)
                losses->items[losses->n_items++] = (DumpElfLoss){ .first_pfn = pfn, .n_pages = 1 };
        else
                losses->n_more++;
}

/* It could be read when the segments were made, and has a place in one of them. */
static int add_unreadable(Copy *copy, uint64_t pfn)
{
        losses_add(copy->losses, pfn);
        if (copy->dump->source->missing)
                copy->dump->source->missing(copy->dump->source->data, pfn);
        copy->pending.n_missing++;
        copy->pending.n_pages++;
        return add_zeros(copy, 1);
}

/* Takes @n pages that were copied to the buffer's end. */
static int take_pages(Copy *copy, size_t n)
{
        int r = 0;

        for (; n > 0 && r >= 0; n--) {
                bool zero = mem_is_zero(next_page(copy), copy->page_bytes);

                copy->pending.n_pages++;
                copy->pending.n_zero += zero;
                r = finish_page(copy, zero);
        }
        return r;
}

/* Pages that are all to be written. */
static int add_pages(Copy *copy, uint64_t pfn, uint64_t n_pages)
{
        const PageSource *source = copy->dump->source;
        size_t ask = SIZE_MAX;
        int r;

        while (n_pages > 0) {
                size_t room = (BUFFER_BYTES - copy->used) / copy->page_bytes, shown = 0, n;

                ask = MIN(ask, room);
                ask = (size_t) MIN((uint64_t) ask, n_pages);
                copy->window_next = copy->window_pages = 0;
                r = source->window(copy->reader, pfn, ask, &copy->window, &shown);
                if (r < 0 && ask > 1) {
                        ask /= 2;
                        continue;
                }
                if (r >= 0) {
                        copy->window_pages = shown;
                        r = source->guarded(copy_window, copy);
                }
                n = copy->window_next;
                ask = SIZE_MAX;
                if (r < 0)
                        r = take_pages(copy, n) ?: add_unreadable(copy, pfn + n++);
                else
                        r = take_pages(copy, n);
                if (r < 0)
                        return r;
                pfn += n;
                n_pages -= n;
        }
        return 0;
}

static void load_bits(Copy *copy, uint64_t pfn)
{
        const PageSource *source = copy->dump->source;

        if (pfn >= copy->bits_pfn && pfn < copy->bits_pfn + copy->bits_n_pfns)
                return;
        copy->bits_pfn = pfn - pfn % PAGE_SOURCE_ALIGN_PFNS;
        copy->bits_n_pfns = (size_t) MIN((uint64_t) BITS_PFNS, source->end_pfn - copy->bits_pfn);
        source->dumpable(copy->reader, copy->bits_pfn, copy->bits_n_pfns, copy->bits);
}

static int copy_segment(Copy *copy, const DumpSegment *segment)
{
        uint64_t pfn = segment->first_pfn, end_pfn = pfn + segment->n_pages;
        int r;

        while (pfn < end_pfn) {
                size_t i, end;
                uint64_t n;
                bool dumpable;

                load_bits(copy, pfn);
                i = (size_t) (pfn - copy->bits_pfn);
                end = (size_t) MIN(end_pfn - copy->bits_pfn, (uint64_t) copy->bits_n_pfns);
                dumpable = bits_get(copy->bits, i);
                n = bits_find(copy->bits, i, end, !dumpable) - i;
                r = dumpable ? add_pages(copy, pfn, n) : add_zeros(copy, n);
                if (r < 0)
                        return r;
                pfn += n;
        }
        return 0;
}

/* A file does not end with a hole unless something says how long it is. */
static int write_end(Copy *copy)
{
        int r;

        if (copy->solid_offset >= copy->offset)
                return 0;
        memset(copy->buffer, 0, copy->page_bytes);
        r = sink_write_data(copy->dump->sink, copy->offset - copy->page_bytes, copy->buffer,
                            copy->page_bytes);
        if (r < 0)
                return r;
        copy->solid_offset = copy->offset;
        settle(copy);
        return 0;
}

static int copy_segments(Copy *copy, const DumpSegments *segments)
{
        int r;

        for (size_t i = 0; i < segments->n_items; i++) {
                r = copy_segment(copy, &segments->items[i]);
                if (r < 0)
                        return r;
        }
        return flush(copy);
}

/* At the deadline the file ends where it is, as if no more were to come. */
static int copy_run(Copy *copy, const DumpSegments *segments)
{
        int r, r_end;

        r = copy_segments(copy, segments);
        if (r < 0 && r != -ETIME)
                return r;
        r_end = write_end(copy);
        if (r_end < 0)
                return r_end;
        return copy->counts->n_pages == copy->n_total ? 0 : r;
}

int dump_elf_copy(const DumpElf *dump, void *reader, const DumpSegments *segments,
                  uint64_t data_offset, uint64_t *ret_end_offset, DumpElfLosses *losses,
                  PipelineCounts *counts)
{
        _cleanup_free_ Copy *copy = calloc(1, sizeof(*copy));
        void *buffer = NULL;
        int r;

        if (!copy)
                return -ENOMEM;
        r = -posix_memalign(&buffer, SINK_DATA_ALIGN, BUFFER_BYTES);
        if (r < 0)
                return r;
        copy->dump = dump;
        copy->reader = reader;
        copy->page_bytes = dump->source->page_size_bytes;
        copy->n_total = segments->n_pages;
        copy->buffer = buffer;
        copy->offset = copy->solid_offset = data_offset;
        copy->losses = losses;
        copy->counts = counts;
        r = copy_run(copy, segments);
        *ret_end_offset = copy->solid_offset;
        free(buffer);
        return r;
}
