/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the decision which pages are left out, and the walk over their struct pages. The rules are
 * makedumpfile's (__exclude_unnecessary_pages()); where they are stricter, a page is kept. */
#include "page-walk.h"

#include <endian.h>

/* Largest folio that is believed: of 16 GiB, which arm64 has. */
#define ORDER_MAX 22

/* Since v4.18 a _mapcount below PAGE_MAPCOUNT_RESERVE is a page type. */
#define MAPCOUNT_RESERVE (-128)

#define PAGE_MAPPING_ANON 1

#define PREFETCH_STRUCTS 16

typedef struct Folio {
        uint32_t order; /* 0: a page of its own */
        bool hugetlb;
} Folio;

static inline uint64_t load_u64(const uint8_t *at)
{
        uint64_t value;

        memcpy(&value, at, sizeof(value));
        return le64toh(value);
}

static inline uint32_t load_u32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return le32toh(value);
}

static inline bool is_type(const PageType *type, uint32_t mapcount)
{
        return type->mask != 0 && (mapcount & type->mask) == type->value;
}

static inline bool is_tail(uint64_t compound)
{
        return compound & 1;
}

static inline uint64_t struct_vaddr(const PageRules *rules, uint64_t pfn)
{
        return rules->memmap_vaddr + pfn * rules->layout.struct_bytes;
}

/* Where the head's struct page is, for the tail whose own is at @vaddr: up to v7.0 the address plus
 * one; since v7.1, if struct page's size is a power of two and CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP
 * is set, a mask for the tail's own address plus one (set_compound_head()). No address in the
 * memmap is ones and then zeros only, as such a mask is. */
static inline uint64_t head_vaddr(uint64_t compound, uint64_t vaddr)
{
        uint64_t word = compound & ~UINT64_C(1), low = ~word;

        return (low & (low + 1)) == 0 ? vaddr & word : word;
}

/* The folio whose head is page @pfn at @page, which has @room struct pages from there on. All that
 * can be checked is checked, as a wrong order would leave out what is behind. */
static inline Folio folio_of(const PageRules *rules, uint64_t pfn, const uint8_t *page,
                             uint32_t room, uint32_t mapcount)
{
        const PageLayout *l = &rules->layout;
        const uint8_t *second = page + l->struct_bytes;
        uint64_t compound, last;
        uint32_t order;
        Folio folio = {};

        if (room < 2)
                return folio;
        compound = load_u64(second + l->compound_offset);
        if (!is_tail(compound) ||
            head_vaddr(compound, struct_vaddr(rules, pfn + 1)) != struct_vaddr(rules, pfn))
                return folio;

        order = second[l->order_offset];
        if (order == 0 || order > ORDER_MAX || (pfn & ((UINT64_C(1) << order) - 1)) != 0)
                return folio;

        /* All tails of a folio have the same word. */
        last = MIN(UINT64_C(1) << order, (uint64_t) room) - 1;
        if (last > 1 && load_u64(page + last * l->struct_bytes + l->compound_offset) != compound)
                return folio;

        folio.order = order;
        switch (l->hugetlb) {
        case PAGE_HUGETLB_BY_DTOR:
                folio.hugetlb = second[l->dtor_offset] == l->dtor;
                break;
        case PAGE_HUGETLB_BY_FLAG:
                folio.hugetlb = load_u64(second + l->flags_offset) & l->hugetlb_mask;
                break;
        case PAGE_HUGETLB_BY_TYPE:
                folio.hugetlb = is_type(&l->hugetlb_type, mapcount);
                break;
        case PAGE_HUGETLB_UNKNOWN:
                break;
        }
        return folio;
}

static inline bool is_slab(const PageLayout *l, uint64_t flags, uint32_t mapcount)
{
        return l->slab.mask != 0 ? is_type(&l->slab, mapcount) : (flags & l->slab_mask) != 0;
}

static inline bool is_cache(const PageLayout *l, uint64_t flags)
{
        return (flags & l->lru_mask) != 0 ||
               (l->swap_mask != 0 && (flags & l->swap_mask) == l->swap_mask);
}

