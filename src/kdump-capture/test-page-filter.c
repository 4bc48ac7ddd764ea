/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of PageFilter: from a made-up kernel's memory to the pages that are left out. */
#include "page-filter.h"
#include "pagemap.h"
#include "strv.h"
#include "test-sections.h"
#include "test.h"

#define N_PAGES (TEST_N_SECTIONS * TEST_SECTION_PAGES)
#define STEXT_PFN (TEST_PHYS_BASE / TEST_PAGE_BYTES)
#define INIT_UTS_NS_PFN (STEXT_PFN + 0x80)
#define IMAGE_END_PFN (TEST_ROOT_PADDR / TEST_PAGE_BYTES + 1)

typedef struct Bed {
        TestSections sections;
        PageFilter *filter;
        PageFilterReader *reader;
        uint8_t bits[N_PAGES / 8];
        PageCounts counts;
} Bed;

static void bed_init(Bed *bed, const TestKernel *kernel, TestMapping mapping)
{
        memset(bed, 0, sizeof(*bed));
        test_sections_init(&bed->sections, kernel, 4, mapping);
}

static void bed_close(Bed *bed)
{
        bed->reader = page_filter_reader_free(bed->reader);
        bed->filter = page_filter_free(bed->filter);
}

static void bed_done(Bed *bed)
{
        bed_close(bed);
        test_sections_done(&bed->sections);
}

static void bed_open(Bed *bed, unsigned level)
{
        TestMemory *memory = &bed->sections.memory;
        char *message = NULL;

        bed_close(bed);
        assert_int_equal(test_memory_open(memory), 0);
        assert_int_equal(page_filter_new(memory->vmcore, memory->kmem, memory->info,
                                         (uint32_t) TEST_PAGE_BYTES, level, &bed->filter, &message),
                         0);
        assert_null(message);
        assert_int_equal(page_filter_reader_new(memory->vmcore, &bed->reader), 0);
}

static void bed_classify(Bed *bed)
{
        uint64_t sum = 0, n_kept = 0;

        bed->counts = (PageCounts){};
        memset(bed->bits, 0xff, sizeof(bed->bits));
        assert_int_equal(
                page_filter_classify(bed->filter, bed->reader, 0, N_PAGES, bed->bits, &bed->counts),
                0);
        for (size_t i = 0; i < sizeof(bed->bits); i++)
                n_kept += (uint64_t) __builtin_popcount(bed->bits[i]);
        for (PageClass class = 0; class < _PAGE_CLASS_MAX; class ++)
                sum += bed->counts.n_pages[class];
        assert_int_equal(sum, N_PAGES);
        assert_int_equal(bed->counts.n_pages[PAGE_KEPT], n_kept);
}

/* Exactly these are left out. */
static void bed_expect(Bed *bed, unsigned level, PageClass class, uint64_t first_pfn, uint64_t n)
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

static void bed_put(Bed *bed, uint64_t pfn, const TestPage *page)
{
        test_page_put(test_sections_struct(&bed->sections, pfn), page);
}

/* As test_folio_put(), page by page, as they may be scattered. */
static void bed_put_folio(Bed *bed, uint64_t pfn, unsigned order, bool hugetlb,
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
                        _cleanup_(bed_done) Bed bed;

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
static void bed_fold(Bed *bed, uint64_t pfn, uint64_t n)
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
                        _cleanup_(bed_done) Bed bed;

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
                _cleanup_(bed_done) Bed bed;

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
                _cleanup_(bed_done) Bed bed;

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

static uint64_t random_struct_put(Bed *bed, uint64_t pfn, uint64_t *seed)
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
                _cleanup_(bed_done) Bed bed;
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
        _cleanup_(bed_done) Bed bed;
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
        _cleanup_(bed_done) Bed bed;
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
                _cleanup_(bed_done) Bed bed;
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

static void test_sections_that_are_offline(void **state)
{
        _cleanup_(bed_done) Bed bed;

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
        _cleanup_(bed_done) Bed bed;
        TestMemory *memory = &bed.sections.memory;

        bed_init(&bed, k, TEST_MAPPED_BY_PMD);
        for (uint64_t pfn = 0; pfn < N_PAGES; pfn++)
                if (pfn < STEXT_PFN || (pfn >= IMAGE_END_PFN && pfn != 0x600) || pfn == 0x210)
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
        /* 1 MiB, the image, two of mem_section, the tables, and of the log two and one. */
        assert_int_equal(
                bed.counts.n_pages[PAGE_KEPT],
                0x100 + (IMAGE_END_PFN - STEXT_PFN) - 2 + 2 +
                        (bed.sections.next_table_paddr - TEST_TABLES_PADDR) / TEST_PAGE_BYTES + 3);
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
                        _cleanup_(bed_done) Bed bed;

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

static void test_two_poisoned_gates_are_not_believed(void **state)
{
        const TestKernel *k = test_kernel_find("6.6");
        const TestPage poison = { k->hwpoison, 0, 0, 0, -1, 1 };
        _cleanup_(bed_done) Bed bed;

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
                _cleanup_(bed_done) Bed bed;
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
                cmocka_unit_test(test_blocks_and_folios),
                cmocka_unit_test(test_gigantic_folios),
                cmocka_unit_test(test_folded_hugetlb_pages),
                cmocka_unit_test(test_gigantic_lies),
                cmocka_unit_test(test_answers_do_not_depend_on_the_question),
                cmocka_unit_test(test_ranges_begin_aligned),
                cmocka_unit_test(test_holes),
                cmocka_unit_test(test_what_cannot_be_read_is_kept),
                cmocka_unit_test(test_sections_that_are_offline),
                cmocka_unit_test(test_pages_that_are_never_left_out),
                cmocka_unit_test(test_gates),
                cmocka_unit_test(test_two_poisoned_gates_are_not_believed),
                cmocka_unit_test(test_no_filter_says_why),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
