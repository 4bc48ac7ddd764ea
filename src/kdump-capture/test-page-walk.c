/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of PageWalk: which struct pages are which class, on kernels of several ages. */
#include "page-walk.h"
#include "test-core.h"
#include "test-pages.h"
#include "test.h"

#define N PAGE_WALK_PAGES
#define FIRST_PFN (UINT64_C(5) * N)
#define STRUCT TEST_STRUCT_BYTES

/* Struct pages of one walk, and what came of it. */
typedef struct Bed {
        const TestKernel *kernel;
        uint8_t *pages;
        PageWalk walk;
} Bed;

static void bed_init(Bed *bed, const TestKernel *kernel)
{
        const TestPage nothing = { .mapcount = -1, .refcount = 1 };

        bed->kernel = kernel;
        bed->pages = malloc((size_t) N * STRUCT);
        assert_non_null(bed->pages);
        for (size_t i = 0; i < N; i++)
                test_page_put(bed->pages + i * STRUCT, &nothing);
}

static void bed_done(Bed *bed)
{
        free(bed->pages);
}

static uint8_t *bed_page(Bed *bed, uint32_t at)
{
        return bed->pages + (size_t) at * STRUCT;
}

/* Walks @start to @end in chunks of @n_chunk struct pages. */
static void bed_walk_part(Bed *bed, const PageRules *rules, uint32_t start, uint32_t end,
                          uint32_t n_chunk)
{
        page_walk_start(&bed->walk, start, end);
        while (bed->walk.next < bed->walk.end) {
                uint32_t first = bed->walk.next / n_chunk * n_chunk;

                page_walk(rules, &bed->walk, bed_page(bed, first), first, n_chunk);
        }
}

static void bed_walk(Bed *bed, unsigned level)
{
        PageRules rules;

        test_rules_load(bed->kernel, level, &rules);
        bed->walk = (PageWalk){ .first_pfn = FIRST_PFN };
        bed_walk_part(bed, &rules, 0, N, N);
}

/* Exactly the @n pages from @first on are left out, as @class. */
static void bed_expect(const Bed *bed, PageClass class, uint32_t first, uint32_t n)
{
        for (uint32_t i = 0; i < N; i++)
                if ((bed->walk.excluded[i / 64] >> i % 64 & 1) != (i - first < n))
                        fail_msg("%s: page %u", bed->kernel->name, i);
        for (PageClass i = 0; i < _PAGE_CLASS_MAX; i++)
                assert_int_equal(bed->walk.n_pages[i], i == class ? n : 0);
}

/* What is done at level 31, and which of the levels 2, 4, 8, 16 and 0 do it alone. */
typedef struct Row {
        const char *what;
        TestPage page;
        PageClass class;
        const char *levels;
} Row;

static void row_check(Bed *bed, const Row *row)
{
        static const unsigned levels[] = { 2, 4, 8, 16, 0 };

        test_page_put(bed_page(bed, 100), &row->page);
        bed_walk(bed, 31);
        bed_expect(bed, row->class, 100, row->class != PAGE_KEPT);

        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                bool expected = row->levels[i] == 'x';

                bed_walk(bed, levels[i]);
                bed_expect(bed, row->class, 100, expected);
        }
}

