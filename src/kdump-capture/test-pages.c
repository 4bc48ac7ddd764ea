/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of struct pages for tests. */
#include "test-pages.h"
#include "test.h"

#define BIT(n) (UINT64_C(1) << (n))

#define INFO_COMMON                                                                                \
        "PAGESIZE=4096\n"                                                                          \
        "SIZE(page)=64\n"                                                                          \
        "OFFSET(page.flags)=0\n"                                                                   \
        "OFFSET(page._refcount)=52\n"                                                              \
        "OFFSET(page.mapping)=24\n"                                                                \
        "OFFSET(page.lru)=8\n"                                                                     \
        "OFFSET(page._mapcount)=48\n"                                                              \
        "OFFSET(page.private)=40\n"                                                                \
        "LENGTH(zone.free_area)=11\n"

#define INFO_FLAGS_OLD                                                                             \
        "NUMBER(PG_lru)=4\n"                                                                       \
        "NUMBER(PG_private)=13\n"                                                                  \
        "NUMBER(PG_swapcache)=10\n"                                                                \
        "NUMBER(PG_swapbacked)=19\n"                                                               \
        "NUMBER(PG_hwpoison)=23\n"                                                                 \
        "NUMBER(PG_head_mask)=65536\n"

#define INFO_FLAGS_NEW                                                                             \
        "NUMBER(PG_lru)=5\n"                                                                       \
        "NUMBER(PG_private)=14\n"                                                                  \
        "NUMBER(PG_swapcache)=10\n"                                                                \
        "NUMBER(PG_swapbacked)=17\n"                                                               \
        "NUMBER(PG_hwpoison)=20\n"                                                                 \
        "NUMBER(PG_head_mask)=64\n"

#define INFO_HEAD "OFFSET(page.compound_head)=8\n"

#define INFO_TYPES_OLD                                                                             \
        "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\n"                                                 \
        "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n"

#define INFO_TYPES_NEW                                                                             \
        "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-268435456\n"                                           \
        "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-251658240\n"                                         \
        "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592\n"                                         \
        "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376\n"

#define FLAGS_OLD                                                                                  \
        .lru = BIT(4), .private = BIT(13), .swapcache = BIT(10), .swapbacked = BIT(19),            \
        .hwpoison = BIT(23), .head = BIT(16)
#define FLAGS_NEW                                                                                  \
        .lru = BIT(5), .private = BIT(14), .swapcache = BIT(10), .swapbacked = BIT(17),            \
        .hwpoison = BIT(20), .head = BIT(6)

#define TYPES_NEW                                                                                  \
        .buddy = -268435456, .offline = -251658240, .hugetlb_type = -201326592,                    \
        .slab_type = -184549376

const TestKernel test_kernels[TEST_N_KERNELS] = {
        {
                .name = "5.10",
                .info = INFO_COMMON INFO_FLAGS_OLD INFO_HEAD INFO_TYPES_OLD
                "NUMBER(PG_slab)=9\nOFFSET(page.compound_dtor)=16\n"
                "OFFSET(page.compound_order)=17\nNUMBER(HUGETLB_PAGE_DTOR)=2\n",
                FLAGS_OLD,
                .slab = BIT(9),
                .buddy = -129,
                .offline = -257,
                .dtor_offset = 16,
                .order_offset = 17,
        },
        {
                .name = "6.1",
                .info = INFO_COMMON INFO_FLAGS_OLD INFO_HEAD INFO_TYPES_OLD
                "NUMBER(PG_slab)=9\nOFFSET(page.compound_dtor)=16\n"
                "OFFSET(page.compound_order)=17\nNUMBER(HUGETLB_PAGE_DTOR)=2\n"
                "NUMBER(SECTION_SIZE_BITS)=27\n",
                FLAGS_OLD,
                .slab = BIT(9),
                .buddy = -129,
                .offline = -257,
                .dtor_offset = 16,
                .order_offset = 17,
        },
        {
                .name = "6.4",
                .info = INFO_COMMON INFO_FLAGS_OLD INFO_HEAD INFO_TYPES_OLD
                "NUMBER(PG_slab)=9\nOFFSET(folio._folio_dtor)=80\n"
                "OFFSET(folio._folio_order)=81\nNUMBER(HUGETLB_PAGE_DTOR)=2\n",
                FLAGS_OLD,
                .slab = BIT(9),
                .buddy = -129,
                .offline = -257,
                .dtor_offset = 16,
                .order_offset = 17,
        },
        {
                .name = "6.6",
                .info = INFO_COMMON INFO_FLAGS_OLD INFO_HEAD INFO_TYPES_OLD
                "NUMBER(PG_slab)=9\nNUMBER(PG_hugetlb)=8\n",
                FLAGS_OLD,
                .slab = BIT(9),
                .buddy = -129,
                .offline = -257,
                .hugetlb_flag = BIT(8),
        },
        {
                .name = "6.10",
                .info = INFO_COMMON INFO_FLAGS_NEW INFO_HEAD INFO_TYPES_OLD
                "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-2049\n"
                "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-4097\n",
                FLAGS_NEW,
                .buddy = -129,
                .offline = -257,
                .hugetlb_type = -2049,
                .slab_type = -4097,
        },
        {
                .name = "6.11",
                .info = INFO_COMMON INFO_FLAGS_NEW INFO_HEAD
                "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-1073741825\n"
                "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-536870913\n"
                "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-67108865\n"
                "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-33554433\n",
                FLAGS_NEW,
                .buddy = -1073741825,
                .offline = -536870913,
                .hugetlb_type = -67108865,
                .slab_type = -33554433,
        },
        {
                .name = "6.12",
                .info = INFO_COMMON INFO_FLAGS_NEW INFO_HEAD INFO_TYPES_NEW,
                FLAGS_NEW,
                TYPES_NEW,
        },
        {
                .name = "7.1",
                .info = INFO_COMMON INFO_FLAGS_NEW
                "OFFSET(page.compound_info)=8\n" INFO_TYPES_NEW
                "NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)=-150994944\n",
                FLAGS_NEW,
                TYPES_NEW,
                .unaccepted = -150994944,
                .compound_mask = true,
        },
};

