/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the bed of the page filter's tests. */
#include "test-filter-bed.h"

#include "bits.h"
#include "test.h"

void bed_init(FilterBed *bed, const TestKernel *kernel, TestMapping mapping)
{
        memset(bed, 0, sizeof(*bed));
        test_sections_init(&bed->sections, kernel, 4, mapping);
}

static void bed_close(FilterBed *bed)
{
        bed->reader = page_filter_reader_free(bed->reader);
        bed->view = vmcore_view_free(bed->view);
        bed->filter = page_filter_free(bed->filter);
}

void bed_done(FilterBed *bed)
{
        bed_close(bed);
        test_sections_done(&bed->sections);
}

void bed_open(FilterBed *bed, unsigned level)
{
        TestMemory *memory = &bed->sections.memory;
        char *message = NULL;

        bed_close(bed);
        assert_int_equal(test_memory_open(memory), 0);
        assert_int_equal(page_filter_new(memory->vmcore, memory->kmem, memory->info,
                                         (uint32_t) TEST_PAGE_BYTES, level, &bed->filter, &message),
                         0);
        assert_null(message);
        assert_int_equal(vmcore_view_new(memory->vmcore, &bed->view), 0);
        assert_int_equal(page_filter_reader_new(memory->vmcore, bed->view, &bed->reader), 0);
}

void bed_classify(FilterBed *bed)
{
        uint64_t sum = 0, n_kept;

        bed->counts = (PageCounts){};
        memset(bed->bits, 0xff, sizeof(bed->bits));
        assert_int_equal(
                page_filter_classify(bed->filter, bed->reader, 0, N_PAGES, bed->bits, &bed->counts),
                0);
        n_kept = bits_count_bytes(bed->bits, sizeof(bed->bits));
        for (PageClass class = 0; class < _PAGE_CLASS_MAX; class ++)
                sum += bed->counts.n_pages[class];
        assert_int_equal(sum, N_PAGES);
        assert_int_equal(bed->counts.n_pages[PAGE_KEPT], n_kept);
}

void bed_expect(FilterBed *bed, unsigned level, PageClass class, uint64_t first_pfn, uint64_t n)
{
        bed_open(bed, level);
        assert_null(page_filter_warnings(bed->filter));
        bed_classify(bed);
        for (uint64_t pfn = 0; pfn < N_PAGES; pfn++)
                if ((bed->bits[pfn / 8] >> pfn % 8 & 1) == (pfn - first_pfn < n))
                        fail_msg("%s: page %llu", bed->sections.kernel->name,
                                 (unsigned long long) pfn);
        if (n > 0)
                assert_int_equal(bed->counts.n_pages[class], n);
        assert_int_equal(bed->counts.n_unreadable, 0);
}

void bed_put(FilterBed *bed, uint64_t pfn, const TestPage *page)
{
        test_page_put(test_sections_struct(&bed->sections, pfn), page);
}
