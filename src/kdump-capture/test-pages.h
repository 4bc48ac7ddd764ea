/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TestKernel: how kernels of several ages lay out struct page, and what they say of it. */
#pragma once

#include "page-walk.h"

#define TEST_MEMMAP_VADDR UINT64_C(0xffffea0000000000)
#define TEST_STRUCT_BYTES 64
#define TEST_MAPPING_FILE UINT64_C(0xffff888001234560)
#define TEST_MAPPING_ANON UINT64_C(0xffff888001234561)

typedef struct TestKernel {
        const char *name;
        const char *info; /* VMCOREINFO, as far as it is about struct page */

        uint64_t lru, private, swapcache, swapbacked, head, hwpoison;
        uint64_t slab;                      /* 0: it is a type */
        int32_t buddy, offline;             /* types */
        int32_t hugetlb_type, slab_type;    /* 0: it is not a type */
        int32_t unaccepted;                 /* 0: there is none */
        uint32_t order_offset, dtor_offset; /* in the second struct page; 0: not there */
        uint64_t hugetlb_flag;              /* of the second struct page; 0: not so */
        bool compound_mask;                 /* tails hold a mask, not an address */
} TestKernel;

#define TEST_N_KERNELS 8
extern const TestKernel test_kernels[TEST_N_KERNELS];
const TestKernel *test_kernel_find(const char *name);

/* The rules at @level, with nothing missing. */
void test_rules_load(const TestKernel *kernel, unsigned level, PageRules *ret);

typedef struct TestPage {
        uint64_t flags, compound, mapping, private;
        int32_t mapcount, refcount;
} TestPage;

/* Writes a struct page. */
void test_page_put(uint8_t *at, const TestPage *page);

/* Struct pages of a free block, and of a folio, which is at @head_pfn; its struct page is at
 * @pages.
 * @n of its pages are written. */
void test_buddy_put(const TestKernel *kernel, uint8_t *pages, unsigned order);
void test_folio_put(const TestKernel *kernel, uint8_t *pages, uint64_t head_pfn, unsigned order,
                    bool hugetlb, const TestPage *head, uint64_t n);
