/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Memmap: where struct pages are found, and what becomes of damaged tables. */
#include "memmap.h"
#include "test-sections.h"
#include "test.h"

#define PAGE TEST_PAGE_BYTES

static int make(TestSections *t, Memmap **ret, char **message)
{
        assert_int_equal(test_memory_open(&t->memory), 0);
        return memmap_new(t->memory.vmcore, t->memory.kmem, t->memory.info, (uint32_t) PAGE,
                          TEST_STRUCT_BYTES, ret, message);
}

static Memmap *make_ok(TestSections *t)
{
        Memmap *memmap = NULL;
        char *message = NULL;

        assert_int_equal(make(t, &memmap, &message), 0);
        assert_null(message);
        assert_int_equal(memmap_vaddr(memmap), t->vaddr);
        return memmap;
}

static void make_fail(TestSections *t, int expected)
{
        _cleanup_free_ char *message = NULL;
        Memmap *memmap = NULL;

        assert_int_equal(make(t, &memmap, &message), expected);
        assert_null(memmap);
        assert_non_null(message);
}

static size_t n_absent(const Memmap *memmap)
{
        size_t n;

        assert_int_equal(memmap_n_sections(memmap, &n), TEST_N_SECTIONS);
        return n;
}

static void place_check(const TestSections *t, const Memmap *memmap, uint64_t pfn)
{
        MemmapPlace place = memmap_find(memmap, pfn);
        uint64_t expected = test_sections_struct_paddr(t, pfn), entry, paddr;

        assert_int_equal(place.end_pfn, (pfn / TEST_SECTION_PAGES + 1) * TEST_SECTION_PAGES);
        if (t->mapping == TEST_MAPPED_BY_PMD) {
                assert_int_equal(place.state, MEMMAP_MAPPED);
                assert_int_equal(place.paddr, expected);
                return;
        }
        assert_int_equal(place.state, MEMMAP_TABLE);
        memcpy(&entry, t->memory.bytes + place.paddr, sizeof(entry));
        assert_true(memmap_entry(memmap, entry, &paddr));
        assert_int_equal(paddr, expected - expected % PAGE);
}

static void test_every_way_of_mapping(void **state)
{
        for (unsigned n_levels = 4; n_levels <= 5; n_levels++)
                for (TestMapping mapping = 0; mapping <= TEST_MAPPED_BY_PTE_SCATTERED; mapping++) {
                        _cleanup_(test_sections_done) TestSections t;
                        _cleanup_(memmap_freep) Memmap *memmap = NULL;

                        test_sections_init(&t, &test_kernels[0], n_levels, mapping);
                        memmap = make_ok(&t);
                        assert_int_equal(n_absent(memmap), 0);
                        for (uint64_t pfn = 0; pfn < TEST_N_SECTIONS * TEST_SECTION_PAGES;
                             pfn += 64)
                                place_check(&t, memmap, pfn);
                        assert_int_equal(
                                memmap_find(memmap, TEST_N_SECTIONS * TEST_SECTION_PAGES).state,
                                MEMMAP_ABSENT);
                        assert_int_equal(memmap_find(memmap, UINT64_MAX / 4).state, MEMMAP_ABSENT);
                }
        assert_null(memmap_free(NULL));
}

static void test_a_page_of_1_gib(void **state)
{
        _cleanup_(test_sections_done) TestSections t;
        _cleanup_(memmap_freep) Memmap *memmap = NULL;

        test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
        test_memory_put_u64(&t.memory, test_sections_entry_paddr(&t, t.vaddr, 2),
                            TEST_PRESENT | TEST_PSE);
        memmap = make_ok(&t);
        assert_int_equal(memmap_find(memmap, 100).state, MEMMAP_MAPPED);
        assert_int_equal(memmap_find(memmap, 100).paddr, 100 * TEST_STRUCT_BYTES);
}