static void test_single_pages(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const uint64_t file = TEST_MAPPING_FILE, anon = TEST_MAPPING_ANON;
                const int32_t slab_type = k->slab_type ?: -1;
                const Row rows[] = {
                        { "kernel", { .mapcount = -1, .refcount = 1 }, PAGE_KEPT, "....." },
                        { "cache", { k->lru, 0, file, 0, -1, 2 }, PAGE_CACHE, "xx..." },
                        { "mapped cache", { k->lru, 0, file, 0, 5, 7 }, PAGE_CACHE, "xx..." },
                        { "cache with buffers",
                          { k->lru | k->private, 0, file, 0, -1, 2 },
                          PAGE_CACHE_PRIVATE,
                          ".x..." },
                        { "swap cache of shmem",
                          { k->swapcache | k->swapbacked, 0, 0, 0, -1, 2 },
                          PAGE_CACHE,
                          "xx..." },
                        { "owner's flag", { k->swapcache, 0, 0, 0, -1, 2 }, PAGE_KEPT, "....." },
                        { "not on a list", { 0, 0, file, 0, -1, 2 }, PAGE_KEPT, "....." },
                        { "anonymous",
                          { k->lru | k->swapbacked, 0, anon, 0, 0, 1 },
                          PAGE_USER,
                          "..x.." },
                        { "KSM", { k->lru, 0, anon | 2, 0, 3, 1 }, PAGE_USER, "..x.." },
                        { "cache being freed", { k->lru, 0, file, 0, -1, 0 }, PAGE_KEPT, "....." },
                        { "user being freed", { k->lru, 0, anon, 0, -1, 0 }, PAGE_KEPT, "....." },
                        { "slab with an odd word",
                          { k->slab, 0, anon, 0, slab_type, 1 },
                          PAGE_KEPT,
                          "....." },
                        { "page table with an odd word",
                          { 0, 0, anon, 0, k->buddy ^ (k->buddy & 0xffffff ? 0x600 : 2 << 24), 1 },
                          PAGE_KEPT,
                          "....." },
                        { "poison", { k->hwpoison, 0, 0, 0, -1, 1 }, PAGE_HWPOISON, "xxxxx" },
                        { "offline", { 0, 0, 0, 0, k->offline, 1 }, PAGE_OFFLINE, "xxxxx" },
                        { "a tail of nothing", { k->lru, 1, anon, 0, -1, 1 }, PAGE_KEPT, "....." },
                        { "a poisoned tail",
                          { k->hwpoison, 1, 0, 0, -1, 0 },
                          PAGE_HWPOISON,
                          "xxxxx" },
                        { "free", { 0, 0, 0, 0, k->buddy, 0 }, PAGE_FREE, "...x." },
                        { "free with a reference",
                          { 0, 0, 0, 0, k->buddy, 1 },
                          PAGE_KEPT,
                          "....." },
                        { "free of order 11", { 0, 0, 0, 11, k->buddy, 0 }, PAGE_KEPT, "....." },
                        { "free of order 3, not aligned",
                          { 0, 0, 0, 3, k->buddy, 0 },
                          PAGE_KEPT,
                          "....." },
                        { "free of order 2^63",
                          { 0, 0, 0, UINT64_C(1) << 63, k->buddy, 0 },
                          PAGE_KEPT,
                          "....." },
                        { "all ones",
                          { UINT64_MAX & ~k->hwpoison, UINT64_MAX, UINT64_MAX, UINT64_MAX, -1, -1 },
                          PAGE_KEPT,
                          "....." },
                        { "all zeros", {}, PAGE_KEPT, "....." },
                };
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed, k);
                for (size_t row = 0; row < ELEMENTSOF(rows); row++)
                        row_check(&bed, &rows[row]);
        }
}

/* Since v6.12 the owner of a page may use the lower three bytes. */
static void test_lower_bytes_of_a_type(void **state)
{
        const TestPage slab = { .mapping = TEST_MAPPING_ANON,
                                .mapcount = -184549376 + 0x1234,
                                .refcount = 1 };
        const TestPage offline = { .mapcount = -251658240 + 7, .refcount = 1 };
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed, test_kernel_find("6.12"));
        test_page_put(bed_page(&bed, 7), &slab);
        test_page_put(bed_page(&bed, 8), &offline);
        bed_walk(&bed, 31);
        bed_expect(&bed, PAGE_OFFLINE, 8, 1);
}

static void test_free_blocks(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++)
                for (unsigned order = 0; order <= 10; order++) {
                        _cleanup_(bed_done) Bed bed;

                        bed_init(&bed, &test_kernels[i]);
                        test_buddy_put(bed.kernel, bed_page(&bed, 3072), order);
                        bed_walk(&bed, 16);
                        bed_expect(&bed, PAGE_FREE, 3072, 1U << order);
                        bed_walk(&bed, 15);
                        bed_expect(&bed, PAGE_KEPT, 0, 0);
                }
}

