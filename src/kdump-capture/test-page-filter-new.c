/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of what a page filter never leaves out, and when it does not trust itself. */
#include "strv.h"
#include "test-filter-bed.h"
#include "test.h"

static void test_sections_that_are_offline(void **state)
{
        _cleanup_(bed_done) FilterBed bed;

        bed_init(&bed, test_kernel_find("6.12"), TEST_MAPPED_BY_PMD);
        test_sections_put(&bed.sections, 3, bed.sections.vaddr, 0xb);
        bed_expect(&bed, 1, PAGE_OFFLINE, 3 * TEST_SECTION_PAGES, TEST_SECTION_PAGES);
        bed_expect(&bed, 0, PAGE_KEPT, 0, 0);

        /* The kernel itself cannot be. */
        test_sections_put(&bed.sections, 0, bed.sections.vaddr, 0xb);
        bed_open(&bed, 31);
        assert_int_equal(strv_length(page_filter_warnings(bed.filter)), 1);
        bed_classify(&bed);
        assert_int_equal(bed.counts.n_pages[PAGE_KEPT], N_PAGES);
}

/* The struct pages. */
#define MEMMAP_PFN (TEST_MEMMAP_PADDR / TEST_PAGE_BYTES)
#define N_MEMMAP_PAGES (N_PAGES * TEST_STRUCT_BYTES / TEST_PAGE_BYTES)

/* What is looked at, in struct page, before any of it is believed. */
static bool is_table(const FilterBed *bed, uint64_t pfn)
{
        return pfn == TEST_MEM_SECTION_ROOT_PADDR / TEST_PAGE_BYTES ||
               pfn == TEST_MEM_SECTION_PADDR / TEST_PAGE_BYTES ||
               (pfn >= TEST_TABLES_PADDR / TEST_PAGE_BYTES &&
                pfn < bed->sections.next_table_paddr / TEST_PAGE_BYTES) ||
               (pfn >= MEMMAP_PFN && pfn < MEMMAP_PFN + N_MEMMAP_PAGES);
}

static void test_pages_that_are_never_left_out(void **state)
{
        static const uint64_t kept[] = {
                0,
                0xff,
                STEXT_PFN,
                IMAGE_END_PFN - 1,
                TEST_MEM_SECTION_PADDR / TEST_PAGE_BYTES,
                TEST_MEM_SECTION_ROOT_PADDR / TEST_PAGE_BYTES,
                TEST_TABLES_PADDR / TEST_PAGE_BYTES,
                0x700,
                0x704,
        };
        const TestKernel *k = test_kernel_find("6.12");
        const TestPage cache = { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 2 };
        _cleanup_(bed_done) FilterBed bed;
        TestMemory *memory = &bed.sections.memory;

        bed_init(&bed, k, TEST_MAPPED_BY_PMD);
        for (uint64_t pfn = 0; pfn < N_PAGES; pfn++)
                if (pfn < STEXT_PFN || (pfn >= IMAGE_END_PFN && !is_table(&bed, pfn)) ||
                    pfn == 0x210)
                        bed_put(&bed, pfn, &cache);

        /* The log: its text at 0x700000, the two other arrays at 0x704000. */
        test_memory_info(memory, "SYMBOL(prb)=%llx",
                         (unsigned long long) TEST_KERNEL_MAP_VADDR + 0x1000);
        test_memory_info(memory, "%s",
                         "OFFSET(printk_ringbuffer.desc_ring)=0\n"
                         "OFFSET(printk_ringbuffer.text_data_ring)=64\n"
                         "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
                         "OFFSET(prb_desc_ring.infos)=16\nSIZE(prb_desc)=24\nSIZE(printk_info)=88\n"
                         "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8");
        test_memory_put_u64(memory, TEST_PHYS_BASE + 0x1000, TEST_KERNEL_MAP_VADDR + 0x3000);
        test_memory_put_u32(memory, TEST_PHYS_BASE + 0x3000, 4);
        test_memory_put_u64(memory, TEST_PHYS_BASE + 0x3008, TEST_DIRECT_MAP_VADDR + 0x704000);
        test_memory_put_u64(memory, TEST_PHYS_BASE + 0x3010, TEST_DIRECT_MAP_VADDR + 0x704800);
        test_memory_put_u32(memory, TEST_PHYS_BASE + 0x3040, 13);
        test_memory_put_u64(memory, TEST_PHYS_BASE + 0x3048, TEST_DIRECT_MAP_VADDR + 0x700000);

        /* But these must not be read. */
        bed_put(&bed, STEXT_PFN + 5, &(TestPage){ .mapcount = k->offline, .refcount = 1 });
        bed_put(&bed, STEXT_PFN + 6, &(TestPage){ .flags = k->hwpoison, .mapcount = -1 });

        bed_open(&bed, 31);
        assert_null(page_filter_warnings(bed.filter));
        bed_classify(&bed);
        assert_int_equal(bed.counts.n_pages[PAGE_OFFLINE], 1);
        assert_int_equal(bed.counts.n_pages[PAGE_HWPOISON], 1);
        assert_int_equal(bed.bits[STEXT_PFN / 8] & 0x60, 0);
        for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                assert_true(bed.bits[kept[i] / 8] >> kept[i] % 8 & 1);
        /* 1 MiB, the image, two of mem_section, the tables, struct pages, and of the log two and
         * one. */
        assert_int_equal(bed.counts.n_pages[PAGE_KEPT],
                         0x100 + (IMAGE_END_PFN - STEXT_PFN) - 2 + 2 +
                                 (bed.sections.next_table_paddr - TEST_TABLES_PADDR) /
                                         TEST_PAGE_BYTES +
                                 N_MEMMAP_PAGES + 3);
}

