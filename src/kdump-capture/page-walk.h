/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PageWalk: the pure part of the page filter: struct pages in plain memory to pages that are left
 * out. It jumps from folio to folio and from free block to free block. */
#pragma once

#include "page-layout.h"

/* One walk is over this many pages, and begins at a multiple of it. It is more than the largest
 * free block there is with pages of 4 KiB (order 10), so none of them crosses its border; what is
 * larger is kept from the border on. Folios that do cross it are entered by page_walk_enter(). */
#define PAGE_WALK_PAGES 4096

typedef struct PageRules {
        PageLayout layout;
        unsigned classes;      /* to be left out; all of them decidable */
        uint64_t memmap_vaddr; /* where the struct page of page 0 is, or would be */
} PageRules;

/* What holds for the first pages of a walk as they belong to a folio that begins before. */
typedef struct PageFolio {
        uint64_t head_pfn, end_pfn; /* head_pfn == end_pfn: there is none */
        PageClass class;
} PageFolio;

typedef struct PageWalk {
        uint64_t first_pfn; /* a multiple of PAGE_WALK_PAGES */
        PageFolio folio;    /* set by page_walk_enter() */
        uint32_t next, end; /* what is still to do: pages, counted from first_pfn */

        uint64_t excluded[PAGE_WALK_PAGES / 64]; /* lowest bit first */
        uint64_t n_pages[_PAGE_CLASS_MAX];       /* excluded, by class */
} PageWalk;

/* Which folio covers page @pfn but begins before it, going by two struct pages, of @pfn and the
 * next one, at @pages? Returns its first page, or @pfn if there is none. */
uint64_t page_walk_head(const PageRules *rules, uint64_t pfn, const uint8_t *pages);

/* Sets *ret for page @pfn, when @head_pages are the two struct pages of @head_pfn and the next one:
 * to a folio that covers @pfn and that is left out, or kept, as one. Otherwise to none. */
void page_walk_enter(const PageRules *rules, uint64_t pfn, uint64_t head_pfn,
                     const uint8_t *head_pages, PageFolio *ret);

/* Begins with the pages [@start, @end) of @walk, which exist all. first_pfn, folio, excluded and
 * n_pages must be set. */
void page_walk_start(PageWalk *walk, uint32_t start, uint32_t end);

/* Goes on as far as the struct pages at @pages reach: those of the pages [@first, @first + @n) of
 * @walk, both even numbers, and @walk->next among them. Afterwards next is where to go on, often
 * further behind; or at least end. */
void page_walk(const PageRules *rules, PageWalk *walk, const uint8_t *pages, uint32_t first,
               uint32_t n);