static void test_unaccepted_blocks(void **state)
{
        const TestKernel *kernel = test_kernel_find("7.1");
        const TestPage first = { .mapcount = kernel->unaccepted };
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed, kernel);
        test_page_put(bed_page(&bed, 1024), &first);
        bed_walk(&bed, 16);
        bed_expect(&bed, PAGE_FREE, 1024, 1024);

        test_page_put(bed_page(&bed, 1024), &(TestPage){ .mapcount = -1 });
        test_page_put(bed_page(&bed, 1025), &first);
        bed_walk(&bed, 16);
        bed_expect(&bed, PAGE_KEPT, 0, 0);
}

static void test_folios(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const struct {
                        bool hugetlb;
                        TestPage head;
                        PageClass class;
                        unsigned level;
                } rows[] = {
                        { false, { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 3 }, PAGE_CACHE, 2 },
                        { false, { k->lru, 0, TEST_MAPPING_ANON, 0, -1, 3 }, PAGE_USER, 8 },
                        { false, { 0, 0, 0, 0, -1, 1 }, PAGE_KEPT, 31 },
                        { true, { 0, 0, TEST_MAPPING_FILE, 0, -1, 1 }, PAGE_USER, 8 },
                        { true, { 0, 0, TEST_MAPPING_ANON, 0, 0, 1 }, PAGE_USER, 8 },
                        { true, { 0, 0, 0, 0, -1, 0 }, PAGE_USER, 8 }, /* in the pool */
                        { true, { k->hwpoison, 0, 0, 0, -1, 0 }, PAGE_HWPOISON, 16 },
                };

                for (size_t row = 0; row < ELEMENTSOF(rows); row++) {
                        _cleanup_(bed_done) Bed bed;
                        bool kept = rows[row].class == PAGE_KEPT;

                        bed_init(&bed, k);
                        test_folio_put(k, bed_page(&bed, 512), FIRST_PFN + 512, 9,
                                       rows[row].hugetlb, &rows[row].head, 512);
                        bed_walk(&bed, 31 & rows[row].level);
                        bed_expect(&bed, rows[row].class, 512, kept ? 0 : 512);
                        if (rows[row].class == PAGE_HWPOISON)
                                continue;
                        bed_walk(&bed, 31 & ~rows[row].level & ~(rows[row].level << 1));
                        bed_expect(&bed, rows[row].class, 0, 0);
                }
        }
}

/* A head that is not one counts for itself, its tails are kept. */
static void test_folios_that_contradict_themselves(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const TestPage head = { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 3 };
                const uint64_t other_head = k->compound_mask
                                                    ? ~UINT64_C(0xfff) | 1
                                                    : (TEST_MEMMAP_VADDR + FIRST_PFN * STRUCT) | 1;
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed, k);

                /* The second page is not a tail, is one of another head, the order is impossible,
                 * the order is too large: the last page is not of this folio. */
                for (unsigned damage = 0; damage < 4; damage++) {
                        uint8_t *second = bed_page(&bed, 17);

                        for (uint32_t at = 0; at < 64; at++)
                                test_page_put(bed_page(&bed, at),
                                              &(TestPage){ .mapcount = -1, .refcount = 1 });
                        test_folio_put(k, bed_page(&bed, 16), FIRST_PFN + 16, 4, false, &head, 16);
                        if (damage == 0)
                                memset(second + 8, 0, 8);
                        if (damage == 1)
                                memcpy(second + 8, &other_head, 8);
                        if (damage == 2)
                                second[k->order_offset] = 63;
                        if (damage == 3)
                                test_page_put(bed_page(&bed, 31), &(TestPage){ .mapcount = -1 });
                        bed_walk(&bed, 31);
                        bed_expect(&bed, PAGE_CACHE, 16, 1);
                }

                /* Not aligned to its size. */
                for (uint32_t at = 0; at < 64; at++)
                        test_page_put(bed_page(&bed, at), &(TestPage){ .mapcount = -1 });
                test_folio_put(k, bed_page(&bed, 20), FIRST_PFN + 20, 4, false, &head, 16);
                bed_walk(&bed, 31);
                bed_expect(&bed, PAGE_CACHE, 20, 1);
        }
}

