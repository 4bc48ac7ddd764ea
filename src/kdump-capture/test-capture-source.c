/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the pages that a source gives to be written. */
#include "capture-source.h"
#include "test-sections.h"
#include "test.h"

#define POISONED_PFN (TEST_SECTION_PAGES + 3)
#define OFFLINE_PFN (TEST_SECTION_PAGES + 5)
#define USER_PFN (TEST_SECTION_PAGES + 6)
#define N_BITS 8

/* Which of the first pages of section 1 are written at @level. */
static uint8_t source_dumpable(const TestMemory *memory, unsigned level)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        uint8_t bits = 0;
        PageSource pages;
        void *reader;

        assert_int_equal(capture_source_open(memory->core.path, &source), 0);
        assert_int_equal(capture_source_filter(source, level), level);
        capture_source_pages(source, &pages);
        assert_int_equal(pages.reader_new(pages.data, &reader), 0);
        pages.dumpable(reader, TEST_SECTION_PAGES, N_BITS, &bits);
        pages.reader_free(reader);
        return bits;
}

/* Reading poisoned memory can take the machine down, and that of a balloon disturbs its host. */
static void test_what_must_not_be_read_is_left_out_at_any_level(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *k = &test_kernels[i];
                const TestPage poisoned = { k->hwpoison, 0, 0, 0, -1, 1 };
                const TestPage offline = { 0, 0, 0, 0, k->offline, 1 };
                const TestPage user = { k->lru, 0, TEST_MAPPING_ANON, 0, 0, 1 };
                TestSections t;

                test_sections_init(&t, k, 4, TEST_MAPPED_BY_PMD);
                test_page_put(test_sections_struct(&t, POISONED_PFN), &poisoned);
                test_page_put(test_sections_struct(&t, OFFLINE_PFN), &offline);
                test_page_put(test_sections_struct(&t, USER_PFN), &user);
                test_core_add_note(&t.memory.core, "VMCOREINFO", 0, t.memory.info_text,
                                   t.memory.n_info_text);
                assert_int_equal(test_memory_open(&t.memory), 0);
                assert_int_equal(source_dumpable(&t.memory, 0), 0xff & ~0x28);
                assert_int_equal(source_dumpable(&t.memory, 1), 0xff & ~0x28);
                assert_int_equal(source_dumpable(&t.memory, 31), 0xff & ~0x68);
                test_sections_done(&t);
        }
}

static void test_copy_starts_with_the_kernel_image(void **state)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        PageSource pages;
        TestSections t;

        test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
        test_core_add_note(&t.memory.core, "VMCOREINFO", 0, t.memory.info_text,
                           t.memory.n_info_text);
        assert_int_equal(test_memory_open(&t.memory), 0);
        assert_int_equal(capture_source_open(t.memory.core.path, &source), 0);
        capture_source_pages(source, &pages);
        assert_int_equal(pages.start_pfn, TEST_PHYS_BASE / TEST_PAGE_BYTES);
        test_sections_done(&t);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_must_not_be_read_is_left_out_at_any_level),
                cmocka_unit_test(test_copy_starts_with_the_kernel_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
