/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the layout of struct page: offsets, flags and page types, as VMCOREINFO names them. */
#include "page-layout.h"

#include "io.h"
#include "strv.h"

#define STRUCT_BYTES_MIN 32

/* NR_PAGE_ORDERS is 11, more only with pages of 16 or 64 KiB. */
#define N_ORDERS_MAX 32

const char *page_class_to_string(PageClass class)
{
        static const char *const names[_PAGE_CLASS_MAX] = {
                [PAGE_KEPT] = "kept",       [PAGE_CACHE] = "cache",
                [PAGE_USER] = "user",       [PAGE_CACHE_PRIVATE] = "cache-private",
                [PAGE_FREE] = "free",       [PAGE_HWPOISON] = "hwpoison",
                [PAGE_OFFLINE] = "offline",
        };

        return class >= 0 && class < _PAGE_CLASS_MAX ? names[class] : NULL;
}

unsigned page_classes_of_level(unsigned level)
{
        unsigned classes = PAGE_CLASS_BIT(PAGE_HWPOISON) | PAGE_CLASS_BIT(PAGE_OFFLINE);

        if (level & (2 | 4))
                classes |= PAGE_CLASS_BIT(PAGE_CACHE);
        if (level & 4)
                classes |= PAGE_CLASS_BIT(PAGE_CACHE_PRIVATE);
        if (level & 8)
                classes |= PAGE_CLASS_BIT(PAGE_USER);
        if (level & 16)
                classes |= PAGE_CLASS_BIT(PAGE_FREE);
        return classes;
}

/* Where the field OFFSET(member) of @bytes is, less @skip: it must lie within the struct page and
 * be aligned to its size. */
static bool offset_get(const PageLayout *layout, const Vmcoreinfo *info, const char *member,
                       uint64_t skip, uint32_t bytes, uint32_t *ret)
{
        uint64_t offset;

        if (vmcoreinfo_offset(info, member, &offset) < 0 || offset < skip)
                return false;
        offset -= skip;
        if (offset > layout->struct_bytes - bytes || offset % bytes != 0)
                return false;
        *ret = (uint32_t) offset;
        return true;
}

/* The mask of the flag whose bit number is NUMBER(name). */
static bool flag_get(const Vmcoreinfo *info, const char *name, uint64_t *ret_mask)
{
        int64_t bit;

        if (vmcoreinfo_number(info, name, &bit) < 0 || bit < 0 || bit > 63)
                return false;
        *ret_mask = UINT64_C(1) << bit;
        return true;
}

/* Page types of v6.12 and later are in the top byte alone, and the others belong to the owner of
 * the page (include/linux/page-flags.h, enum pagetype, commit 4ffca5a96678); before, a type was a
 * bit that is cleared among 32. */
static bool type_get(const Vmcoreinfo *info, const char *name, PageType *ret)
{
        int64_t number;
        uint32_t value;

        if (vmcoreinfo_number(info, name, &number) < 0 || number < INT32_MIN ||
            number > (int64_t) UINT32_MAX)
                return false;
        value = (uint32_t) number;
        if ((int32_t) value >= -128)
                return false; /* that would be a _mapcount */

        ret->mask = value & 0xffffff ? UINT32_MAX : UINT32_C(0xff) << 24;
        ret->value = value;
        return true;
}

static void flags_load(PageLayout *layout, const Vmcoreinfo *info)
{
        uint64_t mask, swapcache, swapbacked;

        (void) flag_get(info, "PG_lru", &layout->lru_mask);
        (void) flag_get(info, "PG_private", &layout->private_mask);
        (void) flag_get(info, "PG_slab", &layout->slab_mask);
        (void) flag_get(info, "PG_hwpoison", &layout->hwpoison_mask);

        /* PG_swapcache is PG_owner_priv_1, which means it only with PG_swapbacked. */
        if (flag_get(info, "PG_swapcache", &swapcache) &&
            flag_get(info, "PG_swapbacked", &swapbacked))
                layout->swap_mask = swapcache | swapbacked;

        /* Not a bit's number but the mask itself. */
        if (vmcoreinfo_number_u64(info, "PG_head_mask", &mask) >= 0 && mask != 0 &&
            (mask & (mask - 1)) == 0)
                layout->head_mask = mask;
}

