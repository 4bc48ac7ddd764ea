/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TestSections: a crashed x86_64 kernel with a table of memory sections and struct pages, for
 * tests.
 */
#pragma once

#include "test-memory.h"
#include "test-pages.h"

/* Small sections, so that several fit in: 16 MiB, 4096 pages. */
#define TEST_SECTION_BITS 24
#define TEST_SECTION_PAGES UINT64_C(4096)
#define TEST_N_SECTIONS UINT64_C(4)
#define TEST_SECTIONS_BYTES (TEST_N_SECTIONS << TEST_SECTION_BITS)

#define TEST_ROOT_PADDR (TEST_PHYS_BASE + UINT64_C(0x100000))
#define TEST_TABLES_PADDR UINT64_C(0x500000)
#define TEST_MEM_SECTION_PADDR UINT64_C(0x600000)
#define TEST_MEM_SECTION_ROOT_PADDR UINT64_C(0x601000)
#define TEST_MEMMAP_PADDR UINT64_C(0x800000)
#define TEST_MEMMAP5_VADDR UINT64_C(0xffd4000000000000)

#define TEST_PRESENT UINT64_C(3)
#define TEST_PSE UINT64_C(0x80)
#define TEST_SECTION_FLAGS UINT64_C(0xf)

typedef enum TestMapping {
        TEST_MAPPED_BY_PMD,
        TEST_MAPPED_BY_PTE,
        TEST_MAPPED_BY_PTE_SCATTERED, /* no two pages that follow each other do so in memory */
} TestMapping;

typedef struct TestSections {
        TestMemory memory;
        const TestKernel *kernel;
        TestMapping mapping;
        unsigned n_levels;
        uint64_t vaddr; /* of the memmap */
        uint64_t next_table_paddr;
} TestSections;

/* All pages are the kernel's: kept. Before test_memory_open() of t->memory anything may be changed.
 */
void test_sections_init(TestSections *t, const TestKernel *kernel, unsigned n_levels,
                        TestMapping mapping);
void test_sections_done(TestSections *t);

/* Where the struct page of @pfn is, in the bytes of t->memory. */
uint64_t test_sections_struct_paddr(const TestSections *t, uint64_t pfn);
uint8_t *test_sections_struct(TestSections *t, uint64_t pfn);

/* Sets section_mem_map. */
void test_sections_put(TestSections *t, uint64_t section, uint64_t vaddr, uint64_t flags);

/* Where the page table entry at @level (0: PTE) for @vaddr is; the tables above are made. */
uint64_t test_sections_entry_paddr(TestSections *t, uint64_t vaddr, unsigned level);
