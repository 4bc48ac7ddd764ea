/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of a crashed kernel with memory sections for tests. */
#include "test-sections.h"
#include "test.h"

#define MEMMAP_BYTES (TEST_SECTIONS_BYTES / TEST_PAGE_BYTES * TEST_STRUCT_BYTES)

uint64_t test_sections_entry_paddr(TestSections *t, uint64_t vaddr, unsigned level)
{
        uint64_t table = TEST_ROOT_PADDR, at, entry;

        for (unsigned i = t->n_levels - 1;; i--) {
                at = table + ((vaddr >> (12 + 9 * i)) & 511) * 8;
                if (i == level)
                        return at;
                memcpy(&entry, t->memory.bytes + at, 8);
                if (entry == 0) {
                        entry = t->next_table_paddr | TEST_PRESENT;
                        t->next_table_paddr += TEST_PAGE_BYTES;
                        test_memory_put_u64(&t->memory, at, entry);
                }
                table = entry & UINT64_C(0xffffffffff000);
        }
}

/* The number of the page that page @i of the memmap is in. */
static uint64_t memmap_page(const TestSections *t, uint64_t i)
{
        return t->mapping == TEST_MAPPED_BY_PTE_SCATTERED ? i ^ 1 : i;
}

uint64_t test_sections_struct_paddr(const TestSections *t, uint64_t pfn)
{
        uint64_t at = pfn * TEST_STRUCT_BYTES;

        return TEST_MEMMAP_PADDR + memmap_page(t, at / TEST_PAGE_BYTES) * TEST_PAGE_BYTES +
               at % TEST_PAGE_BYTES;
}

uint8_t *test_sections_struct(TestSections *t, uint64_t pfn)
{
        return t->memory.bytes + test_sections_struct_paddr(t, pfn);
}

void test_sections_put(TestSections *t, uint64_t section, uint64_t vaddr, uint64_t flags)
{
        test_memory_put_u64(&t->memory, TEST_MEM_SECTION_ROOT_PADDR + section * 16, vaddr | flags);
}

static void memmap_map(TestSections *t)
{
        if (t->mapping == TEST_MAPPED_BY_PMD) {
                test_memory_put_u64(&t->memory, test_sections_entry_paddr(t, t->vaddr, 1),
                                    TEST_MEMMAP_PADDR | TEST_PRESENT | TEST_PSE);
                return;
        }
        for (uint64_t i = 0; i < MEMMAP_BYTES / TEST_PAGE_BYTES; i++)
                test_memory_put_u64(
                        &t->memory, test_sections_entry_paddr(t, t->vaddr + i * TEST_PAGE_BYTES, 0),
                        (TEST_MEMMAP_PADDR + memmap_page(t, i) * TEST_PAGE_BYTES) | TEST_PRESENT);
}

static void info_put(TestSections *t)
{
        const uint64_t image = TEST_KERNEL_MAP_VADDR;
        const struct {
                const char *name;
                uint64_t vaddr;
        } symbols[] = {
                { "_stext", image },
                { "init_uts_ns", image + 0x80000 },
                { "swapper_pg_dir", image + TEST_ROOT_PADDR - TEST_PHYS_BASE },
                { "init_top_pgt", image + TEST_ROOT_PADDR - TEST_PHYS_BASE },
                { "mem_section", TEST_DIRECT_MAP_VADDR + TEST_MEM_SECTION_PADDR },
        };

        test_memory_info(&t->memory, "%.*s", (int) strlen(t->kernel->info) - 1, t->kernel->info);
        for (size_t i = 0; i < ELEMENTSOF(symbols); i++)
                test_memory_info(&t->memory, "SYMBOL(%s)=%llx", symbols[i].name,
                                 (unsigned long long) symbols[i].vaddr);
        test_memory_info(&t->memory, "NUMBER(phys_base)=%llu", (unsigned long long) TEST_PHYS_BASE);
        test_memory_info(&t->memory, "NUMBER(pgtable_l5_enabled)=%d", t->n_levels == 5);
        test_memory_info(&t->memory, "NUMBER(SECTION_SIZE_BITS)=%d", TEST_SECTION_BITS);
        test_memory_info(&t->memory, "LENGTH(mem_section)=2048");
        test_memory_info(&t->memory, "SIZE(mem_section)=16");
        test_memory_info(&t->memory, "OFFSET(mem_section.section_mem_map)=0");
}

void test_sections_init(TestSections *t, const TestKernel *kernel, unsigned n_levels,
                        TestMapping mapping)
{
        const TestPage nothing = { .mapcount = -1, .refcount = 1 };

        memset(t, 0, sizeof(*t));
        /* All that matters is below; the rest is zeros, and not in the file. */
        test_memory_init(&t->memory, TEST_MEMMAP_PADDR + MEMMAP_BYTES, TEST_DIRECT_MAP_VADDR);
        test_core_add(&t->memory.core, TEST_DIRECT_MAP_VADDR + t->memory.n_bytes, t->memory.n_bytes,
                      TEST_SECTIONS_BYTES - t->memory.n_bytes, 0, NULL);
        t->kernel = kernel;
        t->mapping = mapping;
        t->n_levels = n_levels;
        t->vaddr = n_levels == 5 ? TEST_MEMMAP5_VADDR : TEST_MEMMAP_VADDR;
        t->next_table_paddr = TEST_TABLES_PADDR;

        info_put(t);
        memmap_map(t);
        test_memory_put_u64(&t->memory, TEST_MEM_SECTION_PADDR,
                            TEST_DIRECT_MAP_VADDR + TEST_MEM_SECTION_ROOT_PADDR);
        for (uint64_t i = 0; i < TEST_N_SECTIONS; i++)
                test_sections_put(t, i, t->vaddr, TEST_SECTION_FLAGS);
        for (uint64_t pfn = 0; pfn < TEST_N_SECTIONS * TEST_SECTION_PAGES; pfn++)
                test_page_put(test_sections_struct(t, pfn), &nothing);
}

void test_sections_done(TestSections *t)
{
        test_memory_done(&t->memory);
}