static void test_memory_encryption(void **state)
{
        const uint64_t sme = UINT64_C(1) << 47;

        for (TestMapping mapping = 0; mapping <= TEST_MAPPED_BY_PTE; mapping++) {
                _cleanup_(test_sections_done) TestSections t;
                _cleanup_(memmap_freep) Memmap *memmap = NULL;

                test_sections_init(&t, &test_kernels[0], 4, mapping);
                test_memory_info(&t.memory, "NUMBER(sme_mask)=%llu", (unsigned long long) sme);
                for (uint64_t at = TEST_ROOT_PADDR; at < t.next_table_paddr; at += 8) {
                        uint64_t entry;

                        if (at == TEST_ROOT_PADDR + PAGE)
                                at = TEST_TABLES_PADDR;
                        memcpy(&entry, t.memory.bytes + at, 8);
                        if (entry & 1)
                                test_memory_put_u64(&t.memory, at, entry | sme);
                }
                memmap = make_ok(&t);
                place_check(&t, memmap, 5000);
        }
}

static void test_flags_of_sections(void **state)
{
        static const struct {
                uint64_t flags;
                MemmapState state, distrusted;
        } rows[] = {
                { 0x0f, MEMMAP_MAPPED, MEMMAP_MAPPED },
                { 0x07, MEMMAP_MAPPED, MEMMAP_MAPPED },
                /* SECTION_IS_VMEMMAP_PREINIT, and whatever may come */
                { 0x2f, MEMMAP_MAPPED, MEMMAP_MAPPED },
                { 0xfff, MEMMAP_MAPPED, MEMMAP_MAPPED },
                { 0x03, MEMMAP_OFFLINE, MEMMAP_MAPPED },
                { 0x0e, MEMMAP_ABSENT, MEMMAP_ABSENT },
                { 0x0d, MEMMAP_ABSENT, MEMMAP_ABSENT },
                { 0x00, MEMMAP_ABSENT, MEMMAP_ABSENT },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(test_sections_done) TestSections t;
                _cleanup_(memmap_freep) Memmap *memmap = NULL;

                test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
                test_sections_put(&t, 2, t.vaddr, rows[i].flags);
                memmap = make_ok(&t);
                assert_int_equal(memmap_find(memmap, 2 * TEST_SECTION_PAGES).state, rows[i].state);
                place_check(&t, memmap, 2 * TEST_SECTION_PAGES - 64);
                place_check(&t, memmap, 3 * TEST_SECTION_PAGES);
                memmap_distrust_online(memmap);
                assert_int_equal(memmap_find(memmap, 2 * TEST_SECTION_PAGES).state,
                                 rows[i].distrusted);
        }
}

static void test_symbol_of_the_variable(void **state)
{
        _cleanup_(test_sections_done) TestSections t;
        _cleanup_(memmap_freep) Memmap *memmap = NULL;

        test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
        test_memory_put_u64(&t.memory, TEST_PHYS_BASE + 0x2000,
                            TEST_DIRECT_MAP_VADDR + TEST_MEM_SECTION_PADDR);
        test_memory_info(&t.memory, "SYMBOL(mem_section)=%llx",
                         (unsigned long long) TEST_KERNEL_MAP_VADDR + 0x2000);
        memmap = make_ok(&t);
        place_check(&t, memmap, 64);
}

static void test_one_bad_section_is_absent(void **state)
{
        static const uint64_t vaddrs[] = { 0, 0x1000, TEST_MEMMAP_VADDR + 0x40000000,
                                           UINT64_C(0xfffffffffffff000) };

        for (size_t i = 0; i < ELEMENTSOF(vaddrs); i++) {
                _cleanup_(test_sections_done) TestSections t;
                _cleanup_(memmap_freep) Memmap *memmap = NULL;

                test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
                test_sections_put(&t, 0, vaddrs[i], TEST_SECTION_FLAGS);
                memmap = make_ok(&t);
                assert_int_equal(n_absent(memmap), 1);
                assert_int_equal(memmap_find(memmap, 0).state, MEMMAP_ABSENT);
                place_check(&t, memmap, TEST_SECTION_PAGES);
        }
}

