/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: which pages are left out, by the table of sections, the page tables of the memmap,
 * and struct pages. The input is that of FuzzCore, over a kernel that is fine; the last word of its
 * memory says which bits of the dump level are not set. */
#include <elf.h>

#include "bits.h"
#include "fuzz-core.h"
#include "memmap.h"
#include "page-filter.h"
#include "pagemap.h"

#define PAGE UINT64_C(4096)
#define MEMORY_BYTES (UINT64_C(512) << 10) /* all that 16 bits of index reach */

/* Memory without anything in it, so that struct pages of section 1 are of pages that exist and are
 * not protected: up to the middle of section 1. */
#define ZERO_PADDR (UINT64_C(1) << 20)
#define ZERO_BYTES (UINT64_C(23) << 20)
#define HUGE_ZERO_BYTES (UINT64_C(1) << 38)

#define SECTION_BITS 24
#define SECTION_PAGES ((UINT64_C(1) << SECTION_BITS) / PAGE)
#define N_SECTIONS UINT64_C(2)
#define N_PFNS (N_SECTIONS * SECTION_PAGES)
#define HIGH_PFN (FUZZ_HIGH_PADDR / PAGE)

/* As the texts below say it. */
#define ROOT_PADDR UINT64_C(0x2000)
#define TABLES_PADDR UINT64_C(0x3000)
#define SECTIONS_PADDR UINT64_C(0x8000)
#define SECTIONS_ROOT_PADDR UINT64_C(0x9000)
#define MEMMAP_VADDR UINT64_C(0xffffea0000000000)
#define MEMMAP5_VADDR UINT64_C(0xffd4000000000000)
#define MEMMAP_PADDR UINT64_C(0x40000) /* of section 1 */
#define STRUCT_BYTES UINT64_C(64)
#define STRUCTS_BYTES (SECTION_PAGES * STRUCT_BYTES)

#define PRESENT UINT64_C(3)
#define PSE UINT64_C(0x80)

#define INFO_COMMON                                                                                \
        "PAGESIZE=4096\nNUMBER(phys_base)=0\nSYMBOL(_stext)=ffffffff80001000\n"                    \
        "SYMBOL(init_uts_ns)=ffffffff80001800\nSYMBOL(init_top_pgt)=ffffffff80002000\n"            \
        "SYMBOL(mem_section)=ffff888000008000\nLENGTH(mem_section)=2048\nSIZE(mem_section)=16\n"   \
        "OFFSET(mem_section.section_mem_map)=0\nNUMBER(SECTION_SIZE_BITS)=24\nSIZE(page)=64\n"     \
        "OFFSET(page.flags)=0\nOFFSET(page._refcount)=52\nOFFSET(page.mapping)=24\n"               \
        "OFFSET(page._mapcount)=48\nOFFSET(page.private)=40\nLENGTH(zone.free_area)=11\n"          \
        "NUMBER(PG_lru)=4\nNUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\n"                       \
        "NUMBER(PG_swapbacked)=19\nNUMBER(PG_hwpoison)=23\nNUMBER(PG_head_mask)=65536\n"
#define INFO_HEAD "OFFSET(page.compound_head)=8\n"
#define INFO_OLD_TYPES                                                                             \
        "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\nNUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n"       \
        "NUMBER(PG_slab)=9\n"
#define INFO_TYPES                                                                                 \
        "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456\n"                                           \
        "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-251658240\n"                                         \
        "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592\n"                                         \
        "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376\n"
#define INFO_LOG                                                                                   \
        "SYMBOL(prb)=ffffffff80001400\nOFFSET(printk_ringbuffer.desc_ring)=0\n"                    \
        "OFFSET(printk_ringbuffer.text_data_ring)=64\nOFFSET(prb_desc_ring.count_bits)=0\n"        \
        "OFFSET(prb_desc_ring.descs)=8\nOFFSET(prb_desc_ring.infos)=16\nSIZE(prb_desc)=24\n"       \
        "SIZE(printk_info)=88\nOFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"

static void put(uint8_t *memory, uint64_t paddr, uint64_t value)
{
        memcpy(memory + paddr, &value, sizeof(value));
}

