/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of a page filter, and the proof that it would not leave out what must be kept. */
#include "page-filter-internal.h"
#include "strv.h"

/* Pages of the kernel of which is known that they are kept. */
typedef struct Gate {
        const char *name;
        uint64_t pfn;
} Gate;

#define N_MEMMAP_GATES 32
#define N_TABLE_GATES 16
#define N_GATES_MAX (8 + N_MEMMAP_GATES + N_TABLE_GATES)

/* Pages that hold struct pages, from all over the memory: there are some on each node, they were
 * allocated at boot or later, and without them a reader can make nothing of the dump. */
static size_t memmap_gates_find(const PageFilter *filter, Vmcore *vmcore, Kmem *kmem,
                                uint32_t page_size_bytes, Gate *ret_gates)
{
        const uint64_t step_bytes = kmem_memory_bytes(kmem) / N_MEMMAP_GATES + 1;
        const MemoryRun *runs;
        uint64_t paddr, next = 0; /* bytes of memory before the one to look at */
        size_t n_runs, n_tried = 0, n = 0;

        runs = vmcore_runs(vmcore, &n_runs);
        for (size_t i = 0; i < n_runs; i++) {
                uint64_t bytes = runs[i].end_paddr - runs[i].start_paddr;

                /* Steps are counted, as a core may claim so much memory that they wrap around. */
                for (; next < bytes && n_tried < N_MEMMAP_GATES; next += step_bytes, n_tried++) {
                        uint64_t pfn = (runs[i].start_paddr + next) / page_size_bytes;
                        MemmapState state = memmap_find(filter->memmap, pfn).state;

                        if ((state == MEMMAP_MAPPED || state == MEMMAP_TABLE) &&
                            kmem_vtop(kmem,
                                      filter->rules.memmap_vaddr +
                                              pfn * filter->rules.layout.struct_bytes,
                                      &paddr, NULL) >= 0)
                                ret_gates[n++] = (Gate){ "vmemmap", paddr / page_size_bytes };
                }
                next = next > bytes ? next - bytes : 0;
        }
        return n;
}

/* The table of sections and page tables, the first of them and others. */
static size_t table_gates_find(const PageFilter *filter, uint32_t page_size_bytes, Gate *ret_gates)
{
        uint64_t paddr, bytes;
        size_t n_pages = 0, n = 0;

        while (memmap_pages(filter->memmap, n_pages, &paddr, &bytes))
                n_pages++;
        for (size_t i = 0; i < MIN(n_pages, (size_t) N_TABLE_GATES); i++)
                if (memmap_pages(filter->memmap, i * n_pages / MIN(n_pages, (size_t) N_TABLE_GATES),
                                 &paddr, &bytes))
                        ret_gates[n++] = (Gate){ i == 0 ? "mem_section" : "a page table",
                                                 paddr / page_size_bytes };
        return n;
}

static size_t gates_find(const PageFilter *filter, Vmcore *vmcore, Kmem *kmem,
                         const Vmcoreinfo *info, uint32_t page_size_bytes, Gate *ret_gates)
{
        static const char *const symbols[] = { "_stext", "init_uts_ns", "swapper_pg_dir",
                                               "init_top_pgt" };
        uint64_t vaddr, paddr;
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(symbols); i++)
                if (vmcoreinfo_symbol(info, symbols[i], &vaddr) >= 0 &&
                    kmem_vtop(kmem, vaddr, &paddr, NULL) >= 0)
                        ret_gates[n++] = (Gate){ symbols[i], paddr / page_size_bytes };
        n += table_gates_find(filter, page_size_bytes, ret_gates + n);
        return n + memmap_gates_find(filter, vmcore, kmem, page_size_bytes, ret_gates + n);
}

/* Would page @pfn be left out? */
static int is_excluded(const PageFilter *filter, PageFilterReader *reader, uint64_t pfn)
{
        uint64_t first_pfn = pfn - pfn % PAGE_FILTER_ALIGN_PAGES, at = pfn - first_pfn;
        uint8_t bits[PAGE_FILTER_ALIGN_PAGES / 8];
        PageCounts counts = {};
        int r;

        memset(bits, 0xff, sizeof(bits));
        r = page_filter_classify(filter, reader, first_pfn, PAGE_FILTER_ALIGN_PAGES, bits, &counts);
        if (r < 0)
                return r;
        return !(bits[at / 8] & (1U << at % 8));
}

/* How many different pages of @gates would be left out if only @classes were; @ret_name is that of
 * the last one. */
static int gates_count(PageFilter *filter, PageFilterReader *reader, unsigned classes,
                       const Gate *gates, size_t n_gates, const char **ret_name)
{
        const unsigned all_classes = filter->rules.classes;
        uint64_t failed_pfn = UINT64_MAX;
        int n_failed = 0, r = 0;

        filter->rules.classes = classes;
        for (size_t i = 0; i < n_gates && r >= 0; i++) {
                r = is_excluded(filter, reader, gates[i].pfn);
                if (r > 0 && gates[i].pfn != failed_pfn) {
                        failed_pfn = gates[i].pfn;
                        *ret_name = gates[i].name;
                        n_failed++;
                }
        }
        filter->rules.classes = all_classes;
        return r < 0 ? r : n_failed;
}

