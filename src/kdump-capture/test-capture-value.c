/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of what the writing side is told of a core's pages. */
#include "capture-source.h"
#include "test-filter-bed.h"
#include "test.h"

#define FREE_PFN (3 * TEST_SECTION_PAGES - 1024)
#define CACHE_PFN TEST_SECTION_PAGES

/* A core with one free block of 1024 pages, and one page of the page cache. */
static CaptureSource *open_source(FilterBed *bed, const TestKernel *kernel, unsigned level)
{
        const TestPage free_block = { .mapcount = kernel->buddy, .private = 10 };
        const TestPage cache = { kernel->lru, 0, TEST_MAPPING_FILE, 0, -1, 2 };
        TestMemory *memory = &bed->sections.memory;
        CaptureSource *source = NULL;

        bed_init(bed, kernel, TEST_MAPPED_BY_PMD);
        bed_put(bed, FREE_PFN, &free_block);
        bed_put(bed, CACHE_PFN, &cache);
        test_core_add_note(&memory->core, "VMCOREINFO", 0, memory->info_text, memory->n_info_text);
        assert_int_equal(test_memory_open(memory), 0);
        assert_int_equal(capture_source_open(memory->core.path, &source), 0);
        assert_int_equal(capture_source_filter(source, level), level);
        return source;
}

static bool is_kept(uint64_t pfn, unsigned level)
{
        if (pfn - FREE_PFN < 1024)
                return !(level & 16);
        if (pfn == CACHE_PFN)
                return !(level & 2);
        return true;
}

static void check_bits(const uint8_t *bits, unsigned level)
{
        for (uint64_t pfn = 0; pfn < N_PAGES; pfn++)
                if ((bits[pfn / 8] >> pfn % 8 & 1) != is_kept(pfn, level))
                        fail_msg("level %u: page %llu", level, (unsigned long long) pfn);
}

static void test_valuable_is_what_level_31_keeps(void **state)
{
        static const unsigned levels[] = { 0, 1, 2, 15, 16, 30, 31 };

        for (size_t i = 0; i < TEST_N_KERNELS; i++)
                for (size_t k = 0; k < ELEMENTSOF(levels); k++) {
                        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
                        _cleanup_(bed_done) FilterBed bed;
                        uint8_t bits[N_PAGES / 8];
                        PageSource pages;
                        void *reader = NULL;

                        source = open_source(&bed, &test_kernels[i], levels[k]);
                        capture_source_pages(source, &pages);
                        assert_int_equal(pages.valuable != NULL, levels[k] < 30);
                        assert_int_equal(pages.reader_new(pages.data, &reader), 0);
                        for (unsigned round = 0; round < 2; round++) {
                                pages.dumpable(reader, 0, N_PAGES, bits);
                                check_bits(bits, levels[k]);
                                if (!pages.valuable)
                                        continue;
                                pages.valuable(reader, 0, N_PAGES, bits);
                                check_bits(bits, 31);
                        }
                        pages.reader_free(reader);
                }
}

/* Its struct pages cannot be found. */
static void test_all_is_worth_the_same_if_nothing_can_be_told(void **state)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        PageSource pages;
        TestCore core;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, 16 * TEST_PAGE_BYTES, 16 * TEST_PAGE_BYTES,
                      NULL);
        test_core_write(&core);
        assert_int_equal(capture_source_open(core.path, &source), 0);
        assert_int_equal(capture_source_filter(source, 17), 1);
        capture_source_pages(source, &pages);
        assert_null(pages.valuable);
        test_core_done(&core);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_valuable_is_what_level_31_keeps),
                cmocka_unit_test(test_all_is_worth_the_same_if_nothing_can_be_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