static void test_garbage_for_a_table_of_sections(void **state)
{
        uint64_t seed = 4711;

        for (unsigned i = 0; i < 7; i++) {
                _cleanup_(test_sections_done) TestSections t;

                test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
                for (uint64_t s = 0; s < TEST_N_SECTIONS; s++)
                        if (i == 0)
                                test_sections_put(&t, s, test_random(&seed) & ~UINT64_C(0xfff),
                                                  TEST_SECTION_FLAGS);
                        else if (i == 1)
                                test_sections_put(&t, s, t.vaddr, 0);
                        else if (i == 2) /* of no kernel */
                                test_sections_put(&t, s, 0x40000000, TEST_SECTION_FLAGS);
                        else if (i == 3)
                                test_sections_put(&t, s, t.vaddr + 0x1000, TEST_SECTION_FLAGS);
                        else if (i == 6) /* no majority */
                                test_sections_put(&t, s, t.vaddr + s % 3 * 0x40000000,
                                                  TEST_SECTION_FLAGS);
                if (i == 4)
                        test_memory_put_u64(&t.memory, TEST_MEM_SECTION_PADDR, seed);
                if (i == 5)
                        test_memory_info(&t.memory, "SYMBOL(vmemmap)=%llx",
                                         (unsigned long long) t.vaddr + 0x40000000);
                make_fail(&t, -EBADMSG);
        }
}

static void test_what_vmcoreinfo_may_claim(void **state)
{
        static const struct {
                const char *line;
                int r;
        } rows[] = {
                { "SYMBOL(mem_section)=xyz", -ENODATA },
                { "LENGTH(mem_section)=0", -EBADMSG },
                { "LENGTH(mem_section)=18446744073709551615", 0 },
                { "SIZE(mem_section)=0", -EBADMSG },
                { "SIZE(mem_section)=4096", -EBADMSG },
                { "OFFSET(mem_section.section_mem_map)=9", -EBADMSG },
                { "OFFSET(mem_section.section_mem_map)=18446744073709551615", -EBADMSG },
                { "NUMBER(SECTION_SIZE_BITS)=0", -EBADMSG },
                { "NUMBER(SECTION_SIZE_BITS)=64", -EBADMSG },
                { "NUMBER(SECTION_SIZE_BITS)=30", -EOPNOTSUPP },
                { "SYMBOL(vmemmap)=ffffea0000000000", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(test_sections_done) TestSections t;
                Memmap *memmap = NULL;

                test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
                test_memory_info(&t.memory, "%s", rows[i].line);
                if (rows[i].r < 0)
                        make_fail(&t, rows[i].r);
                else
                        memmap = make_ok(&t);
                memmap_free(memmap);
        }
}

static void test_damaged_page_tables(void **state)
{
        /* Nothing there, a table that is not in memory, one that is the root. */
        static const uint64_t entries[] = { 0, UINT64_C(0x7777777777000) | TEST_PRESENT,
                                            TEST_ROOT_PADDR | TEST_PRESENT };

        for (unsigned level = 1; level <= 3; level++)
                for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                        _cleanup_(test_sections_done) TestSections t;
                        _cleanup_(memmap_freep) Memmap *memmap = NULL;
                        bool absent = level > 1 ? i < 2 : i == 0;

                        test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PMD);
                        test_memory_put_u64(&t.memory,
                                            test_sections_entry_paddr(&t, t.vaddr, level),
                                            entries[i]);
                        memmap = make_ok(&t);
                        if (absent)
                                assert_int_equal(n_absent(memmap), TEST_N_SECTIONS);
                }
}

static void test_only_sections_with_memory(void **state)
{
        _cleanup_(test_sections_done) TestSections t;
        _cleanup_(memmap_freep) Memmap *memmap = NULL;
        size_t absent;

        test_sections_init(&t, &test_kernels[0], 5, TEST_MAPPED_BY_PMD);
        /* In the middle of a section, up to the middle of the next one; the same again; and one
         * that claims more than any machine has. */
        test_core_add(&t.memory.core, 0, (UINT64_C(1) << 51) + 0x800000, 0x1000000, 0, NULL);
        test_core_add(&t.memory.core, 0, (UINT64_C(1) << 51) + 0x1900000, 0x1000, 0, NULL);
        memmap = make_ok(&t);
        assert_int_equal(memmap_n_sections(memmap, &absent), TEST_N_SECTIONS + 2);
        assert_int_equal(absent, 2);
        place_check(&t, memmap, 64);
        memmap = memmap_free(memmap);

        test_core_add(&t.memory.core, 0, UINT64_C(1) << 52, UINT64_C(1) << 55, 0, NULL);
        memmap = make_ok(&t);
        assert_int_equal(memmap_n_sections(memmap, &absent), 1 << 21);
        place_check(&t, memmap, 64);
}

