/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of PageFilter: from a made-up kernel's memory to the pages that are left out. */
#include "strv.h"
#include "test-filter-bed.h"
#include "test.h"

/* As test_folio_put(), page by page, as they may be scattered. */
static void bed_put_folio(FilterBed *bed, uint64_t pfn, unsigned order, bool hugetlb,
                          const TestPage *head)
{
        uint64_t n = UINT64_C(1) << order;
        _cleanup_free_ uint8_t *pages = calloc(n, TEST_STRUCT_BYTES);

        assert_non_null(pages);
        test_folio_put(bed->sections.kernel, pages, pfn, order, hugetlb, head, n);
        for (uint64_t i = 0; i < n; i++)
                memcpy(test_sections_struct(&bed->sections, pfn + i), pages + i * TEST_STRUCT_BYTES,
                       TEST_STRUCT_BYTES);
}

static const TestPage *page_in_use(void)
{
        static const TestPage page = { .mapping = TEST_MAPPING_FILE,
                                       .mapcount = -1,
                                       .refcount = 1 };

        return &page;
}

static void test_blocks_and_folios(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++)
                for (TestMapping mapping = 0; mapping <= TEST_MAPPED_BY_PTE_SCATTERED; mapping++) {
                        const TestKernel *k = &test_kernels[i];
                        const TestPage free = { .mapcount = k->buddy, .private = 10 };
                        const TestPage cache = { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 2 };
                        _cleanup_(bed_done) FilterBed bed;

                        bed_init(&bed, k, mapping);
                        bed_put(&bed, 3 * TEST_SECTION_PAGES - 1024, &free);
                        bed_expect(&bed, 31, PAGE_FREE, 3 * TEST_SECTION_PAGES - 1024, 1024);
                        bed_expect(&bed, 15, PAGE_KEPT, 0, 0);

                        bed_put(&bed, 3 * TEST_SECTION_PAGES - 1024, page_in_use());
                        bed_put_folio(&bed, TEST_SECTION_PAGES, 6, false, &cache);
                        bed_expect(&bed, 31, PAGE_CACHE, TEST_SECTION_PAGES, 64);
                        bed_expect(&bed, 24, PAGE_KEPT, 0, 0);
                        bed_put_folio(&bed, TEST_SECTION_PAGES, 9, true, page_in_use());
                        bed_expect(&bed, 31, PAGE_USER, TEST_SECTION_PAGES, 512);
                        bed_expect(&bed, 23, PAGE_KEPT, 0, 0);
                }
}

/* Maps the memmap of [@pfn, @pfn + @n) onto its first page, as the kernel does to save memory;
 * since v7.1 the first stays, and the others are mapped onto one that is full of tails. */
static void bed_fold(FilterBed *bed, uint64_t pfn, uint64_t n)
{
        TestSections *t = &bed->sections;
        uint64_t per_page = TEST_PAGE_BYTES / TEST_STRUCT_BYTES;
        uint64_t onto = t->kernel->compound_mask ? pfn + per_page : pfn;

        for (uint64_t at = pfn + per_page; at < pfn + n; at += per_page) {
                if (at != onto)
                        memset(test_sections_struct(t, at), 0xee, TEST_PAGE_BYTES);
                test_memory_put_u64(
                        &t->memory,
                        test_sections_entry_paddr(t, t->vaddr + at * TEST_STRUCT_BYTES, 0),
                        test_sections_struct_paddr(t, onto) | TEST_PRESENT);
        }
}

static void test_gigantic_folios(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++)
                for (TestMapping mapping = 0; mapping <= TEST_MAPPED_BY_PTE_SCATTERED; mapping++) {
                        const TestKernel *k = &test_kernels[i];
                        const TestPage poisoned = { k->hwpoison, 0, 0, 0, -1, 0 };
                        const uint64_t first = 2 * TEST_SECTION_PAGES, n = 2 * TEST_SECTION_PAGES;
                        _cleanup_(bed_done) FilterBed bed;

                        bed_init(&bed, k, mapping);
                        bed_put_folio(&bed, first, 13, true, page_in_use());
                        bed_expect(&bed, 8, PAGE_USER, first, n);
                        bed_expect(&bed, 23, PAGE_KEPT, 0, 0);
                        if (mapping != TEST_MAPPED_BY_PMD) {
                                bed_fold(&bed, first, n);
                                bed_expect(&bed, 8, PAGE_USER, first, n);
                                bed_expect(&bed, 23, PAGE_KEPT, 0, 0);
                        }
                        bed_put_folio(&bed, first, 13, true, &poisoned);
                        bed_expect(&bed, 0, PAGE_HWPOISON, first, n);
                }
}

