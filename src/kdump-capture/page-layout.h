/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PageLayout: how the crashed kernel's struct page looks, and what of it can be decided, all from
 * VMCOREINFO: a key that is missing is never guessed, but what needs it is not decided. */
#pragma once

#include "vmcoreinfo.h"

/* What a page is, under makedumpfile's names. All but the first are left out, if the level says
 * so. */
typedef enum PageClass {
        PAGE_KEPT,
        PAGE_CACHE,
        PAGE_CACHE_PRIVATE,
        PAGE_USER,
        PAGE_FREE,
        PAGE_HWPOISON,
        PAGE_OFFLINE,
        _PAGE_CLASS_MAX,
        _PAGE_CLASS_INVALID = -EINVAL,
} PageClass;

const char *page_class_to_string(PageClass class);

/* Sets of classes. */
#define PAGE_CLASS_BIT(class) (1U << (class))

/* The classes that a dump level asks to leave out: its bits 2, 4 (which implies 2), 8 and 16; bit 1
 * is not about struct pages. Poisoned and offline memory is left out at any level, as it must not
 * be read. */
unsigned page_classes_of_level(unsigned level);

/* Of x86_64 struct page has 64 bytes, with the debugging of KMSAN 80 (include/linux/mm_types.h). */
#define PAGE_LAYOUT_STRUCT_BYTES_MAX 256

/* A value of page_type (the same bytes as _mapcount): it is this type if (it & mask) == value. Mask
 * 0: there is no such type. */
typedef struct PageType {
        uint32_t mask, value;
} PageType;

/* What says that a folio is of hugetlbfs. */
typedef enum PageHugetlb {
        PAGE_HUGETLB_UNKNOWN,
        PAGE_HUGETLB_BY_DTOR, /* up to v6.5: the destructor's number, in the second struct page */
        PAGE_HUGETLB_BY_FLAG, /* v6.6 to v6.8: a flag of the second struct page */
        PAGE_HUGETLB_BY_TYPE, /* since v6.9: the page type of the head */
} PageHugetlb;

/* Offsets are from the beginning of a struct page, and so that the field lies within it. */
typedef struct PageLayout {
        uint32_t struct_bytes;
        uint32_t flags_offset;
        uint32_t compound_offset; /* compound_head or compound_info; bit 0: a tail page */
        uint32_t mapping_offset;
        uint32_t private_offset; /* of a free block: its order */
        uint32_t mapcount_offset;
        uint32_t refcount_offset;

        /* Masks of flags; 0: no such flag. */
        uint64_t lru_mask, private_mask, swap_mask, head_mask, hwpoison_mask, slab_mask;
        PageType buddy, offline, unaccepted, slab;

        /* In the second struct page: the byte with the order, that of the destructor, and the flag,
         * and the type of the head, whichever @hugetlb says. */
        uint32_t order_offset, dtor_offset;
        uint8_t dtor;
        uint64_t hugetlb_mask;
        PageType hugetlb_type;
        PageHugetlb hugetlb;

        uint32_t n_orders;  /* a free block has fewer than this; 0: unknown */
        unsigned decidable; /* the classes that can be told */
} PageLayout;

/* Fills @layout. For each class of @wanted that cannot be decided, why is appended to @warnings.
 * Returns 0; -ENODATA or -EBADMSG if nothing can be decided, *reterr_message (caller frees) then
 * says why; -ENOMEM. Does not log. */
int page_layout_load(PageLayout *layout, const Vmcoreinfo *info, unsigned wanted, char ***warnings,
                     char **reterr_message);
