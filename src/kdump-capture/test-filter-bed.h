/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FilterBed: a page filter over a made-up kernel, for tests. */
#pragma once

#include "page-filter.h"
#include "test-sections.h"

#define N_PAGES (TEST_N_SECTIONS * TEST_SECTION_PAGES)
#define STEXT_PFN (TEST_PHYS_BASE / TEST_PAGE_BYTES)
#define INIT_UTS_NS_PFN (STEXT_PFN + 0x80)
#define IMAGE_END_PFN (TEST_ROOT_PADDR / TEST_PAGE_BYTES + 1)

typedef struct FilterBed {
        TestSections sections;
        PageFilter *filter;
        VmcoreView *view;
        PageFilterReader *reader;
        uint8_t bits[N_PAGES / 8];
        PageCounts counts;
} FilterBed;

void bed_init(FilterBed *bed, const TestKernel *kernel, TestMapping mapping);
void bed_done(FilterBed *bed);

/* Makes the filter anew, from the memory as it is now. */
void bed_open(FilterBed *bed, unsigned level);

/* Classifies all pages. */
void bed_classify(FilterBed *bed);

/* Does both; exactly these pages are left out, and as @class. */
void bed_expect(FilterBed *bed, unsigned level, PageClass class, uint64_t first_pfn, uint64_t n);

void bed_put(FilterBed *bed, uint64_t pfn, const TestPage *page);