/* All pages are the kernel's. */
static void structs_fill(uint8_t *memory)
{
        const uint64_t counts = UINT64_C(1) << 32 | UINT32_MAX; /* 1 reference, _mapcount -1 */

        for (uint64_t at = MEMMAP_PADDR; at < MEMORY_BYTES; at += STRUCT_BYTES)
                put(memory, at + 48, counts);
}

/* One page of hugetlbfs, however the kernel says that, at @pfn of section 0, whose struct pages are
 * at
 * @structs_paddr. */
static void hugetlb_fill(uint8_t *memory, uint64_t structs_paddr, uint64_t memmap_vaddr,
                         uint64_t pfn, unsigned order)
{
        uint64_t head = structs_paddr + pfn * STRUCT_BYTES, second = head + STRUCT_BYTES;
        uint64_t last = head + ((STRUCT_BYTES << order) - STRUCT_BYTES);
        uint64_t compound = (memmap_vaddr + pfn * STRUCT_BYTES) | 1;

        if (memmap_vaddr == MEMMAP5_VADDR) /* as since v7.1 */
                compound = ~((STRUCT_BYTES << order) - 1) | 1;
        put(memory, head, 65536);
        put(memory, head + 48, UINT64_C(1) << 32 | (uint32_t) -201326592);
        put(memory, second, order | 1 << 8);
        put(memory, second + 8, compound);
        put(memory, second + 16, 2 | order << 8);
        put(memory, last + 8, compound);
}

/* Most of section 0 is in two folios, so that it is soon gone through. */
static void sections_fill(uint8_t *memory, uint64_t structs_paddr, uint64_t memmap_vaddr)
{
        put(memory, SECTIONS_PADDR, FUZZ_DIRECT_MAP_VADDR + SECTIONS_ROOT_PADDR);
        for (uint64_t i = 0; i < PAGE / 16; i++)
                put(memory, SECTIONS_ROOT_PADDR + 16 * i, memmap_vaddr | 0xf);
        structs_fill(memory);
        hugetlb_fill(memory, structs_paddr, memmap_vaddr, 1024, 10);
        hugetlb_fill(memory, structs_paddr, memmap_vaddr, 2048, 11);
}

/* The tables down to the one that the entry at @level (0: PTE) for @vaddr is in, one behind the
 * other. Returns where that entry is. */
static uint64_t tables_fill(uint8_t *memory, unsigned n_levels, unsigned level, uint64_t vaddr)
{
        uint64_t table = ROOT_PADDR, next = TABLES_PADDR;

        for (unsigned i = n_levels - 1;; i--) {
                uint64_t at = table + (vaddr >> (12 + 9 * i) & 511) * 8;

                if (i == level)
                        return at;
                put(memory, at, next | PRESENT);
                table = next;
                next += PAGE;
        }
}

/* The struct pages of section 0 are where the tables are. */
static void fill_pmd(uint8_t *memory)
{
        sections_fill(memory, 0, MEMMAP_VADDR);
        put(memory, tables_fill(memory, 4, 1, MEMMAP_VADDR), PRESENT | PSE);
}

static void fill_pmd_5_levels(uint8_t *memory)
{
        sections_fill(memory, 0, MEMMAP5_VADDR);
        put(memory, tables_fill(memory, 5, 1, MEMMAP5_VADDR), PRESENT | PSE);
}

/* All sections have the same struct pages. */
static void fill_ptes(uint8_t *memory, uint64_t scatter)
{
        uint64_t at;

        sections_fill(memory, MEMMAP_PADDR, MEMMAP_VADDR);
        at = tables_fill(memory, 4, 0, MEMMAP_VADDR);
        for (uint64_t i = 0; i < N_SECTIONS * STRUCTS_BYTES / PAGE; i++)
                put(memory, at + i * 8,
                    (MEMMAP_PADDR + (i ^ scatter) * PAGE % STRUCTS_BYTES) | PRESENT);
}

static void fill_pte(uint8_t *memory)
{
        fill_ptes(memory, 0);
}

static void fill_pte_scattered(uint8_t *memory)
{
        fill_ptes(memory, 1);
}