static void test_folded_hugetlb_pages(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                _cleanup_(bed_done) FilterBed bed;

                bed_init(&bed, &test_kernels[i], TEST_MAPPED_BY_PTE);
                for (uint64_t pfn = 2 * TEST_SECTION_PAGES; pfn < N_PAGES; pfn += 512) {
                        bed_put_folio(&bed, pfn, 9, true, page_in_use());
                        bed_fold(&bed, pfn, 512);
                }
                bed_expect(&bed, 31, PAGE_USER, 2 * TEST_SECTION_PAGES, 2 * TEST_SECTION_PAGES);
                bed_expect(&bed, 23, PAGE_KEPT, 0, 0);
        }
}

/* A head that claims more than its tails, in other sections, agree to. */
static void test_gigantic_lies(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                _cleanup_(bed_done) FilterBed bed;

                bed_init(&bed, k, TEST_MAPPED_BY_PMD);
                bed_put_folio(&bed, 2 * TEST_SECTION_PAGES, 13, true, page_in_use());
                for (uint64_t pfn = 3 * TEST_SECTION_PAGES; pfn < N_PAGES; pfn++)
                        bed_put(&bed, pfn, page_in_use());
                bed_expect(&bed, 8, PAGE_USER, 2 * TEST_SECTION_PAGES, TEST_SECTION_PAGES);

                /* The other way round: tails of a head that is none. */
                bed_put_folio(&bed, 2 * TEST_SECTION_PAGES, 13, true, page_in_use());
                bed_put(&bed, 2 * TEST_SECTION_PAGES, page_in_use());
                bed_expect(&bed, 8, PAGE_KEPT, 0, 0);
        }
}

static uint64_t random_struct_put(FilterBed *bed, uint64_t pfn, uint64_t *seed)
{
        const TestKernel *k = bed->sections.kernel;
        const int32_t types[] = { k->buddy, k->offline, k->hugetlb_type, -1 };
        const TestPage free = { .mapcount = k->buddy, .private = test_random(seed) % 12 };
        const TestPage garbage = {
                .flags = test_random(seed) & test_random(seed),
                .compound = test_random(seed) % 2 ? test_random(seed) : 0,
                .mapping = test_random(seed),
                .private = test_random(seed) % 12,
                .mapcount = types[test_random(seed) % 4],
                .refcount = (int32_t) (test_random(seed) % 3),
        };
        const TestPage use = { k->lru, 0, TEST_MAPPING_FILE | test_random(seed) % 2, 0, -1, 2 };
        unsigned order = (unsigned) (test_random(seed) % 14);

        switch (test_random(seed) % 4) {
        case 0:
                bed_put(bed, pfn, &free);
                return pfn + 1;
        case 1:
                bed_put(bed, pfn, &garbage);
                return pfn + 1;
        case 2:
                bed_put(bed, pfn, &use);
                return pfn + 1;
        default:
                if (order == 0 || pfn % (UINT64_C(1) << order) != 0 ||
                    pfn + (UINT64_C(1) << order) > N_PAGES)
                        return pfn + 1;
                bed_put_folio(bed, pfn, order, test_random(seed) % 2, &use);
                return pfn + (UINT64_C(1) << order);
        }
}

/* Whatever is there, and in whatever order and pieces one asks. */
static void test_answers_do_not_depend_on_the_question(void **state)
{
        uint64_t seed = 99;

        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                _cleanup_(bed_done) FilterBed bed;
                uint8_t bits[N_PAGES / 8];

                bed_init(&bed, &test_kernels[i], (TestMapping) (i % 3));
                for (uint64_t pfn = IMAGE_END_PFN + 0x800; pfn < N_PAGES;)
                        pfn = random_struct_put(&bed, pfn, &seed);
                bed_open(&bed, 31);
                bed_classify(&bed);
                assert_true(bed.counts.n_pages[PAGE_FREE] > 0);
                assert_true(bed.counts.n_pages[PAGE_CACHE] > 0);
                assert_true(bed.counts.n_pages[PAGE_USER] > 0);

                for (size_t n = TEST_SECTION_PAGES; n > 100; n = n * 2 / 3)
                        for (uint64_t s = TEST_N_SECTIONS; s-- > 0;) {
                                uint64_t first = s * TEST_SECTION_PAGES;
                                PageCounts counts = {};
                                size_t n_asked = s == 1 && n > 2000 ? N_PAGES - first : n;
                                uint8_t tail = (uint8_t) (0xff << n_asked % 8);

                                memset(bits, 0xff, sizeof(bits));
                                if (n_asked % 8 != 0)
                                        bits[n_asked / 8] = (uint8_t) ~tail;
                                assert_int_equal(page_filter_classify(bed.filter, bed.reader, first,
                                                                      n_asked, bits, &counts),
                                                 0);
                                assert_memory_equal(bits, bed.bits + first / 8, n_asked / 8);
                                if (n_asked % 8 != 0)
                                        assert_int_equal(bits[n_asked / 8],
                                                         bed.bits[(first + n_asked) / 8] &
                                                                 (uint8_t) ~tail);
                        }
        }
}

