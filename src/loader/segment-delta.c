/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the comparison of an image with the one that is armed. */
#include "segment-delta.h"

#define PAGE_BYTES UINT64_C(4096)

/* Pages of one segment that have to be loaded. */
typedef struct Run {
        size_t segment;
        uint64_t start, end;
} Run;

typedef struct Runs {
        Run runs[LAYOUT_SEGMENTS_MAX + 1]; /* sorted */
        size_t n, n_max;
} Runs;

static uint64_t start_of(const struct kexec_segment *segment)
{
        return (uintptr_t) segment->mem;
}

/* What is copied to the page at @paddr, which is in @segment: *ret_bytes at most of a page. The
 * kernel clears the rest of it. */
static const uint8_t *page_of(const struct kexec_segment *segment, uint64_t paddr,
                              size_t *ret_bytes)
{
        uint64_t offset = paddr - start_of(segment);

        *ret_bytes = offset < segment->bufsz ? MIN(segment->bufsz - offset, PAGE_BYTES) : 0;
        return (const uint8_t *) segment->buf + MIN(offset, segment->bufsz);
}

static bool is_zero(const uint8_t *data, size_t bytes)
{
        for (size_t i = 0; i < bytes; i++)
                if (data[i] != 0)
                        return false;
        return true;
}

static bool is_same_page(const struct kexec_segment *a, const struct kexec_segment *b,
                         uint64_t paddr)
{
        size_t a_bytes, b_bytes;
        const uint8_t *x = page_of(a, paddr, &a_bytes), *y = page_of(b, paddr, &b_bytes);
        size_t both = MIN(a_bytes, b_bytes);

        return (both == 0 || memcmp(x, y, both) == 0) && is_zero(x + both, a_bytes - both) &&
               is_zero(y + both, b_bytes - both);
}

/* The big segment that the page at @paddr is in; NULL: none. */
static const struct kexec_segment *find_big(const SegmentImage *image, uint64_t paddr)
{
        for (size_t i = 0; i < image->full.n; i++) {
                const struct kexec_segment *segment = image->full.segments + i;

                if (!image->crash.layout.segments[i].small && paddr >= start_of(segment) &&
                    paddr - start_of(segment) < segment->memsz)
                        return segment;
        }
        return NULL;
}

/* Makes one of the two runs with the least between them. They can be only if they are of one
 * segment, as each is copied from one place: of more runs than there are segments, two are. Done
 * for each run too many, this leaves out the same gaps as if all were known. */
static void runs_merge(Runs *runs)
{
        uint64_t least = UINT64_MAX;
        size_t at = 0;

        for (size_t i = 0; i + 1 < runs->n; i++) {
                const Run *run = runs->runs + i;

                if (run[0].segment != run[1].segment || run[1].start - run[0].end >= least)
                        continue;
                least = run[1].start - run[0].end;
                at = i;
        }
        runs->runs[at].end = runs->runs[at + 1].end;
        runs->n--;
        memmove(runs->runs + at + 1, runs->runs + at + 2, (runs->n - at - 1) * sizeof(Run));
}

static void runs_add(Runs *runs, size_t segment, uint64_t paddr)
{
        Run *last = runs->n > 0 ? runs->runs + runs->n - 1 : NULL;

        if (last && last->segment == segment && last->end == paddr) {
                last->end += PAGE_BYTES;
                return;
        }
        runs->runs[runs->n++] = (Run){ segment, paddr, paddr + PAGE_BYTES };
        if (runs->n > runs->n_max)
                runs_merge(runs);
}

static void find_runs(const SegmentImage *image, const SegmentImage *armed, size_t number,
                      Runs *runs)
{
        const struct kexec_segment *segment = image->full.segments + number;

        for (uint64_t i = 0; i < segment->memsz; i += PAGE_BYTES) {
                uint64_t paddr = start_of(segment) + i;
                const struct kexec_segment *there = find_big(armed, paddr);

                if (!there || !is_same_page(segment, there, paddr))
                        runs_add(runs, number, paddr);
        }
}

static struct kexec_segment part_of(const struct kexec_segment *segment, const Run *run)
{
        uint64_t offset = run->start - start_of(segment), bytes = run->end - run->start;
        uint64_t copied = offset < segment->bufsz ? segment->bufsz - offset : 0;

        return (struct kexec_segment){
                .buf = (const uint8_t *) segment->buf + offset,
                .bufsz = MIN(copied, bytes),
                .mem = (void *) (uintptr_t) run->start,
                .memsz = bytes,
        };
}

void segment_delta_make(const SegmentImage *image, const SegmentImage *armed, SegmentList *ret)
{
        const LayoutSegment *layout = image->crash.layout.segments;
        Runs runs = { .n_max = LAYOUT_SEGMENTS_MAX - image->small.n };
        size_t next = 0;

        for (size_t i = 0; i < image->full.n; i++)
                if (!layout[i].small)
                        find_runs(image, armed, i, &runs);
        *ret = (SegmentList){ 0 };
        for (size_t i = 0; i < image->full.n; i++) {
                if (layout[i].small)
                        ret->segments[ret->n++] = image->full.segments[i];
                for (; next < runs.n && runs.runs[next].segment == i; next++)
                        ret->segments[ret->n++] =
                                part_of(image->full.segments + i, runs.runs + next);
        }
}