#define MEMORY .memory_bytes = MEMORY_BYTES, .zero_paddr = ZERO_PADDR, .zero_bytes = ZERO_BYTES

static const FuzzMode modes[] = {
        { EM_X86_64, INFO_COMMON INFO_HEAD INFO_TYPES, MEMORY, .fill = fill_pmd },
        { EM_X86_64, INFO_COMMON INFO_HEAD INFO_TYPES INFO_LOG, MEMORY, .fill = fill_pte },
        { EM_X86_64, INFO_COMMON INFO_HEAD INFO_TYPES, MEMORY, .fill = fill_pte_scattered },
        { EM_X86_64,
          INFO_COMMON INFO_HEAD INFO_OLD_TYPES
          "OFFSET(page.compound_dtor)=16\nOFFSET(page.compound_order)=17\n"
          "NUMBER(HUGETLB_PAGE_DTOR)=2\n",
          MEMORY, .fill = fill_pmd },
        { EM_X86_64, INFO_COMMON INFO_HEAD INFO_OLD_TYPES "NUMBER(PG_hugetlb)=8\n", MEMORY,
          .fill = fill_pte_scattered },
        { EM_X86_64,
          INFO_COMMON INFO_TYPES "OFFSET(page.compound_info)=8\nNUMBER(pgtable_l5_enabled)=1\n"
                                 "NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)=-150994944\n",
          MEMORY, .fill = fill_pmd_5_levels },
        { EM_X86_64, INFO_COMMON INFO_HEAD INFO_TYPES, .memory_bytes = MEMORY_BYTES,
          .zero_paddr = ZERO_PADDR, .zero_bytes = HUGE_ZERO_BYTES, .fill = fill_pte },
        { EM_X86_64, "NUMBER(phys_base)=0\n", MEMORY, .fill = fill_pmd },
        { EM_AARCH64, INFO_COMMON INFO_HEAD INFO_TYPES "NUMBER(VA_BITS)=48\n", MEMORY,
          .fill = fill_pmd },
};

/* The struct pages of each section are somewhere, and the way there does not take more memory than
 * there are tables. */
static void memmap_check(FuzzCore *core)
{
        static const uint64_t pfns[] = { 0,      SECTION_PAGES - 1, SECTION_PAGES,
                                         N_PFNS, HIGH_PFN,          UINT64_MAX >> 12 };
        _cleanup_(memmap_freep) Memmap *memmap = NULL;
        _cleanup_free_ char *message = NULL;
        uint64_t struct_bytes, paddr, bytes;
        size_t n_sections, n_absent, n_pages = 0;
        int r;

        if (vmcoreinfo_size(core->info, "page", &struct_bytes) < 0 || struct_bytes == 0 ||
            struct_bytes > PAGE_LAYOUT_STRUCT_BYTES_MAX)
                return;
        r = memmap_new(core->vmcore, core->kmem, core->info, PAGE, (uint32_t) struct_bytes, &memmap,
                       &message);
        FUZZ_CHECK(r <= 0 && r != -ENOMEM);
        if (r < 0)
                return;
        n_sections = memmap_n_sections(memmap, &n_absent);
        FUZZ_CHECK(n_absent <= n_sections);
        while (memmap_pages(memmap, n_pages, &paddr, &bytes)) {
                FUZZ_CHECK(bytes > 0);
                n_pages++;
        }
        FUZZ_CHECK(n_pages <= 8 * n_sections);
        for (size_t i = 0; i < ELEMENTSOF(pfns); i++) {
                MemmapPlace place = memmap_find(memmap, pfns[i]);

                FUZZ_CHECK(place.end_pfn > pfns[i]);
                FUZZ_CHECK(place.state != MEMMAP_TABLE || place.paddr % sizeof(uint64_t) == 0);
        }
}

/* The page tables' root is kept, unless it must not be read. */
static void root_check(FuzzCore *core, const uint8_t *bits, const PageCounts *counts)
{
        uint64_t vaddr, paddr, pfn;

        if (vmcoreinfo_symbol(core->info, "init_top_pgt", &vaddr) < 0 ||
            kmem_vtop(core->kmem, vaddr, &paddr, NULL) < 0)
                return;
        pfn = paddr / PAGE;
        FUZZ_CHECK(pfn >= MEMORY_BYTES / PAGE || (bits[pfn / 8] >> pfn % 8 & 1) ||
                   counts->n_pages[PAGE_HWPOISON] + counts->n_pages[PAGE_OFFLINE] > 0);
}