/* The order is a byte of the crashed kernel. All tails agree, so that nothing else is wrong. */
static void test_orders_that_are_impossible(void **state)
{
        static const uint8_t orders[] = { 0, 23, 32, 63, 64, 76, 255 };

        for (size_t i = 0; i < TEST_N_KERNELS; i++)
                for (size_t o = 0; o < ELEMENTSOF(orders); o++) {
                        const TestKernel *k = &test_kernels[i];
                        const TestPage head = { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 3 };
                        _cleanup_(bed_done) Bed bed;
                        PageRules rules;

                        bed_init(&bed, k);
                        test_rules_load(k, 31, &rules);
                        test_folio_put(k, bed.pages, 0, 12, false, &head, N);
                        bed_page(&bed, 1)[k->order_offset] = orders[o];
                        bed.walk = (PageWalk){};
                        bed_walk_part(&bed, &rules, 0, N, N);
                        bed_expect(&bed, PAGE_CACHE, 0, 1);
                }
}

static void test_tails_of_another_head(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const TestPage head = { k->lru, 0, TEST_MAPPING_FILE, 0, -1, 3 };
                uint64_t other = k->compound_mask ? ~UINT64_C(0x3ff) | 1
                                                  : (TEST_MEMMAP_VADDR + FIRST_PFN * STRUCT) | 1;
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed, k);
                test_folio_put(k, bed_page(&bed, 24), FIRST_PFN + 24, 3, false, &head, 8);
                for (uint32_t at = 25; at < 32; at++)
                        memcpy(bed_page(&bed, at) + 8, &other, 8);
                bed_walk(&bed, 31);
                bed_expect(&bed, PAGE_CACHE, 24, 1);
        }
}

static void test_poisoned_tails_of_kept_folios(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const TestPage anon = { k->lru, 0, TEST_MAPPING_ANON, 0, -1, 3 };
                const TestPage poisoned = { k->lru | k->hwpoison, 0, TEST_MAPPING_ANON, 0, -1, 3 };
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed, k);
                test_folio_put(k, bed_page(&bed, 512), FIRST_PFN + 512, 9, false, &anon, 512);
                memcpy(bed_page(&bed, 700), &k->hwpoison, 8);
                bed_walk(&bed, 16);
                bed_expect(&bed, PAGE_HWPOISON, 700, 1);
                bed_walk(&bed, 8);
                bed_expect(&bed, PAGE_USER, 512, 512);

                /* On the head it says nothing of the others, unless it is of hugetlbfs. */
                test_folio_put(k, bed_page(&bed, 512), FIRST_PFN + 512, 9, false, &poisoned, 512);
                bed_walk(&bed, 16);
                bed_expect(&bed, PAGE_HWPOISON, 512, 1);
        }
}

/* Whatever way it is asked: in chunks, and with the folio entered in the middle. */
static void test_folios_that_begin_before(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const TestPage head = { 0, 0, TEST_MAPPING_FILE, 0, -1, 1 };
                const uint64_t head_pfn = UINT64_C(1) << 18;
                _cleanup_free_ uint8_t *pages = calloc(8, STRUCT);
                _cleanup_(bed_done) Bed bed;
                PageFolio folio;
                PageRules rules;

                bed_init(&bed, k);
                assert_non_null(pages);
                test_rules_load(k, 31, &rules);
                test_folio_put(k, pages, head_pfn, 18, true, &head, 8);

                for (uint64_t pfn = head_pfn + N; pfn < head_pfn + 3 * N; pfn += N)
                        assert_int_equal(page_walk_head(&rules, pfn, pages + 4 * STRUCT), head_pfn);
                /* "Fake heads" of a memmap that is folded: the first page is seen again. */
                if (!k->compound_mask)
                        assert_int_equal(page_walk_head(&rules, head_pfn + N, pages), head_pfn);
                assert_int_equal(page_walk_head(&rules, head_pfn, pages), head_pfn);

                page_walk_enter(&rules, head_pfn + N, head_pfn, pages, &folio);
                assert_int_equal(folio.class, PAGE_USER);
                assert_int_equal(folio.head_pfn, head_pfn);
                assert_int_equal(folio.end_pfn, head_pfn << 1);
                page_walk_enter(&rules, head_pfn << 1, head_pfn, pages, &folio);
                assert_int_equal(folio.end_pfn, 0);

                /* Half a range of it. */
                bed.walk = (PageWalk){
                        .first_pfn = FIRST_PFN,
                        .folio = { FIRST_PFN - N, FIRST_PFN + 100, PAGE_USER },
                };
                bed_walk_part(&bed, &rules, 3, N, 64);
                bed_expect(&bed, PAGE_USER, 3, 97);

                /* A kept one of hugetlbfs is jumped over. */
                rules.classes = page_classes_of_level(16);
                page_walk_enter(&rules, head_pfn + N, head_pfn, pages, &folio);
                assert_int_equal(folio.class, PAGE_KEPT);
                assert_int_equal(folio.end_pfn, head_pfn << 1);
        }
}