static bool is_among_pages(const Memmap *memmap, uint64_t paddr)
{
        uint64_t start, bytes;

        for (size_t i = 0; memmap_pages(memmap, i, &start, &bytes); i++)
                if (paddr >= start && paddr - start < bytes)
                        return true;
        return false;
}

static void test_pages_on_the_way(void **state)
{
        _cleanup_(test_sections_done) TestSections t;
        _cleanup_(memmap_freep) Memmap *memmap = NULL;

        test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PTE);
        memmap = make_ok(&t);
        assert_true(is_among_pages(memmap, TEST_MEM_SECTION_PADDR));
        assert_true(is_among_pages(memmap, TEST_MEM_SECTION_ROOT_PADDR + PAGE - 1));
        assert_true(is_among_pages(memmap, TEST_ROOT_PADDR));
        for (uint64_t paddr = TEST_TABLES_PADDR; paddr < t.next_table_paddr; paddr += PAGE)
                assert_true(is_among_pages(memmap, paddr));
        assert_false(is_among_pages(memmap, t.next_table_paddr));
        assert_false(is_among_pages(memmap, TEST_MEM_SECTION_ROOT_PADDR + PAGE));
}

/* A table of PMDs that is in every place of the table above, and is full of scattered PTE tables.
 */
static void test_more_tables_than_can_be(void **state)
{
        const uint64_t n_sections = UINT64_C(1) << 17, bytes = n_sections << 27;
        _cleanup_(test_sections_done) TestSections t;
        _cleanup_(memmap_freep) Memmap *memmap = NULL;
        uint64_t pmd_paddr, paddr, n_bytes;
        size_t n = 0, n_unknown;

        test_sections_init(&t, &test_kernels[0], 4, TEST_MAPPED_BY_PTE);
        test_memory_info(&t.memory, "NUMBER(SECTION_SIZE_BITS)=27");
        test_core_add(&t.memory.core, TEST_DIRECT_MAP_VADDR + TEST_SECTIONS_BYTES,
                      TEST_SECTIONS_BYTES, bytes - TEST_SECTIONS_BYTES, 0, NULL);
        for (uint64_t i = 0; i < PAGE / 8; i++)
                test_memory_put_u64(&t.memory, TEST_MEM_SECTION_PADDR + i * 8,
                                    TEST_DIRECT_MAP_VADDR + TEST_MEM_SECTION_ROOT_PADDR);
        for (uint64_t i = 0; i < PAGE / 16; i++)
                test_sections_put(&t, i, t.vaddr, TEST_SECTION_FLAGS);
        pmd_paddr = test_sections_entry_paddr(&t, t.vaddr, 1) / PAGE * PAGE;
        for (uint64_t i = 0; i < PAGE / 8; i++)
                test_memory_put_u64(&t.memory, pmd_paddr + i * 8, (2 * i * PAGE) | TEST_PRESENT);
        for (uint64_t i = 0; i < n_sections >> 9; i++)
                test_memory_put_u64(&t.memory,
                                    test_sections_entry_paddr(&t, t.vaddr + (i << 30), 2),
                                    pmd_paddr | TEST_PRESENT);

        memmap = make_ok(&t);
        assert_int_equal(memmap_n_sections(memmap, &n_unknown), n_sections);
        assert_int_equal(n_unknown, 0);
        while (memmap_pages(memmap, n, &paddr, &n_bytes))
                n++;
        assert_int_equal(n, 1 << 16);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_way_of_mapping),
                cmocka_unit_test(test_a_page_of_1_gib),
                cmocka_unit_test(test_memory_encryption),
                cmocka_unit_test(test_flags_of_sections),
                cmocka_unit_test(test_symbol_of_the_variable),
                cmocka_unit_test(test_one_bad_section_is_absent),
                cmocka_unit_test(test_garbage_for_a_table_of_sections),
                cmocka_unit_test(test_what_vmcoreinfo_may_claim),
                cmocka_unit_test(test_damaged_page_tables),
                cmocka_unit_test(test_only_sections_with_memory),
                cmocka_unit_test(test_pages_on_the_way),
                cmocka_unit_test(test_more_tables_than_can_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