const TestKernel *test_kernel_find(const char *name)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++)
                if (streq(test_kernels[i].name, name))
                        return &test_kernels[i];
        fail_msg("no such kernel");
        return NULL;
}

void test_rules_load(const TestKernel *kernel, unsigned level, PageRules *ret)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        unsigned wanted = page_classes_of_level(level);
        char **warnings = NULL, *message = NULL;

        *ret = (PageRules){ .classes = wanted, .memmap_vaddr = TEST_MEMMAP_VADDR };
        assert_int_equal(vmcoreinfo_new(kernel->info, strlen(kernel->info), &info), 0);
        assert_int_equal(page_layout_load(&ret->layout, info, wanted, &warnings, &message), 0);
        assert_null(message);
        assert_null(warnings);
        assert_int_equal(ret->layout.decidable & wanted, wanted);
}

void test_page_put(uint8_t *at, const TestPage *page)
{
        memset(at, 0, TEST_STRUCT_BYTES);
        memcpy(at, &page->flags, 8);
        memcpy(at + 8, &page->compound, 8);
        memcpy(at + 24, &page->mapping, 8);
        memcpy(at + 40, &page->private, 8);
        memcpy(at + 48, &page->mapcount, 4);
        memcpy(at + 52, &page->refcount, 4);
}

void test_buddy_put(const TestKernel *kernel, uint8_t *pages, unsigned order)
{
        const TestPage rest = { .mapcount = -1 };
        const TestPage first = { .mapcount = kernel->buddy, .private = order };

        test_page_put(pages, &first);
        for (uint64_t i = 1; i < UINT64_C(1) << order; i++)
                test_page_put(pages + i * TEST_STRUCT_BYTES, &rest);
}

void test_folio_put(const TestKernel *kernel, uint8_t *pages, uint64_t head_pfn, unsigned order,
                    bool hugetlb, const TestPage *head, uint64_t n)
{
        uint64_t vaddr = TEST_MEMMAP_VADDR + head_pfn * TEST_STRUCT_BYTES;
        uint8_t *second = pages + TEST_STRUCT_BYTES;
        uint64_t flags = order | (hugetlb ? kernel->hugetlb_flag : 0);
        TestPage page = *head, tail = { .compound = vaddr | 1, .mapcount = -1 };

        if (kernel->compound_mask)
                tail.compound = ~((UINT64_C(1) << (order + 6)) - 1) | 1;
        page.flags |= kernel->head;
        if (hugetlb && kernel->hugetlb_type)
                page.mapcount = kernel->hugetlb_type;
        test_page_put(pages, &page);
        for (uint64_t i = 1; i < n; i++)
                test_page_put(pages + i * TEST_STRUCT_BYTES, &tail);

        if (kernel->order_offset) {
                second[kernel->order_offset] = (uint8_t) order;
                second[kernel->dtor_offset] = hugetlb ? 2 : 1;
        } else
                memcpy(second, &flags, 8);
}
