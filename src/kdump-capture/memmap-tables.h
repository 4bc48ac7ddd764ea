/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MemmapTables: the page tables that map the memmap, down to the entry that maps one section. */
#pragma once

#include "kmem.h"

/* What the lowest table but one maps with one entry, and so the most a memmap of a section has. */
#define MEMMAP_PMD_BYTES (UINT64_C(2) << 20)
#define MEMMAP_PTE_BYTES UINT64_C(4096)

#define MEMMAP_TABLE_ENTRIES 512
#define MEMMAP_LEVELS_MAX 5

typedef struct MemmapTables {
        uint64_t root_paddr;
        uint64_t paddr_mask; /* of what is in an entry */
        unsigned n_levels;

        /* The tables of the way to the address asked for last, the PMD table whole. */
        uint64_t pmd_vaddr; /* the first address it maps; UINT64_MAX: none */
        int pmd_error;      /* why there is no PMD table */
        uint64_t pmd_leaf;  /* if its place is taken by a page: that entry, else 0 */
        uint64_t table_paddr[MEMMAP_LEVELS_MAX];
        unsigned n_tables;
        uint64_t pmd[MEMMAP_TABLE_ENTRIES];
} MemmapTables;

/* Returns 0; -EOPNOTSUPP for an architecture that is not known, -ENODATA or -EBADMSG without a root
 * to begin at. Does not log. */
int memmap_tables_init(MemmapTables *tables, Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info);

/* Finds what maps the @bytes at @vaddr, which do not cross a multiple of MEMMAP_PMD_BYTES: 1 and
 * where they are, or 0 and where the entry of the first page is. -EFAULT if they are not mapped,
 * else as kmem_read_phys(). *ret_new_tables: the way there is not the one of the last call. */
int memmap_tables_find(MemmapTables *tables, Kmem *kmem, uint64_t vaddr, uint64_t *ret_paddr,
                       bool *ret_new_tables);

/* The page that an entry of the lowest table maps. Returns false if it maps none. */
bool memmap_tables_entry(uint64_t paddr_mask, uint64_t entry, uint64_t *ret_paddr);