/* What holds for pages that are neither free nor a tail. */
static inline PageClass class_of(const PageRules *rules, const uint8_t *page, uint64_t flags,
                                 uint32_t mapcount, bool hugetlb)
{
        const PageLayout *l = &rules->layout;
        bool slab = is_slab(l, flags, mapcount), typed = (int32_t) mapcount < MAPCOUNT_RESERVE;

        /* Nobody holds a reference: not a page of a file or a process. Those of the hugetlbfs pool
         * that are not in use have none either. */
        if (hugetlb || load_u32(page + l->refcount_offset) != 0) {
                bool anon =
                        (load_u64(page + l->mapping_offset) & PAGE_MAPPING_ANON) && !slab && !typed;

                if (!anon && is_cache(l, flags)) {
                        PageClass class = flags & l->private_mask ? PAGE_CACHE_PRIVATE : PAGE_CACHE;

                        if (rules->classes & PAGE_CLASS_BIT(class))
                                return class;
                }
                if ((anon || hugetlb) && (rules->classes & PAGE_CLASS_BIT(PAGE_USER)))
                        return PAGE_USER;
        }
        if ((flags & l->hwpoison_mask) && (rules->classes & PAGE_CLASS_BIT(PAGE_HWPOISON)))
                return PAGE_HWPOISON;
        if (is_type(&l->offline, mapcount) && !slab &&
            (rules->classes & PAGE_CLASS_BIT(PAGE_OFFLINE)))
                return PAGE_OFFLINE;
        return PAGE_KEPT;
}

/* Is page @pfn the first of a free block? Returns 0 if it is not, 1 and the order, or -EBADMSG if
 * its struct page contradicts itself. */
static inline int free_order(const PageRules *rules, uint64_t pfn, const uint8_t *page,
                             uint64_t flags, uint32_t mapcount, uint64_t *ret_order)
{
        const PageLayout *l = &rules->layout;
        uint64_t order;

        if (is_type(&l->buddy, mapcount) && !is_slab(l, flags, mapcount)) {
                order = load_u64(page + l->private_offset);
                if (order >= l->n_orders || load_u32(page + l->refcount_offset) != 0)
                        return -EBADMSG;
        } else if (is_type(&l->unaccepted, mapcount))
                order = l->n_orders - 1; /* always MAX_PAGE_ORDER: __free_unaccepted() */
        else
                return 0;

        if ((pfn & ((UINT64_C(1) << order) - 1)) != 0)
                return -EBADMSG;
        *ret_order = order;
        return 1;
}

static inline void mark(PageWalk *walk, PageClass class, uint32_t first, uint32_t n)
{
        walk->n_pages[class] += n;
        if (n == 1) {
                walk->excluded[first / 64] |= UINT64_C(1) << first % 64;
                return;
        }
        while (n > 0) {
                uint32_t bit = first % 64, n_bits = MIN(n, 64 - bit);

                walk->excluded[first / 64] |= (UINT64_MAX >> (64 - n_bits)) << bit;
                first += n_bits;
                n -= n_bits;
        }
}

uint64_t page_walk_head(const PageRules *rules, uint64_t pfn, const uint8_t *pages)
{
        const PageLayout *l = &rules->layout;
        uint64_t vaddr = struct_vaddr(rules, pfn), compound, head, distance;

        compound = load_u64(pages + l->compound_offset);
        if (!is_tail(compound)) {
                /* With the memmap of a hugetlb page folded, up to v7.0, each of its pages shows the
                 * first one: it looks like a head, and the one behind tells (the "fake heads" of
                 * page_fixed_fake_head()). */
                compound = load_u64(pages + l->struct_bytes + l->compound_offset);
                if (!(load_u64(pages + l->flags_offset) & l->head_mask) || !is_tail(compound))
                        return pfn;
                head = head_vaddr(compound, vaddr + l->struct_bytes);
        } else
                head = head_vaddr(compound, vaddr);

        if (head < rules->memmap_vaddr || head >= vaddr)
                return pfn;
        distance = vaddr - head;
        if (distance % l->struct_bytes != 0 || distance / l->struct_bytes >> ORDER_MAX != 0)
                return pfn;
        return pfn - distance / l->struct_bytes;
}