static void types_load(PageLayout *layout, const Vmcoreinfo *info)
{
        (void) type_get(info, "PAGE_BUDDY_MAPCOUNT_VALUE", &layout->buddy);
        (void) type_get(info, "PAGE_OFFLINE_MAPCOUNT_VALUE", &layout->offline);
        (void) type_get(info, "PAGE_UNACCEPTED_MAPCOUNT_VALUE", &layout->unaccepted);
        /* Since v6.10 (commit 46df8e73a4a3); PG_slab is gone then. */
        (void) type_get(info, "PAGE_SLAB_MAPCOUNT_VALUE", &layout->slab);
}

static bool dtor_get(const Vmcoreinfo *info, PageLayout *layout)
{
        int64_t number;

        if (vmcoreinfo_number(info, "HUGETLB_PAGE_DTOR", &number) < 0 || number < 0 ||
            number > UINT8_MAX)
                return false;
        layout->dtor = (uint8_t) number;
        return true;
}

/* Where the order of a folio is: up to v6.2 in fields of the second struct page; from v6.3 to v6.5
 * in struct folio, which overlays the first and the second; since v6.6 in the lowest byte of the
 * second one's flags (folio_large_order(), commit ebc1baf5c9b4). */
static void folio_load(PageLayout *layout, const Vmcoreinfo *info)
{
        uint64_t bytes = layout->struct_bytes;
        bool dtor = false;

        if (offset_get(layout, info, "page.compound_order", 0, 1, &layout->order_offset))
                dtor = offset_get(layout, info, "page.compound_dtor", 0, 1, &layout->dtor_offset);
        else if (offset_get(layout, info, "folio._folio_order", bytes, 1, &layout->order_offset))
                dtor = offset_get(layout, info, "folio._folio_dtor", bytes, 1,
                                  &layout->dtor_offset);
        else
                layout->order_offset = layout->flags_offset; /* little endian */

        if (dtor && dtor_get(info, layout))
                layout->hugetlb = PAGE_HUGETLB_BY_DTOR;
        else if (type_get(info, "PAGE_HUGETLB_MAPCOUNT_VALUE", &layout->hugetlb_type))
                layout->hugetlb = PAGE_HUGETLB_BY_TYPE;
        else if (flag_get(info, "PG_hugetlb", &layout->hugetlb_mask))
                layout->hugetlb = PAGE_HUGETLB_BY_FLAG;
}

/* What everything else needs. */
static int base_load(PageLayout *layout, const Vmcoreinfo *info, char **reterr_message)
{
        uint64_t bytes;
        int r;

        r = vmcoreinfo_size(info, "page", &bytes);
        if (r < 0) {
                (void) strprintf(reterr_message,
                                 "VMCOREINFO does not tell the size of struct page");
                return r;
        }
        if (bytes < STRUCT_BYTES_MIN || bytes > PAGE_LAYOUT_STRUCT_BYTES_MAX || bytes % 8 != 0) {
                (void) strprintf(reterr_message, "VMCOREINFO claims a struct page of %llu bytes",
                                 (unsigned long long) bytes);
                return -EBADMSG;
        }
        layout->struct_bytes = (uint32_t) bytes;

        /* compound_info since v7.1. */
        if (!offset_get(layout, info, "page.flags", 0, 8, &layout->flags_offset) ||
            !offset_get(layout, info, "page._mapcount", 0, 4, &layout->mapcount_offset) ||
            (!offset_get(layout, info, "page.compound_head", 0, 8, &layout->compound_offset) &&
             !offset_get(layout, info, "page.compound_info", 0, 8, &layout->compound_offset))) {
                (void) strprintf(
                        reterr_message,
                        "VMCOREINFO does not tell where in struct page the flags, the mapcount "
                        "or the head of a compound page is");
                return -ENODATA;
        }
        return 0;
}