/* Takes @class from those that are left out if pages of @gates would be of it. A kernel page that
 * is poisoned may well be why there was a panic; two are not believed. */
static int gates_check(PageFilter *filter, PageFilterReader *reader, PageClass class,
                       const Gate *gates, size_t n_gates)
{
        const char *name = NULL;
        int n_failed;

        n_failed = gates_count(filter, reader, PAGE_CLASS_BIT(class), gates, n_gates, &name);
        if (n_failed < 0)
                return n_failed;
        if (n_failed <= (class == PAGE_HWPOISON ? 1 : 0))
                return 0;

        filter->rules.classes &= ~PAGE_CLASS_BIT(class);
        return strv_extendf(&filter->warnings,
                            "Keeping %s pages: going by struct page, '%s' would be in one",
                            page_class_to_string(class), name);
}

static int gates_pass(PageFilter *filter, Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info,
                      uint32_t page_size_bytes)
{
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_(page_filter_reader_freep) PageFilterReader *reader = NULL;
        Gate gates[N_GATES_MAX];
        const char *name;
        size_t n_gates;
        int r;

        n_gates = gates_find(filter, vmcore, kmem, info, page_size_bytes, gates);
        r = vmcore_view_new(vmcore, &view);
        if (r < 0)
                return r;
        r = page_filter_reader_new(vmcore, view, &reader);
        if (r < 0)
                return r;

        for (size_t i = 0; i < n_gates; i++)
                if (memmap_find(filter->memmap, gates[i].pfn).state == MEMMAP_OFFLINE) {
                        memmap_distrust_online(filter->memmap);
                        r = strv_extendf(&filter->warnings,
                                         "Keeping memory that was never online: going by its "
                                         "section, '%s' would be in it",
                                         gates[i].name);
                        if (r < 0)
                                return r;
                        break;
                }

        /* All at once, as mostly there is nothing to find. */
        r = gates_count(filter, reader, filter->rules.classes, gates, n_gates, &name);
        if (r <= 0)
                return r;
        for (PageClass class = PAGE_KEPT + 1; class < _PAGE_CLASS_MAX; class ++)
                if (filter->rules.classes & PAGE_CLASS_BIT(class)) {
                        r = gates_check(filter, reader, class, gates, n_gates);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int filter_fill(PageFilter *filter, Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info,
                       uint32_t page_size_bytes, char **reterr_message)
{
        unsigned wanted = page_classes_of_level(filter->level);
        size_t n_sections, n_absent;
        int r;

        r = page_layout_load(&filter->rules.layout, info, wanted, &filter->warnings,
                             reterr_message);
        if (r < 0)
                return r;
        filter->rules.classes = wanted & filter->rules.layout.decidable;

        r = memmap_new(vmcore, kmem, info, page_size_bytes, filter->rules.layout.struct_bytes,
                       &filter->memmap, reterr_message);
        if (r < 0)
                return r;
        filter->rules.memmap_vaddr = memmap_vaddr(filter->memmap);

        /* A walk never leaves a section. */
        if (memmap_find(filter->memmap, 0).end_pfn % PAGE_WALK_PAGES != 0) {
                *reterr_message = strdup("Sections of memory are too small");
                return -EOPNOTSUPP;
        }
        n_sections = memmap_n_sections(filter->memmap, &n_absent);
        if (n_absent > 0) {
                r = strv_extendf(&filter->warnings,
                                 "Keeping %zu of %zu sections of memory: their struct pages cannot "
                                 "be found",
                                 n_absent, n_sections);
                if (r < 0)
                        return r;
        }

        r = gates_pass(filter, vmcore, kmem, info, page_size_bytes);
        if (r < 0)
                return r;

        /* What the image needs at boot only is given away later, to a balloon too. */
        filter->protected_rules = filter->rules;
        filter->protected_rules.classes &=
                PAGE_CLASS_BIT(PAGE_HWPOISON) | PAGE_CLASS_BIT(PAGE_OFFLINE);
        return page_filter_protect(&filter->protected, kmem, info, &filter->rules, filter->memmap,
                                   page_size_bytes);
}

int page_filter_new(Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info, uint32_t page_size_bytes,
                    unsigned level, PageFilter **ret, char **reterr_message)
{
        _cleanup_(page_filter_freep) PageFilter *filter = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        filter = calloc(1, sizeof(*filter));
        if (!filter)
                return -ENOMEM;
        filter->level = level;

        r = filter_fill(filter, vmcore, kmem, info, page_size_bytes, &message);
        if (r < 0) {
                *reterr_message = TAKE_PTR(message);
                return r;
        }
        *ret = TAKE_PTR(filter);
        return 0;
}