/* The part of the image for booting is freed, and holds other data then: it has lost PG_reserved.
 */
static void test_given_away_pages_of_the_image_are_like_others(void **state)
{
        const TestKernel *k = test_kernel_find("6.1");
        const uint64_t reserved = UINT64_C(1) << 12, given_pfn = STEXT_PFN + 0x20;
        const TestPage anon = { k->lru, 0, TEST_MAPPING_ANON, 0, 0, 1 };
        TestPage anon_reserved = anon;
        _cleanup_(bed_done) FilterBed bed;

        bed_init(&bed, k, TEST_MAPPED_BY_PMD);
        for (uint64_t pfn = STEXT_PFN; pfn < IMAGE_END_PFN; pfn++)
                bed_put(&bed, pfn, &(TestPage){ .flags = reserved, .mapcount = -1, .refcount = 1 });
        anon_reserved.flags |= reserved;
        bed_put(&bed, given_pfn, &anon);
        bed_put(&bed, given_pfn + 1, &anon_reserved);
        bed_expect(&bed, 31, PAGE_USER, given_pfn, 1);
}

/* Before v5.13 the page allocator has pages there. */
static void test_low_memory_that_is_not_reserved_is_like_other(void **state)
{
        const TestKernel *k = test_kernel_find("5.10");
        const uint64_t reserved = UINT64_C(1) << 12;
        _cleanup_(bed_done) FilterBed bed;

        bed_init(&bed, k, TEST_MAPPED_BY_PMD);
        for (uint64_t pfn = STEXT_PFN; pfn < IMAGE_END_PFN; pfn++)
                bed_put(&bed, pfn, &(TestPage){ .flags = reserved, .mapcount = -1, .refcount = 1 });
        for (uint64_t pfn = 0x40; pfn < 0x80; pfn++)
                bed_put(&bed, pfn, &(TestPage){ k->lru, 0, TEST_MAPPING_ANON, 0, 0, 1 });
        bed_expect(&bed, 31, PAGE_USER, 0x40, 0x40);

        /* That which is reserved is kept, and all of it if there is nothing to learn the flag from.
         */
        bed_put(&bed, 0x30, &(TestPage){ k->lru | reserved, 0, TEST_MAPPING_ANON, 0, 0, 1 });
        bed_expect(&bed, 31, PAGE_USER, 0x40, 0x40);
        bed_put(&bed, STEXT_PFN, &(TestPage){ .mapcount = -1, .refcount = 1 });
        bed_expect(&bed, 31, PAGE_KEPT, 0, 0);
}

static void test_gates(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const struct {
                        TestPage page;
                        unsigned disabled;
                } rows[] = {
                        { { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 2 }, PAGE_CLASS_BIT(PAGE_CACHE) },
                        { { k->lru | k->private, 0, TEST_MAPPING_FILE, 0, -1, 2 },
                          PAGE_CLASS_BIT(PAGE_CACHE_PRIVATE) },
                        { { k->lru, 0, TEST_MAPPING_ANON, 0, -1, 2 }, PAGE_CLASS_BIT(PAGE_USER) },
                        { { 0, 0, 0, 7, k->buddy, 0 }, PAGE_CLASS_BIT(PAGE_FREE) },
                        { { 0, 0, 0, 0, k->offline, 0 }, PAGE_CLASS_BIT(PAGE_OFFLINE) },
                        /* May well be: it is why there was a panic. */
                        { { k->hwpoison, 0, 0, 0, -1, 1 }, 0 },
                };

                for (size_t row = 0; row < ELEMENTSOF(rows); row++) {
                        _cleanup_(bed_done) FilterBed bed;

                        bed_init(&bed, k, TEST_MAPPED_BY_PMD);
                        bed_put(&bed, INIT_UTS_NS_PFN, &rows[row].page);
                        bed_open(&bed, 31);
                        assert_int_equal(page_filter_classes(bed.filter),
                                         page_classes_of_level(31) & ~rows[row].disabled);
                        assert_int_equal(strv_length(page_filter_warnings(bed.filter)),
                                         rows[row].disabled != 0);
                }
        }
}