void page_walk_enter(const PageRules *rules, uint64_t pfn, uint64_t head_pfn,
                     const uint8_t *head_pages, PageFolio *ret)
{
        const PageLayout *l = &rules->layout;
        uint64_t flags = load_u64(head_pages + l->flags_offset), end_pfn;
        uint32_t mapcount = load_u32(head_pages + l->mapcount_offset);
        PageClass class;
        Folio folio;

        *ret = (PageFolio){};
        if (!(flags & l->head_mask) || is_tail(load_u64(head_pages + l->compound_offset)))
                return;
        folio = folio_of(rules, head_pfn, head_pages, 2, mapcount);
        end_pfn = head_pfn + (UINT64_C(1) << folio.order);
        if (folio.order == 0 || head_pfn > pfn || end_pfn <= pfn)
                return;

        class = class_of(rules, head_pages, flags, mapcount, folio.hugetlb);
        if (!folio.hugetlb && (class == PAGE_KEPT || class == PAGE_HWPOISON))
                return; /* its tails are looked at one by one */
        *ret = (PageFolio){ .head_pfn = head_pfn, .end_pfn = end_pfn, .class = class };
}

void page_walk_start(PageWalk *walk, uint32_t start, uint32_t end)
{
        uint64_t pfn = walk->first_pfn + start;

        walk->next = start;
        walk->end = end;
        if (walk->folio.end_pfn <= pfn)
                return;

        walk->next = (uint32_t) MIN(walk->folio.end_pfn - walk->first_pfn, (uint64_t) end);
        if (walk->folio.class != PAGE_KEPT)
                mark(walk, walk->folio.class, start, walk->next - start);
}

/* One step: decides on page @at and what belongs to it. Returns how many pages that are. */
static inline uint64_t step(const PageRules *rules, PageWalk *walk, const uint8_t *page,
                            uint32_t at, uint32_t end, uint32_t room)
{
        const PageLayout *l = &rules->layout;
        uint64_t flags = load_u64(page + l->flags_offset), pfn = walk->first_pfn + at, n, order;
        uint32_t mapcount = load_u32(page + l->mapcount_offset);
        bool poison = rules->classes & PAGE_CLASS_BIT(PAGE_HWPOISON);
        PageClass class = PAGE_KEPT;
        Folio folio = {};
        int r = 0;

        if (is_tail(load_u64(page + l->compound_offset))) {
                /* Of a folio that is kept. */
                if (poison && (flags & l->hwpoison_mask))
                        mark(walk, PAGE_HWPOISON, at, 1);
                return 1;
        }

        if ((int32_t) mapcount < MAPCOUNT_RESERVE && (rules->classes & PAGE_CLASS_BIT(PAGE_FREE)))
                r = free_order(rules, pfn, page, flags, mapcount, &order);
        if (r > 0) {
                n = MIN(UINT64_C(1) << order, (uint64_t) (end - at));
                mark(walk, PAGE_FREE, at, (uint32_t) n);
                return n;
        }
        if (r < 0) {
                if (poison && (flags & l->hwpoison_mask))
                        mark(walk, PAGE_HWPOISON, at, 1);
                return 1;
        }

        if (flags & l->head_mask)
                folio = folio_of(rules, pfn, page, room, mapcount);
        class = class_of(rules, page, flags, mapcount, folio.hugetlb);

        /* Poison is marked on the page itself; of hugetlbfs, on the head for all of it
         * (folio_set_hugetlb_hwpoison()), and there the tails may be folded. */
        if (!folio.hugetlb && (class == PAGE_HWPOISON || (class == PAGE_KEPT && poison)))
                folio.order = 0;

        n = MIN(UINT64_C(1) << folio.order, (uint64_t) (end - at));
        if (class != PAGE_KEPT)
                mark(walk, class, at, (uint32_t) n);
        return n;
}

void page_walk(const PageRules *rules, PageWalk *walk, const uint8_t *pages, uint32_t first,
               uint32_t n)
{
        /* Copies, which stay in registers as nothing else can point at them. */
        const PageRules own = *rules;
        const uint32_t end = walk->end, stop = MIN(end, first + n);
        const size_t struct_bytes = own.layout.struct_bytes;
        uint32_t at = walk->next;

        while (at < stop) {
                const uint8_t *page = pages + (at - first) * struct_bytes;
                uint64_t done;

                /* Further than the processor looks ahead on its own: over the end of its page. */
                __builtin_prefetch(page + PREFETCH_STRUCTS * struct_bytes);
                done = step(&own, walk, page, at, end, first + n - at);

                /* Blocks of one size tend to follow each other: that after the next one, with the
                 * end of it. */
                if (done > 1) {
                        __builtin_prefetch(page + 2 * done * struct_bytes);
                        __builtin_prefetch(page + (3 * done - 1) * struct_bytes);
                }
                at += (uint32_t) done;
        }
        walk->next = at;
}