static void test_ranges_begin_aligned(void **state)
{
        _cleanup_(bed_done) FilterBed bed;
        PageCounts counts = {};
        uint8_t bits[1] = { 0xff };

        bed_init(&bed, &test_kernels[0], TEST_MAPPED_BY_PMD);
        bed_open(&bed, 31);
        assert_int_equal(page_filter_classify(bed.filter, bed.reader, 8, 8, bits, &counts),
                         -EINVAL);
        assert_int_equal(page_filter_classify(bed.filter, bed.reader, 0, 0, bits, &counts), 0);
        assert_int_equal(bits[0], 0xff);
        assert_int_equal(counts.n_pages[PAGE_KEPT], 0);
}

/* Free memory on both sides of a hole: what does not exist is not counted, and not looked at. */
static void test_holes(void **state)
{
        const TestPage free = { .mapcount = test_kernels[0].buddy, .private = 0 };
        _cleanup_(bed_done) FilterBed bed;
        PageCounts counts = {};
        uint8_t bits[TEST_SECTION_PAGES / 8] = {};

        bed_init(&bed, &test_kernels[0], TEST_MAPPED_BY_PMD);
        for (uint64_t pfn = TEST_SECTION_PAGES; pfn < TEST_SECTION_PAGES + 64; pfn++)
                bed_put(&bed, pfn, &free);
        bed_open(&bed, 31);
        bits[0] = 0x81;
        bits[5] = 0x10;
        bits[200] = 0x01;
        assert_int_equal(page_filter_classify(bed.filter, bed.reader, TEST_SECTION_PAGES,
                                              TEST_SECTION_PAGES, bits, &counts),
                         0);
        assert_int_equal(counts.n_pages[PAGE_FREE], 3);
        assert_int_equal(counts.n_pages[PAGE_KEPT], 1);
        assert_int_equal(bits[0] | bits[5], 0);
        assert_int_equal(bits[200], 0x01);
}

static void test_what_cannot_be_read_is_kept(void **state)
{
        for (unsigned damage = 0; damage < 4; damage++) {
                const TestKernel *k = test_kernel_find("6.12");
                const TestPage cache = { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 2 };
                TestMapping mapping = damage == 2   ? TEST_MAPPED_BY_PTE_SCATTERED
                                      : damage == 3 ? TEST_MAPPED_BY_PTE
                                                    : TEST_MAPPED_BY_PMD;
                uint64_t unreadable = TEST_SECTION_PAGES, at;
                _cleanup_(bed_done) FilterBed bed;
                TestSections *t = &bed.sections;

                bed_init(&bed, k, mapping);
                for (uint64_t pfn = TEST_SECTION_PAGES; pfn < N_PAGES; pfn++)
                        bed_put(&bed, pfn, &cache);
                at = test_sections_entry_paddr(t, t->vaddr + 2 * TEST_SECTION_PAGES * 64,
                                               mapping == TEST_MAPPED_BY_PMD);
                if (damage == 0)
                        test_sections_put(t, 2, 0, 0);
                else if (damage == 2) {
                        test_memory_put_u64(&t->memory, at + 8, 0);
                        test_memory_put_u64(&t->memory, at + 16, UINT64_C(0x7777777000) | 1);
                        unreadable = 2 * 64;
                } else if (damage == 3) {
                        test_memory_put_u64(&t->memory, at, 0);
                        unreadable = 64;
                }
                bed_open(&bed, 31);
                assert_int_equal(strv_length(page_filter_warnings(bed.filter)), damage == 0);
                if (damage == 1) {
                        /* The file ends within the struct pages of section 2: touching what is
                         * behind is a SIGBUS. */
                        const MemoryRun *run = vmcore_run_find(t->memory.vmcore, 0);
                        uint64_t paddr = test_sections_struct_paddr(t, 3 * TEST_SECTION_PAGES - 64);

                        bed_classify(&bed);
                        assert_int_equal(
                                ftruncate(t->memory.core.fd, (off_t) (run->file_offset + paddr)),
                                0);
                        unreadable = 2 * TEST_SECTION_PAGES;
                }
                bed_classify(&bed);
                assert_int_equal(bed.counts.n_unreadable, unreadable);
                assert_int_equal(bed.counts.n_pages[PAGE_CACHE],
                                 3 * TEST_SECTION_PAGES - unreadable);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_blocks_and_folios),
                cmocka_unit_test(test_gigantic_folios),
                cmocka_unit_test(test_folded_hugetlb_pages),
                cmocka_unit_test(test_gigantic_lies),
                cmocka_unit_test(test_answers_do_not_depend_on_the_question),
                cmocka_unit_test(test_ranges_begin_aligned),
                cmocka_unit_test(test_holes),
                cmocka_unit_test(test_what_cannot_be_read_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