/* Only a few of all these pages need to be looked at, but whatever looks like all of them, or like
 * those of one section, is noticed. */
static void test_gates_of_struct_pages_and_tables(void **state)
{
        const struct {
                uint64_t first_pfn, n;
        } ranges[] = {
                { MEMMAP_PFN, N_MEMMAP_PAGES },
                { MEMMAP_PFN + N_MEMMAP_PAGES / 4, N_MEMMAP_PAGES / 4 },
                { TEST_TABLES_PADDR / TEST_PAGE_BYTES, 1 },
                { TEST_MEM_SECTION_ROOT_PADDR / TEST_PAGE_BYTES, 1 },
        };

        for (TestMapping mapping = 0; mapping <= TEST_MAPPED_BY_PTE; mapping++)
                for (size_t i = 0; i < ELEMENTSOF(ranges); i++) {
                        const TestKernel *k = test_kernel_find("6.12");
                        const TestPage free = { .mapcount = k->buddy };
                        _cleanup_(bed_done) FilterBed bed;

                        bed_init(&bed, k, mapping);
                        for (uint64_t at = 0; at < ranges[i].n; at++)
                                bed_put(&bed, ranges[i].first_pfn + at, &free);
                        bed_open(&bed, 31);
                        assert_int_equal(page_filter_classes(bed.filter),
                                         page_classes_of_level(31) & ~PAGE_CLASS_BIT(PAGE_FREE));
                        assert_int_equal(strv_length(page_filter_warnings(bed.filter)), 1);
                        bed_classify(&bed);
                        assert_int_equal(bed.counts.n_pages[PAGE_KEPT], N_PAGES);
                }
}

static void test_two_poisoned_gates_are_not_believed(void **state)
{
        const TestKernel *k = test_kernel_find("6.6");
        const TestPage poison = { k->hwpoison, 0, 0, 0, -1, 1 };
        _cleanup_(bed_done) FilterBed bed;

        bed_init(&bed, k, TEST_MAPPED_BY_PMD);
        bed_put(&bed, INIT_UTS_NS_PFN, &poison);
        bed_put(&bed, STEXT_PFN, &poison);
        bed_open(&bed, 31);
        assert_false(page_filter_classes(bed.filter) & PAGE_CLASS_BIT(PAGE_HWPOISON));
        assert_int_equal(strv_length(page_filter_warnings(bed.filter)), 1);
}

static void test_no_filter_says_why(void **state)
{
        static const struct {
                const char *line;
                int r;
        } rows[] = {
                { "SIZE(page)=0", -EBADMSG },
                { "SIZE(mem_section)=0", -EBADMSG },
                { "OFFSET(page.flags)=1000", -ENODATA },
                { "SYMBOL(mem_section)=ffff888000000000", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(bed_done) FilterBed bed;
                _cleanup_free_ char *message = NULL;
                TestMemory *memory = &bed.sections.memory;

                bed_init(&bed, &test_kernels[0], TEST_MAPPED_BY_PMD);
                test_memory_info(memory, "%s", rows[i].line);
                assert_int_equal(test_memory_open(memory), 0);
                assert_int_equal(page_filter_new(memory->vmcore, memory->kmem, memory->info,
                                                 (uint32_t) TEST_PAGE_BYTES, 31, &bed.filter,
                                                 &message),
                                 rows[i].r);
                assert_null(bed.filter);
                assert_non_null(message);
        }
        assert_null(page_filter_free(NULL));
        assert_null(page_filter_reader_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sections_that_are_offline),
                cmocka_unit_test(test_pages_that_are_never_left_out),
                cmocka_unit_test(test_given_away_pages_of_the_image_are_like_others),
                cmocka_unit_test(test_low_memory_that_is_not_reserved_is_like_other),
                cmocka_unit_test(test_gates),
                cmocka_unit_test(test_gates_of_struct_pages_and_tables),
                cmocka_unit_test(test_two_poisoned_gates_are_not_believed),
                cmocka_unit_test(test_no_filter_says_why),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