typedef struct Need {
        const char *key;
        bool met;
} Need;

/* Puts @class among the decidable ones unless one of @needs is not met. */
static int class_decide(PageLayout *layout, PageClass class, const Need *needs, size_t n_needs,
                        unsigned wanted, char ***warnings)
{
        for (size_t i = 0; i < n_needs; i++) {
                if (needs[i].met)
                        continue;
                /* Without CONFIG_MEMORY_FAILURE there are no poisoned pages to be told. */
                if (!(wanted & PAGE_CLASS_BIT(class)) || class == PAGE_HWPOISON)
                        return 0;
                return strv_extendf(warnings,
                                    "Keeping %s pages: no usable %s in VMCOREINFO to tell them by",
                                    page_class_to_string(class), needs[i].key);
        }
        layout->decidable |= PAGE_CLASS_BIT(class);
        return 0;
}

static int classes_decide(PageLayout *layout, const Vmcoreinfo *info, unsigned wanted,
                          char ***warnings)
{
        bool mapping = offset_get(layout, info, "page.mapping", 0, 8, &layout->mapping_offset);
        bool private = offset_get(layout, info, "page.private", 0, 8, &layout->private_offset);
        bool refcount = offset_get(layout, info, "page._refcount", 0, 4, &layout->refcount_offset);
        const struct {
                PageClass class;
                Need needs[4];
                size_t n_needs;
        } classes[] = {
                { PAGE_CACHE,
                  { { "OFFSET(page.mapping)", mapping },
                    { "OFFSET(page._refcount)", refcount },
                    { "NUMBER(PG_lru)", layout->lru_mask },
                    { "NUMBER(PG_private)", layout->private_mask } },
                  4 },
                { PAGE_CACHE_PRIVATE,
                  { { "OFFSET(page.mapping)", mapping },
                    { "OFFSET(page._refcount)", refcount },
                    { "NUMBER(PG_lru)", layout->lru_mask },
                    { "NUMBER(PG_private)", layout->private_mask } },
                  4 },
                /* The slab allocator uses the bytes of mapping for itself. */
                { PAGE_USER,
                  { { "OFFSET(page.mapping)", mapping },
                    { "OFFSET(page._refcount)", refcount },
                    { "NUMBER(PG_slab) or NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)",
                      layout->slab_mask || layout->slab.mask } },
                  3 },
                { PAGE_FREE,
                  { { "OFFSET(page.private)", private },
                    { "OFFSET(page._refcount)", refcount },
                    { "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", layout->buddy.mask },
                    { "LENGTH(zone.free_area)", layout->n_orders } },
                  4 },
                { PAGE_HWPOISON, { { "NUMBER(PG_hwpoison)", layout->hwpoison_mask } }, 1 },
                { PAGE_OFFLINE,
                  { { "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)", layout->offline.mask } },
                  1 },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(classes); i++) {
                r = class_decide(layout, classes[i].class, classes[i].needs, classes[i].n_needs,
                                 wanted, warnings);
                if (r < 0)
                        return r;
        }
        if ((wanted & PAGE_CLASS_BIT(PAGE_USER)) && layout->hugetlb == PAGE_HUGETLB_UNKNOWN)
                return strv_extend(warnings, "Keeping pages of hugetlbfs: nothing in VMCOREINFO to "
                                             "tell them by");
        return 0;
}

int page_layout_load(PageLayout *ret, const Vmcoreinfo *info, unsigned wanted, char ***warnings,
                     char **reterr_message)
{
        PageLayout layout = {};
        uint64_t n_orders;
        int r;

        r = base_load(&layout, info, reterr_message);
        if (r < 0)
                return r;

        flags_load(&layout, info);
        types_load(&layout, info);
        folio_load(&layout, info);
        if (vmcoreinfo_length(info, "zone.free_area", &n_orders) >= 0 && n_orders <= N_ORDERS_MAX)
                layout.n_orders = (uint32_t) n_orders;

        r = classes_decide(&layout, info, wanted, warnings);
        if (r < 0)
                return r;

        *ret = layout;
        return 0;
}