/* Of all pages asks which are left out, first all at once and then from behind: that must not make
 * a difference. */
static void classify_check(FuzzCore *core, const PageFilter *filter)
{
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL, *other_view = NULL;
        _cleanup_(page_filter_reader_freep) PageFilterReader *reader = NULL, *other = NULL;
        uint8_t exists[N_PFNS / 8], bits[N_PFNS / 8];
        PageCounts counts = {}, other_counts = {};
        uint64_t n_exist, n_excluded = 0;
        const MemoryRun *runs;
        size_t n_runs;

        FUZZ_CHECK(vmcore_view_new(core->vmcore, &view) == 0);
        FUZZ_CHECK(vmcore_view_new(core->vmcore, &other_view) == 0);
        FUZZ_CHECK(page_filter_reader_new(core->vmcore, view, &reader) == 0);
        FUZZ_CHECK(page_filter_reader_new(core->vmcore, other_view, &other) == 0);

        runs = vmcore_runs(core->vmcore, &n_runs);
        n_exist = pagemap_fill(runs, n_runs, PAGE, 0, N_PFNS, exists);
        memcpy(bits, exists, sizeof(bits));
        FUZZ_CHECK(page_filter_classify(filter, reader, 0, N_PFNS, bits, &counts) == 0);
        for (size_t i = 0; i < sizeof(bits); i++)
                FUZZ_CHECK((bits[i] & ~exists[i]) == 0);
        for (PageClass class = PAGE_KEPT + 1; class < _PAGE_CLASS_MAX; class ++) {
                n_excluded += counts.n_pages[class];
                /* Sections that are offline are left out whatever the struct pages say. */
                FUZZ_CHECK(counts.n_pages[class] == 0 || class == PAGE_OFFLINE ||
                           (page_filter_classes(filter) & PAGE_CLASS_BIT(class)));
        }
        FUZZ_CHECK(bits_count_bytes(bits, sizeof(bits)) == counts.n_pages[PAGE_KEPT]);
        FUZZ_CHECK(counts.n_pages[PAGE_KEPT] + n_excluded == n_exist);
        FUZZ_CHECK(counts.n_unreadable <= counts.n_pages[PAGE_KEPT]);
        root_check(core, bits, &counts);

        for (uint64_t pfn = N_PFNS; pfn > 0; pfn -= PAGE_FILTER_ALIGN_PAGES)
                FUZZ_CHECK(page_filter_classify(filter, other, pfn - PAGE_FILTER_ALIGN_PAGES,
                                                PAGE_FILTER_ALIGN_PAGES,
                                                exists + (pfn - PAGE_FILTER_ALIGN_PAGES) / 8,
                                                &other_counts) == 0);
        FUZZ_CHECK(memcmp(bits, exists, sizeof(bits)) == 0);
        FUZZ_CHECK(memcmp(&counts, &other_counts, sizeof(counts)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(fuzz_core_done) FuzzCore core = { .fd = -EBADF };
        _cleanup_(page_filter_freep) PageFilter *filter = NULL;
        _cleanup_free_ char *message = NULL;
        uint64_t unset;
        int r;

        if (!fuzz_core_init(&core, modes, ELEMENTSOF(modes), data, size) || !core.kmem)
                return 0;
        FUZZ_CHECK(vmcore_read(core.vmcore, MEMORY_BYTES - sizeof(unset), &unset, sizeof(unset)) ==
                   0);

        memmap_check(&core);
        r = page_filter_new(core.vmcore, core.kmem, core.info, PAGE, 31 & ~(unsigned) unset,
                            &filter, &message);
        FUZZ_CHECK(r <= 0 && r != -ENOMEM);
        if (r < 0)
                return 0;
        FUZZ_CHECK(!message);
        classify_check(&core, filter);
        return 0;
}
