/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the walk through the page tables of the memmap, on x86_64: one table of PMDs is read for the
 * 512 sections it maps. */
#include "memmap-tables.h"

#include <elf.h>
#include <endian.h>

/* arch/x86/include/asm/pgtable_types.h */
#define PAGE_PRESENT_BIT (UINT64_C(1) << 0)
#define PAGE_PSE_BIT (UINT64_C(1) << 7)
#define PAGE_PADDR_MASK UINT64_C(0x000ffffffffff000)
#define PAGE_SHIFT 12
#define TABLE_SHIFT 9
#define PMD_LEVEL 1
#define PUD_LEVEL 2

static unsigned level_shift(unsigned level)
{
        return PAGE_SHIFT + TABLE_SHIFT * level;
}

int memmap_tables_init(MemmapTables *tables, Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info)
{
        uint64_t vaddr, number = 0;
        int r;

        if (vmcore_machine(vmcore) != EM_X86_64)
                return -EOPNOTSUPP;

        memset(tables, 0, sizeof(*tables));
        tables->pmd_vaddr = UINT64_MAX;
        r = vmcoreinfo_symbol(info, "init_top_pgt", &vaddr);
        if (r < 0)
                r = vmcoreinfo_symbol(info, "swapper_pg_dir", &vaddr);
        if (r < 0)
                return r;
        r = kmem_vtop(kmem, vaddr, &tables->root_paddr, NULL);
        if (r < 0)
                return r;
        if (tables->root_paddr % MEMMAP_PTE_BYTES != 0)
                return -EBADMSG;

        r = vmcoreinfo_number_u64(info, "pgtable_l5_enabled", &number);
        if (r < 0 && r != -ENODATA)
                return r;
        tables->n_levels = number ? 5 : 4;

        /* Memory encryption sets one bit of the address (sme_me_mask). */
        number = 0;
        r = vmcoreinfo_number_u64(info, "sme_mask", &number);
        if (r < 0 && r != -ENODATA)
                return r;
        tables->paddr_mask = PAGE_PADDR_MASK & ~number;
        return 0;
}

bool memmap_tables_entry(uint64_t paddr_mask, uint64_t entry, uint64_t *ret_paddr)
{
        entry = le64toh(entry);
        if (!(entry & PAGE_PRESENT_BIT))
                return false;
        *ret_paddr = entry & paddr_mask;
        return true;
}

/* Makes @tables those of the 512 PMDs around @vaddr. Errors are remembered, so that tables that are
 * bad are not read for each section again. */
static int tables_move(MemmapTables *tables, Kmem *kmem, uint64_t vaddr)
{
        uint64_t table_paddr = tables->root_paddr, entry;
        int r;

        tables->pmd_leaf = 0;
        tables->n_tables = 0;
        for (unsigned level = tables->n_levels - 1; level > PMD_LEVEL; level--) {
                uint64_t index = (vaddr >> level_shift(level)) % MEMMAP_TABLE_ENTRIES;

                r = kmem_read_phys(kmem, table_paddr + index * sizeof(entry), &entry,
                                   sizeof(entry));
                if (r < 0)
                        return r;
                tables->table_paddr[tables->n_tables++] = table_paddr;
                entry = le64toh(entry);
                if (!(entry & PAGE_PRESENT_BIT))
                        return -EFAULT;
                if (level == PUD_LEVEL && (entry & PAGE_PSE_BIT)) {
                        tables->pmd_leaf = entry;
                        return 0;
                }
                table_paddr = entry & tables->paddr_mask;
        }

        tables->table_paddr[tables->n_tables++] = table_paddr;
        return kmem_read_phys(kmem, table_paddr, tables->pmd, sizeof(tables->pmd));
}

int memmap_tables_find(MemmapTables *tables, Kmem *kmem, uint64_t vaddr, uint64_t *ret_paddr,
                       bool *ret_new_tables)
{
        uint64_t pmd_vaddr = vaddr >> level_shift(PUD_LEVEL) << level_shift(PUD_LEVEL);
        uint64_t entry, page_mask, paddr;

        *ret_new_tables = tables->pmd_vaddr != pmd_vaddr;
        if (*ret_new_tables) {
                tables->pmd_error = tables_move(tables, kmem, vaddr);
                tables->pmd_vaddr = pmd_vaddr;
        }
        if (tables->pmd_error < 0)
                return tables->pmd_error;

        entry = tables->pmd_leaf;
        page_mask = (UINT64_C(1) << level_shift(PUD_LEVEL)) - 1;
        if (entry == 0) {
                entry = le64toh(
                        tables->pmd[(vaddr >> level_shift(PMD_LEVEL)) % MEMMAP_TABLE_ENTRIES]);
                page_mask = (UINT64_C(1) << level_shift(PMD_LEVEL)) - 1;
        }
        if (!(entry & PAGE_PRESENT_BIT))
                return -EFAULT;

        paddr = entry & tables->paddr_mask;
        if (entry & PAGE_PSE_BIT) {
                *ret_paddr = (paddr & ~page_mask) | (vaddr & page_mask);
                return 1;
        }
        *ret_paddr = paddr + (vaddr >> PAGE_SHIFT) % MEMMAP_TABLE_ENTRIES * sizeof(entry);
        return 0;
}