static void test_head_that_is_nowhere(void **state)
{
        static const uint64_t words[] = {
                1,
                3,
                UINT64_MAX,
                TEST_MEMMAP_VADDR - STRUCT + 1,
                TEST_MEMMAP_VADDR + 7,
                TEST_MEMMAP_VADDR + FIRST_PFN * STRUCT + 1,
                TEST_MEMMAP_VADDR + (FIRST_PFN + 1) * STRUCT + 1,
        };
        PageRules rules;

        test_rules_load(test_kernel_find("6.12"), 31, &rules);
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                uint8_t pages[2 * STRUCT] = {};

                memcpy(pages + 8, &words[i], 8);
                assert_int_equal(page_walk_head(&rules, FIRST_PFN, pages), FIRST_PFN);
        }
}

static uint32_t bed_count(const Bed *bed)
{
        uint32_t n = 0;

        for (size_t i = 0; i < N / 64; i++)
                n += (uint32_t) __builtin_popcountll(bed->walk.excluded[i]);
        return n;
}

/* Garbage ends, marks nothing outside of the range, and each page once. */
static void test_garbage(void **state)
{
        uint64_t seed = 42;

        for (unsigned round = 0; round < 200; round++) {
                const TestKernel *k = &test_kernels[round % TEST_N_KERNELS];
                uint32_t start = (uint32_t) (test_random(&seed) % N);
                uint32_t end = start + (uint32_t) (test_random(&seed) % (N - start)) + 1;
                uint64_t sum = 0;
                _cleanup_(bed_done) Bed bed;
                PageRules rules;

                bed_init(&bed, k);
                for (size_t i = 0; i < N; i++) {
                        const int32_t mapcounts[] = { -1, k->buddy, k->offline, k->hugetlb_type,
                                                      (int32_t) test_random(&seed) };
                        TestPage page = {
                                .flags = test_random(&seed) & test_random(&seed),
                                .compound = test_random(&seed) % 4,
                                .mapping = test_random(&seed),
                                .private = test_random(&seed) % 16,
                                .mapcount = mapcounts[test_random(&seed) % 5],
                                .refcount = (int32_t) (test_random(&seed) % 2),
                        };

                        if (page.compound == 1)
                                page.compound =
                                        (TEST_MEMMAP_VADDR + (FIRST_PFN + i - 1) * STRUCT) | 1;
                        test_page_put(bed_page(&bed, (uint32_t) i), &page);
                }
                test_rules_load(k, 31, &rules);
                bed.walk = (PageWalk){ .first_pfn = FIRST_PFN };
                bed_walk_part(&bed, &rules, start, end, 64);
                assert_int_equal(bed.walk.next, end);
                for (PageClass class = 0; class < _PAGE_CLASS_MAX; class ++)
                        sum += bed.walk.n_pages[class];
                assert_int_equal(sum, bed_count(&bed));
                for (uint32_t i = 0; i < N; i++)
                        if (i < start || i >= end)
                                assert_false(bed.walk.excluded[i / 64] >> i % 64 & 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_single_pages),
                cmocka_unit_test(test_lower_bytes_of_a_type),
                cmocka_unit_test(test_free_blocks),
                cmocka_unit_test(test_unaccepted_blocks),
                cmocka_unit_test(test_folios),
                cmocka_unit_test(test_folios_that_contradict_themselves),
                cmocka_unit_test(test_orders_that_are_impossible),
                cmocka_unit_test(test_tails_of_another_head),
                cmocka_unit_test(test_poisoned_tails_of_kept_folios),
                cmocka_unit_test(test_folios_that_begin_before),
                cmocka_unit_test(test_head_that_is_nowhere),
                cmocka_unit_test(test_garbage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
